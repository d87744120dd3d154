// Background threads of the agent. They talk to the run server while the main thread relays the model's output.
//
// The constructors create the threads, but the threads stay idle until start(). The agent constructs both before the
// model can run: the model has the same uid, so a fork bomb in it could use up the uid's process limit and leave no
// room for new threads.
#pragma once

#include <optional>
#include <thread>

#include "base/mutex.h"
#include "sandbox/relay.h"
#include "sandbox/run_server_client.h"

namespace modelrun::sandbox {

// Fetches and unpacks the source after start(). When it has finished, done() is raised and result() returns the
// outcome.
//
// Call start() only after `exec` has connected. The source is the permit to execute: the run counts as running once the
// run server has given it out, and a run whose model container never starts (for example because its image cannot be
// pulled) must stay pending.
//
// Thread-safe.
//
// In a standby it asks for work, with which the source comes, and start() is called when `exec` is ready. For a run
// with points it fetches these after the source.
class SourceFetch : public Source {
 public:
  // Keeps a reference to `server`, which must outlive this object. `retry` is passed to
  // RunServerClient::fetch_source(); without it, RunServerClient::await_work() is called. `points`: the pod was made
  // for a run with points; the work of a standby says so itself.
  SourceFetch(const RunServerClient& server, std::optional<RetryPolicy> retry, bool points);
  // Interrupts a fetch that is under way and joins the thread.
  ~SourceFetch() override;
  SourceFetch(const SourceFetch&) = delete;
  SourceFetch& operator=(const SourceFetch&) = delete;

  // False when the process had no descriptors left: nothing will be fetched.
  [[nodiscard]] bool valid() const { return start_.valid() && stop_.valid() && done_.valid(); }
  [[nodiscard]] bool awaits_work() const override { return !retry_; }
  [[nodiscard]] bool awaits_ready() const override { return awaits_work() || of_points_; }
  void start() const override { start_.raise(); }
  [[nodiscard]] const Event& done() const override { return done_; }
  // Returns nullopt until done() is raised, then the result of the call.
  [[nodiscard]] std::optional<Result<void>> result() const override;
  [[nodiscard]] std::string go_payload() const override;
  [[nodiscard]] const api::PointList* points() const override;

 private:
  Result<void> fetch();

  const RunServerClient& server_;
  const std::optional<RetryPolicy> retry_;
  const bool of_points_;
  Event start_;
  Event stop_;
  Event done_;
  mutable Mutex mutex_;
  std::optional<Result<void>> result_ GUARDED_BY(mutex_);
  std::optional<api::PointList> points_ GUARDED_BY(mutex_);  // does not change once done() is raised
  std::thread thread_;                                       // declared last because the thread uses the members above
};

// Asks the run server for orders, again and again, after start(). cancelled() is raised when the run server orders the
// run's cancellation, or answers that the attempt is over (409). If the run server denies the request (401, 403), the
// watch gives up with a note and cancelled() is never raised. After any other failure it asks again one second later.
//
// Thread-safe.
class CancelWatch : public Orders {
 public:
  // Keeps a reference to `server`, which must outlive this object.
  explicit CancelWatch(const RunServerClient& server);
  // Interrupts a request that is under way and joins the thread.
  ~CancelWatch() override;
  CancelWatch(const CancelWatch&) = delete;
  CancelWatch& operator=(const CancelWatch&) = delete;

  // False when the process had no descriptors left: no order will come.
  [[nodiscard]] bool valid() const { return start_.valid() && stop_.valid() && cancelled_.valid(); }
  void start() const override { start_.raise(); }
  [[nodiscard]] const Event& cancelled() const override { return cancelled_; }

 private:
  void run(const RunServerClient& server) const;

  Event start_;
  Event stop_;
  Event cancelled_;
  std::thread thread_;
};

}  // namespace modelrun::sandbox
