// Threads that take keys from a WorkQueue and reconcile them.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/error.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"
#include "runtime/work_queue.h"

namespace modelrun::runtime {

// The result of a reconcile: Done, RequeueAfter or Failed.
struct Done {};  // nothing to do until the key is added again
struct RequeueAfter {
  SteadyClock::Span delay;
};
struct Failed {
  Error error;  // the workers log it and retry with a growing delay
};
using ReconcileResult = std::variant<Done, RequeueAfter, Failed>;

inline ReconcileResult done() {
  return Done{};
}
inline ReconcileResult requeue_after(SteadyClock::Span delay) {
  return RequeueAfter{delay};
}
inline ReconcileResult failed(Error error) {
  return Failed{std::move(error)};
}

// `stop` is requested when the workers are stopped; the function should then return soon.
using Reconcile = std::function<ReconcileResult(const std::string& key, std::stop_token stop)>;

// Works on one key that the queue has handed out: calls `reconcile`, passes the result to the queue, and calls
// queue.done(). An exception counts as a failure with kInternal and is logged as an error. A conflict (kConflict) is
// normal, because another writer may come first; conflicts and cancellations are logged at debug level only.
// `metrics` may be null.
void work_one(const std::string& name, WorkQueue& queue, const std::string& key, const Reconcile& reconcile,
              std::stop_token stop, SteadyClock& clock, Metrics* metrics);

// Owns its threads, which start() makes. Keeps references to queue, clock and metrics, which must outlive it.
// `reconcile` is called by several threads at once, but never by two for the same key. start() and stop() must not
// run concurrently.
class Workers {
 public:
  Workers(std::string name, int threads, WorkQueue& queue, Reconcile reconcile, SteadyClock& clock,
          Metrics* metrics = nullptr);
  ~Workers();  // stop()
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Starts the threads. May be called again after stop(), but not twice without it.
  void start();
  // Stops the threads and joins them: blocks until the keys that are being worked on are done. The other keys stay in
  // the queue.
  void stop();

 private:
  const std::string name_;
  const int count_;
  WorkQueue& queue_;
  const Reconcile reconcile_;
  SteadyClock& clock_;
  Metrics* const metrics_;
  std::vector<std::jthread> threads_;
};

}  // namespace modelrun::runtime
