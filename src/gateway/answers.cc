// Small pieces of answers that both protocols use.
#include <algorithm>

#include "gateway/app_impl.h"
#include "net/bearer.h"

namespace modelrun::gateway {
namespace {

constexpr std::size_t kMaxKey = 255;

// W3C Trace Context: "00-<32 hex>-<16 hex>-<2 hex>".
std::string traceparent_of(const HttpRequest& request) {
  const auto text = request.header("traceparent").value_or("");
  constexpr std::string_view kForm = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
  const bool fits = std::ranges::equal(text, kForm, [](char c, char form) {
    return form == 'x' ? (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') : c == form;
  });
  return fits ? std::string(text) : std::string();
}

}  // namespace

ToolCall App::Impl::tool_call(const Visit& visit) const {
  return {.caller = visit.caller,
          .runs = runs,
          .times = options.times,
          .clock = &clock,
          .recheck = [this, kept = visit.shared_from_this()](std::stop_token stop) -> Result<void> {
            const auto token = net::parse_bearer(kept->request.header("Authorization").value_or(""));
            if (everybody != nullptr || !token) return {};
            auto again = authenticator.authenticate(*token, std::move(stop));
            if (!again) return std::unexpected(again.error());
            return {};
          },
          .idempotency_key = {},
          .traceparent = traceparent_of(visit.request),
          .cancel_on_stop = {},
          .on_tick = {},
          .on_outcome =
              [this](std::string_view mode, std::string_view outcome) {
                metrics
                    .counter("modelrun_gateway_runs_total", "Calls of run by mode and what came of them",
                             {{"mode", std::string(mode)}, {"outcome", std::string(outcome)}})
                    .Increment();
              },
          .stop = visit.exchange.stop_token(),
          .later =
              [kept = visit.shared_from_this()](std::function<void()> work) { kept->exchange.later(std::move(work)); }};
}

Place Places::take() {
  const bool got = taken_.fetch_add(1) < limit_;
  gauge_.Increment();
  if (!got) {
    leave();
    return nullptr;
  }
  return {this, [](void* places) { static_cast<Places*>(places)->leave(); }};
}

void Places::leave() {
  gauge_.Decrement();
  taken_.fetch_sub(1);
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return 422;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kConflict:
    case ErrorKind::kExists:
    case ErrorKind::kGone:
      return 409;
    case ErrorKind::kDenied:
      return 403;
    case ErrorKind::kThrottled:
      return 429;
    case ErrorKind::kUnavailable:
    case ErrorKind::kCancelled:
      return 503;
    case ErrorKind::kTimeout:
      return 504;
    case ErrorKind::kTooLarge:
      return 413;
    case ErrorKind::kInternal:
      break;
  }
  return 500;
}

namespace {

std::string_view title_of(int status) {
  switch (status) {
    case 400:
      return "Malformed request";
    case 401:
      return "Not authenticated";
    case 403:
      return "Not allowed";
    case 404:
      return "Not found";
    case 405:
      return "Method not allowed";
    case 409:
      return "Not in this state";
    case 413:
      return "Too large";
    case 415:
      return "Not this media type";
    case 422:
      return "Invalid request";
    case 429:
      return "Too many requests";
    case 503:
      return "Not now";
    case 504:
      return "No answer in time";
    default:
      return "Internal error";
  }
}

}  // namespace

nlohmann::json problem_fields(int status, const std::string& detail) {
  return {{"type", "about:blank"}, {"title", title_of(status)}, {"status", status}, {"detail", detail}};
}

nlohmann::json problem_fields(const Error& error) {
  return problem_fields(status_of(error.kind), error.message);
}

HttpAnswer problem(int status, const std::string& detail) {
  return {.status = status, .content_type = "application/problem+json", .body = dump(problem_fields(status, detail))};
}

HttpAnswer problem(const Error& error) {
  return problem(status_of(error.kind), error.message);
}

void answer_fields(const Visit& visit, const Result<nlohmann::json>& fields) {
  visit.exchange.answer(fields ? HttpAnswer{.body = dump(*fields)} : problem(fields.error()));
}

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string event(std::string_view name, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

bool accepts_events(const HttpRequest& request) {
  return request.header("Accept").value_or("").find("text/event-stream") != std::string_view::npos;
}

Result<std::string> idempotency_key(const HttpRequest& request) {
  const auto key = request.header("Idempotency-Key");
  if (!key) return std::string();
  if (key->empty() || key->size() > kMaxKey) {
    return fail(ErrorKind::kInvalid, "Idempotency-Key: 1 to {} characters", kMaxKey);
  }
  return std::string(*key);
}

}  // namespace modelrun::gateway
