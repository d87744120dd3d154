// Where events go, and what its answers mean.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "cloudevents/event.h"
#include "kube/request.h"

namespace modelrun::cloudevents {

// Takes events to their receiver. Thread-safe.
class Sink {
 public:
  virtual ~Sink() = default;
  // Sends the event once, and returns the answer, whatever its status. Blocks for a bounded time; ends soon after
  // `stop` is requested. An Error means that there was no answer, as in outbound::Connection::post(); kDenied: there is
  // no key to sign with.
  virtual Result<kube::Response> send(const Event& event, std::stop_token stop) = 0;
};

// What one try has come to.
enum class Outcome {
  kDelivered,  // the receiver has taken the event
  kTryAgain,
  kRefused,  // the receiver does not want it, nor will it ever
};

struct Answer {
  Outcome outcome = Outcome::kTryAgain;
  std::string_view word;  // for metrics, see docs/metrics.md
  // For whoever may read the run: what came back, with nothing of the answer's body, nor of where the sink is.
  std::string what;
  std::string detail{};  // for the administrator: why there was no answer; empty if there was one
  // With kTryAgain, if the receiver has named a time: nothing is to be sent before. At most kLongestRetryAfter.
  std::optional<std::chrono::seconds> retry_after{};
};

inline constexpr std::chrono::seconds kLongestRetryAfter{600};

// 2xx is success, and 410 (Gone) a refusal for good; everything else may be another answer later, when the receiver or
// its configuration is put right: other 4xx (a key that the receiver does not know yet is 401), redirects, which are
// not followed, 5xx, and no answer. Retry-After counts with 429 and 503. Pure.
Answer judge(const Result<kube::Response>& response);

}  // namespace modelrun::cloudevents
