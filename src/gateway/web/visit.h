// One HTTP request with its caller, and limits on how many requests may last at the same time.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/mutex.h"
#include "gateway/auth/identity.h"
#include "gateway/http/http.h"
#include "gateway/web/server_span.h"
#include "runtime/metrics.h"

namespace modelrun::gateway {

// A request that has passed the checks of App, with its caller. Shares the ownership of the request and of its
// exchange; a call that waits keeps the visit by shared_from_this(), so a Visit must be made with make_shared().
// Immutable; the exchange is thread-safe.
class Visit : public std::enable_shared_from_this<Visit> {
 public:
  Visit(std::shared_ptr<const HttpRequest> given_request, std::shared_ptr<HttpExchange> given_exchange,
        Identity given_caller, std::shared_ptr<ServerSpan> given_span = nullptr)
      : request(*given_request),
        exchange(*given_exchange),
        caller(std::move(given_caller)),
        span(std::move(given_span)),
        request_(std::move(given_request)),
        exchange_(std::move(given_exchange)) {}

  const HttpRequest& request;
  HttpExchange& exchange;
  const Identity caller;
  const std::shared_ptr<ServerSpan> span;  // null: there is no tracing

 private:
  const std::shared_ptr<const HttpRequest> request_;
  const std::shared_ptr<HttpExchange> exchange_;
};

// One place of a Places. It is free again when the last copy is destroyed.
using Place = std::shared_ptr<void>;

// How many requests of one kind may last at the same time, and how many of them may be of one caller (share_of()).
struct PlaceLimits {
  int total = 0;
  int per_caller = 0;
};

// Keeps to these limits, and shows the number of places that are taken in `gauge`, which must outlive it. Thread-safe.
// It must outlive the places that it gave out.
class Places {
 public:
  // `flag`: of the total, without the dashes, for the errors' messages; that of a caller's share is `flag`-per-caller.
  // Empty: the limits are fixed, and the places are those of short calls.
  Places(prometheus::Gauge& gauge, PlaceLimits limits, std::string flag)
      : gauge_(gauge), limits_(limits), flag_(std::move(flag)) {}
  // kThrottled if all places are taken or the caller has as many as one caller may have. Does not block.
  Result<Place> take(const Identity& caller);

 private:
  void leave(const std::string& owner);

  prometheus::Gauge& gauge_;
  const PlaceLimits limits_;
  const std::string flag_;
  Mutex mutex_;
  int taken_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, int> by_owner_ GUARDED_BY(mutex_);  // without those that have none
};

}  // namespace modelrun::gateway
