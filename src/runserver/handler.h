// What the run server asks of the rest of the operator: who a pod is (PodAuthenticator), and what to answer (Handler).
// Tests of the server replace both by fakes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "api/points.h"
#include "api/sandbox.h"
#include "base/error.h"
#include "source/archive.h"

namespace modelrun::runserver {

// The pod that sent a request, as its token proves.
struct PodIdentity {
  std::string namespace_;
  std::string pod_name;
  std::string pod_uid;
};

// Must be thread-safe. authenticate() may block: the server calls it on its work threads, never on an io thread.
class PodAuthenticator {
 public:
  virtual ~PodAuthenticator() = default;
  // Returns the pod that `bearer_token` belongs to. kDenied means that the token is not one for this server, and the
  // pod gets 401. With any other kind, e.g. kUnavailable, the token could not be checked now, and the pod gets 503.
  // The error's message is not sent. `stop` is requested when the grace period of a stopping server is over; the call
  // must then return soon. `bearer_token` is valid only during the call.
  virtual Result<PodIdentity> authenticate(std::string_view bearer_token, std::stop_token stop) = 0;
  // The result of an earlier authenticate() of this token if it is still in memory: the pod, or an error of the kind
  // kDenied. Nullopt if authenticate() has to be asked. Called on the io threads, so it must not block.
  virtual std::optional<Result<PodIdentity>> remembered(std::string_view /*bearer_token*/) { return std::nullopt; }
};

// The attempt that a request is about, taken from its path. Only the form is checked (route.h); whether such an
// attempt exists is not.
struct AttemptRef {
  std::string namespace_;
  std::string run;
  std::string uid;
  int attempt = 0;  // counted from 1
};

// The standby that a request is about, taken from its path. Only the form is checked.
struct StandbyRef {
  std::string namespace_;
  std::string job;  // its Job's name
};

// What a standby is given.
struct GivenWork {
  std::string line;  // an api::Work, as encode_work() makes it
  std::shared_ptr<const source::Archive> archive;
};

// The answer to a control request.
enum class Order {
  kNone,    // the pod has nothing to do; answered 204
  kCancel,  // the pod must end the model; answered 200 {"action":"cancel"}
  kOver,    // the attempt is over; answered 409
};

// A request that waits: that of Handler::watch_orders() or Handler::await_work(). Destroying it ends the wait: `done`
// is not called any more, except that a call which is already under way on another thread may still arrive. The server
// ignores that call. The server destroys it on one of its io threads, or in Server::stop().
class LongPoll {
 public:
  // The destructor calls `ended`, if there is one. It must not wait for a call of `done` that is under way.
  explicit LongPoll(std::function<void()> ended = {}) : ended_(std::move(ended)) {}
  LongPoll(const LongPoll&) = delete;
  LongPoll& operator=(const LongPoll&) = delete;
  ~LongPoll() {
    if (ended_) ended_();
  }

 private:
  const std::function<void()> ended_;
};

// Must be thread-safe. The server calls it on its io threads, so that no function may block.
//
// An implementation calls every `done` exactly once: on any thread, during the call or after it. `done` may be called
// when the server is gone already. If that of claim(), submit(), points() or rows() is not called within
// ServerOptions::handler_timeout, the pod gets 503, and the later call is ignored.
//
// The server has checked that the namespace of the pod is that of the attempt, and nothing else. The handler decides
// whether the pod may ask for this attempt.
//
// An error becomes an answer whose body is the error's message:
//   kInvalid 400, kDenied 403, kNotFound 404, kConflict, kExists and kGone 409, kTooLarge 413, kThrottled 429,
//   kInternal 500, kUnavailable, kTimeout and kCancelled 503.
class Handler {
 public:
  virtual ~Handler() = default;

  // Whether this replica is the leader. Called before anything else for every request; when it returns false, the
  // request is answered 503. Must be cheap.
  [[nodiscard]] virtual bool leading() const = 0;

  // Asks for the source. The answer is the permit to execute the run. The server holds the archive until the last byte
  // is sent, so that it is not evicted. A null archive is answered 500.
  virtual void claim(AttemptRef attempt, PodIdentity pod,
                     std::function<void(Result<std::shared_ptr<const source::Archive>>)> done) = 0;

  // Hands in the result. `done` may report success only when the result is committed to the API server. The run's UID
  // and the attempt in `frame` are those of `attempt`.
  virtual void submit(AttemptRef attempt, PodIdentity pod, api::ResultFrame frame,
                      std::function<void(Result<void>)> done) = 0;

  // Asks for the points of the attempt's run: encode_points() of api/points.h.
  virtual void points(AttemptRef attempt, PodIdentity pod, std::function<void(Result<std::string>)> done) = 0;

  // Reports rows of points. `done` may report as stored only what is committed to the API server.
  virtual void rows(AttemptRef attempt, PodIdentity pod, api::RowReport report,
                    std::function<void(Result<api::RowReceipt>)> done) = 0;

  // Waits for an order: calls `done` as soon as there is one, at once if there is one already. kNone may be reported
  // at any time. Never returns null. The server destroys the long poll after `done` was called, when its client
  // disconnects, and after ServerOptions::control_wait, when it answers 204. Only in this function
  // and in await_work() `done` may stay uncalled, namely when the long poll is destroyed first.
  virtual std::unique_ptr<LongPoll> watch_orders(AttemptRef attempt, PodIdentity pod,
                                                 std::function<void(Result<Order>)> done) = 0;

  // Waits for work for a standby, which says by asking that it is ready. The answer is the permit to execute the run
  // that it names. As watch_orders() otherwise. The server has checked that the pod's namespace is the standby's.
  virtual std::unique_ptr<LongPoll> await_work(StandbyRef standby, PodIdentity pod,
                                               std::function<void(Result<GivenWork>)> done) = 0;
};

}  // namespace modelrun::runserver
