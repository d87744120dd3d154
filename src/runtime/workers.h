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

// How a reconcile went.
struct Done {};  // nothing more to do until something changes
struct RequeueAfter {
  SteadyClock::Span delay;
};
struct Failed {
  Error error;  // tried again, later each time; logged by the workers
};
using Outcome = std::variant<Done, RequeueAfter, Failed>;

inline Outcome done() {
  return Done{};
}
inline Outcome requeue_after(SteadyClock::Span delay) {
  return RequeueAfter{delay};
}
inline Outcome failed(Error error) {
  return Failed{std::move(error)};
}

using Reconcile = std::function<Outcome(const std::string& key, std::stop_token stop)>;

// Works one key: calls `reconcile`, then tells the queue what became of it. An exception counts as a failure
// (kInternal). Conflicts are expected (somebody else wrote first) and logged at debug level only.
void work_one(const std::string& name, WorkQueue& queue, const std::string& key, const Reconcile& reconcile,
              std::stop_token stop, SteadyClock& clock, Metrics* metrics);

// Owns its threads; queue, clock and metrics must outlive it. `reconcile` is called by several threads at once, but
// never for one key at a time.
class Workers {
 public:
  Workers(std::string name, int threads, WorkQueue& queue, Reconcile reconcile, SteadyClock& clock,
          Metrics* metrics = nullptr);
  ~Workers();  // stop()
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Starts the threads. May be called again after stop().
  void start();
  // Requests the stop, waits until the keys in work are done.
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
