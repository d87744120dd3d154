// Watches one resource in all namespaces, or in a list of them.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "kube/client.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"
#include "runtime/watcher.h"

namespace modelrun::runtime {

// Owns one Watcher for each namespace, or a single one for all namespaces. Each Watcher has a thread, and their lists
// are made one after the other, so that the memory that a list needs does not grow with the namespaces. Requests for a
// list of namespaces have namespaced paths only, so that Roles in these namespaces suffice. Client, clock, metrics and
// sinks must outlive it. Everything but synced(), wait_synced() and last_error() is for one thread.
class WatchGroup {
 public:
  // Returns the sink for the objects of this namespace; an empty one stands for all namespaces.
  using SinkFor = std::function<WatchSink&(const std::string& namespace_)>;

  // `namespaces` are distinct; empty: all. Of `options`, namespace_, seed, turns and on_synced are replaced. `metrics`
  // may be null. `sink_for` is called by the constructor only.
  WatchGroup(kube::Client& client, const WatcherOptions& options, const std::vector<std::string>& namespaces,
             const SinkFor& sink_for, SteadyClock& clock, Metrics* metrics);
  ~WatchGroup() { stop(); }  // all threads end before the first watcher goes, as on_synced looks at all of them
  WatchGroup(const WatchGroup&) = delete;
  WatchGroup& operator=(const WatchGroup&) = delete;

  // As Watcher::start() and Watcher::stop(), for all.
  void start();
  void stop();
  // True once every watcher has been synced; it stays true.
  [[nodiscard]] bool synced() const;
  // Blocks until synced(). Returns false when `stop` is requested or `timeout` has passed.
  bool wait_synced(SteadyClock::Span timeout, const std::stop_token& stop);
  // The first last_error() of a watcher that has one; empty when none has.
  [[nodiscard]] std::string last_error() const;

 private:
  SteadyClock& clock_;
  ListTurns turns_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
};

}  // namespace modelrun::runtime
