#include <algorithm>
#include <utility>

#include "cloudevents/sink.h"

namespace modelrun::cloudevents {
namespace {

Answer no_answer(std::string_view word, std::string what, const Error& error) {
  return {.outcome = Outcome::kTryAgain, .word = word, .what = std::move(what), .detail = error.message};
}

Answer judge_error(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kTimeout:
      return no_answer("timeout", "the receiver did not answer in time", error);
    case ErrorKind::kDenied:
    case ErrorKind::kInvalid:
      return no_answer("configuration", "the operator's key or authority for events cannot be used", error);
    case ErrorKind::kTooLarge:
      return no_answer("too_large", "the receiver's answer is too large", error);
    default:
      return no_answer("unreachable", "the receiver cannot be reached", error);
  }
}

std::string_view word_of(int status) {
  if (status == 429) return "throttled";
  if (status >= 500) return "error";
  return status >= 400 ? "refused" : "redirected";
}

}  // namespace

Answer judge(const Result<kube::Response>& response) {
  if (!response) return judge_error(response.error());
  if (response->ok()) return {.outcome = Outcome::kDelivered, .word = "delivered", .what = {}};
  auto what = fmt::format("the receiver answered with HTTP status {}", response->status);
  if (response->status == 410) return {.outcome = Outcome::kRefused, .word = "gone", .what = std::move(what)};
  Answer answer{.outcome = Outcome::kTryAgain, .word = word_of(response->status), .what = std::move(what)};
  const bool asks_to_wait = response->status == 429 || response->status == 503;
  if (asks_to_wait && response->retry_after) {
    answer.retry_after = std::clamp(*response->retry_after, std::chrono::seconds{0}, kLongestRetryAfter);
  }
  return answer;
}

}  // namespace modelrun::cloudevents
