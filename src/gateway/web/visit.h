// One HTTP request with its caller, and limits on how many requests may last at the same time.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "gateway/auth/identity.h"
#include "gateway/http/http.h"
#include "runtime/metrics.h"

namespace modelrun::gateway {

// A request that has passed the checks of App, with its caller. Shares the ownership of the request and of its
// exchange; a call that waits keeps the visit by shared_from_this(), so a Visit must be made with make_shared().
// Immutable; the exchange is thread-safe.
class Visit : public std::enable_shared_from_this<Visit> {
 public:
  Visit(std::shared_ptr<const HttpRequest> given_request, std::shared_ptr<HttpExchange> given_exchange,
        Identity given_caller)
      : request(*given_request),
        exchange(*given_exchange),
        caller(std::move(given_caller)),
        request_(std::move(given_request)),
        exchange_(std::move(given_exchange)) {}

  const HttpRequest& request;
  HttpExchange& exchange;
  const Identity caller;

 private:
  const std::shared_ptr<const HttpRequest> request_;
  const std::shared_ptr<HttpExchange> exchange_;
};

// One place of a Places. It is free again when the last copy is destroyed.
using Place = std::shared_ptr<void>;

// Limits how many requests of one kind may last at the same time, and shows their number in `gauge`, which must
// outlive it. Thread-safe. It must outlive the places that it gave out.
class Places {
 public:
  Places(prometheus::Gauge& gauge, int limit) : gauge_(gauge), limit_(limit) {}
  // Null if all places are taken. Does not block.
  Place take();

 private:
  void leave();

  prometheus::Gauge& gauge_;
  const int limit_;
  std::atomic<int> taken_{0};
};

}  // namespace modelrun::gateway
