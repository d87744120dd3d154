// The agent's two threads that talk to the run server while the main thread relays. Both are made before the model can
// run: a fork bomb of the same uid leaves no room for new ones.
#pragma once

#include <mutex>
#include <optional>
#include <thread>

#include "sandbox/io.h"
#include "sandbox/run_server.h"

namespace modelrun::sandbox {

// From start() on, fetches and unpacks the source; done() becomes readable when result() is there. Started when `exec`
// has connected, not before: the source is the permit to execute, and the run counts as running once it is given out. A
// model whose container never comes (its image cannot be pulled) must stay pending.
class SourceFetch {
 public:
  // `server` outlives this object.
  SourceFetch(const RunServer& server, RetryPolicy retry);
  // Interrupts the fetch and waits for the thread.
  ~SourceFetch();
  SourceFetch(const SourceFetch&) = delete;
  SourceFetch& operator=(const SourceFetch&) = delete;

  void start() const { start_.raise(); }
  [[nodiscard]] const Event& done() const { return done_; }
  // Nothing before done().
  [[nodiscard]] std::optional<Result<void>> result() const;

 private:
  Event start_;
  Event stop_;
  Event done_;
  mutable std::mutex mutex_;
  std::optional<Result<void>> result_;  // guarded by mutex_
  std::thread thread_;                  // last: uses the members above
};

// From start() on, asks the run server for orders; cancelled() becomes readable when the run is to end.
class OrderWatch {
 public:
  explicit OrderWatch(const RunServer& server);
  ~OrderWatch();
  OrderWatch(const OrderWatch&) = delete;
  OrderWatch& operator=(const OrderWatch&) = delete;

  void start() const { start_.raise(); }
  [[nodiscard]] const Event& cancelled() const { return cancelled_; }

 private:
  void run(const RunServer& server) const;

  Event start_;
  Event stop_;
  Event cancelled_;
  std::thread thread_;
};

}  // namespace modelrun::sandbox
