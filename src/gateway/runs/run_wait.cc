#include "gateway/runs/run_wait.h"

#include <algorithm>

#include "gateway/runs/open_call.h"

namespace modelrun::gateway {
namespace {

// A wait may have lasted for minutes, so a transient failure does not end it. Only more than this many heartbeats in
// a row that find no answer do.
constexpr int kPatience = 6;
// Changes are learned from the watch. After this many heartbeats without a change the run is read from the API
// server, in case the watch is behind.
constexpr int kQuietBeats = 4;
// How often the caller's right to see the run is checked. The answer mostly comes from memory, so this is cheap; and a
// right that is withdrawn ends the wait as soon as the remembered answer expires, not a heartbeat later.
constexpr std::chrono::milliseconds kRightsLook{2'000};

RunService& service_of(const Call& call, const RunSummary&) {
  return call.runs;
}

SweepService& service_of(const Call& call, const SweepSummary&) {
  return call.sweeps;
}

void tick(const Call& call, const RunSummary& run) {
  if (call.on_tick) call.on_tick(run);
}

void tick(const Call& call, const SweepSummary& sweep) {
  if (call.on_sweep_tick) call.on_sweep_tick(sweep);
}

std::string goes_on(const RunSummary& run) {
  return fmt::format("Run {} goes on: ask get_run for it", run.key.uid);
}

std::string goes_on(const SweepSummary& sweep) {
  return fmt::format("Sweep {} goes on: ask get_sweep for it", sweep.key.uid);
}

// One wait, from wait_for_run() or wait_for_sweep() to the call of `done_`.
//
// It is a loop whose passes may run on different threads, and which holds no thread in between:
//   1. go_on() reports the object by tick() and checks the goal. wait_for_run() calls it first, on its caller's
//      thread.
//   2. park() gives a `wake` function to notify() (or pause()) of the service and returns; the thread is free then.
//   3. The thread of RunWaiters calls `wake` when the run has changed, the time is up, or call_->stop has fired. `wake`
//      only hands look() to call_->later, because look() may block.
//   4. look(), on a worker thread, checks the caller's right and token and gets the run. Then the loop continues with
//      1, or with 2 if there is nothing to report, or it ends.
//
// Nobody holds the object but that chain: the `wake` function while it is parked, the queue of call_->later until a
// worker takes it, and the step that runs. There is exactly one of them at any time, so the members need no lock; a
// step must not touch them after park().
//
// It ends when go_on() or end() calls `done_` and does not park again: that step held the last reference. If
// RunWaiters or the worker threads are destroyed first, they destroy the function that holds the object, and `done_`
// is not called.
template <class Summary>
class Wait : public std::enable_shared_from_this<Wait<Summary>> {
 public:
  Wait(std::shared_ptr<const Call> call, Summary object, GoalOf<Summary> goal,
       std::function<void(Result<Summary>)> done)
      : call_(std::move(call)), object_(std::move(object)), goal_(std::move(goal)), done_(std::move(done)) {}

  // Reports the object, then ends the wait if the goal is reached or the deadline has passed, and parks otherwise.
  // `failed`: the last look at it has failed.
  void go_on(bool failed = false) {
    tick(*call_, object_);
    if (goal_.reached(object_) || (goal_.deadline && Clock::now() >= *goal_.deadline)) return done_(std::move(object_));
    beat_ = Clock::now() + call_->times.heartbeat;
    if (goal_.deadline) beat_ = std::min(beat_, *goal_.deadline);
    park(failed);
  }

 private:
  using Clock = std::chrono::steady_clock;

  // Waits for a change of the object, but at most until the next heartbeat, check of rights, or expiry of the token.
  // After a failure it waits for the time only: object_ may be out of date, and notify() would then wake at once, again
  // and again for as long as the failure lasts.
  void park(bool failed = false) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(beat_ - Clock::now());
    const auto span = until_token_ends(*call_, std::clamp(left, std::chrono::milliseconds(0), kRightsLook));
    auto wake = [self = this->shared_from_this()] {
      if (!self->call_->later) return self->look();
      self->call_->later([self] { self->look(); });
    };
    if (failed) return service_of(*call_, object_).pause(span, call_->stop, std::move(wake));
    // A copy, because `wake` may be called, and look() may change object_ on another thread, before notify() returns.
    const auto key = object_.key;
    service_of(*call_, object_).notify(key, object_.version, span, call_->stop, std::move(wake));
  }

  // One look at the object, after the thread of RunWaiters was asked to wake this wait.
  void look() {
    if (call_->stop.stop_requested()) return end(ErrorKind::kCancelled, "the gateway ended this call");
    const bool beat = Clock::now() >= beat_;
    auto next = service_of(*call_, object_)
                    .refresh_summary(call_->caller, object_.key, beat && quiet_ >= kQuietBeats, call_->stop);
    if (call_->stop.stop_requested()) return end(ErrorKind::kCancelled, "the gateway ended this call");
    if (!next) return look_failed(next.error(), beat);
    const bool ended = until_token_ends(*call_, kRightsLook).count() == 0;
    if (next->version == object_.version && !beat && !ended) return park();
    failures_ = 0;
    quiet_ = next->version == object_.version && quiet_ < kQuietBeats ? quiet_ + 1 : 0;
    object_ = std::move(*next);
    if (const auto good = token_still_good(*call_); !good) return end(good.error().kind, good.error().message);
    go_on();
  }

  void look_failed(const Error& error, bool beat) {
    if (!is_transient(error.kind) || (beat && ++failures_ > kPatience)) return end(error.kind, error.message);
    if (beat) return go_on(true);
    park(true);
  }

  void end(ErrorKind kind, const std::string& message) {
    // It has been deleted, or the caller may not see it any more.
    if (kind == ErrorKind::kNotFound) return done_(fail(kind, "{}", message));
    done_(fail(kind, "{}. {}{}", message, goes_on(object_), kind == ErrorKind::kDenied ? " with a new one" : ""));
  }

  const std::shared_ptr<const Call> call_;
  Summary object_;
  const GoalOf<Summary> goal_;
  const std::function<void(Result<Summary>)> done_;
  Clock::time_point beat_;  // when the next tick is due if the run does not change before
  int failures_ = 0;        // heartbeats in a row that got no answer
  int quiet_ = 0;           // heartbeats without a change since the API server was last asked
};

}  // namespace

void wait_for_run(std::shared_ptr<const Call> call, RunSummary run, WaitGoal goal,
                  std::function<void(Result<RunSummary>)> done) {
  std::make_shared<Wait<RunSummary>>(std::move(call), std::move(run), std::move(goal), std::move(done))->go_on();
}

void wait_for_sweep(std::shared_ptr<const Call> call, SweepSummary sweep, SweepGoal goal,
                    std::function<void(Result<SweepSummary>)> done) {
  std::make_shared<Wait<SweepSummary>>(std::move(call), std::move(sweep), std::move(goal), std::move(done))->go_on();
}

}  // namespace modelrun::gateway
