// What the run server asks of the controller. Both interfaces are narrow, so that the server is tested with fakes.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "api/sandbox.h"
#include "base/error.h"
#include "source/archive.h"

namespace modelrun::runserver {

// The pod that speaks, as its token proves.
struct PodIdentity {
  std::string namespace_;
  std::string pod_name;
  std::string pod_uid;
};

// Thread-safe. Blocks: the server calls it on threads of its own, never on an io thread.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // kDenied: not a token for us (401). kUnavailable, kTimeout, kThrottled: could not be asked now (503).
  // `stop` fires when the server stops: then it returns soon.
  virtual Result<PodIdentity> authenticate(std::string_view bearer_token, std::stop_token stop) = 0;
};

// The attempt a request is about, from its path. Checked for form only: names of Kubernetes, attempt from 1.
struct AttemptRef {
  std::string namespace_;
  std::string run;
  std::string uid;
  int attempt = 0;
};

enum class Order {
  kNone,    // nothing to do: 204
  kCancel,  // end the model: 200 {"action":"cancel"}
  kOver,    // the attempt is over: 409
};

// One pending watch_orders. Destroying it ends the watch: `done` may still be on its way on another thread and is then
// passed over, but no new call starts. Destruction must not wait for that call. Destroyed on a server thread.
class OrderWatch {
 public:
  virtual ~OrderWatch() = default;
};

// Called on the server's threads and must not block. Every `done` is called exactly once, on any thread, also before
// the call returns; it may be called after the server is gone. Whether the pod may ask for this attempt is for the
// handler to say; the server has only checked that namespaces match. Errors become answers: kDenied 403 · kNotFound 404
// · kConflict, kGone, kExists 409 · kInvalid 400 · kTooLarge 413 · kThrottled 429 · kUnavailable, kTimeout, kCancelled
// 503 · kInternal 500. The message is sent to the pod.
class Handler {
 public:
  virtual ~Handler() = default;

  // Asked for every request first; when false it is answered 503 at once. Cheap.
  [[nodiscard]] virtual bool leading() const = 0;

  // Grants the source: the permit to execute. The archive is pinned until the last byte is sent.
  virtual void claim(AttemptRef attempt, PodIdentity pod,
                     std::function<void(Result<std::shared_ptr<const source::Archive>>)> done) = 0;

  // Success means committed to the API server. The frame is for this run and attempt.
  virtual void submit(AttemptRef attempt, PodIdentity pod, api::ResultFrame frame,
                      std::function<void(Result<void>)> done) = 0;

  // Calls `done` when there is an order (at once if there is one). kNone is allowed at any time. The server destroys
  // the watch when its client goes, after ServerOptions::control_wait, and after `done`. Never null. Only here `done`
  // need not be called: not when the watch is destroyed first.
  virtual std::unique_ptr<OrderWatch> watch_orders(AttemptRef attempt, PodIdentity pod,
                                                   std::function<void(Result<Order>)> done) = 0;
};

}  // namespace modelrun::runserver
