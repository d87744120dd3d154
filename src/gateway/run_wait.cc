#include "gateway/run_wait.h"

#include <algorithm>

#include "gateway/open_call.h"

namespace modelrun::gateway {
namespace {

// A failure that may pass does not end a wait that has lasted minutes; this many in a row do.
constexpr int kPatience = 6;
// The watch tells of changes; a run that has been quiet for so many heartbeats is read, in case the watch is behind.
constexpr int kQuietBeats = 4;
// How often the caller's right is asked for. The answer mostly is remembered: one that is withdrawn ends the wait as
// soon as it is forgotten, not a heartbeat later.
constexpr std::chrono::milliseconds kRightsLook{2'000};

bool may_pass(ErrorKind kind) {
  return kind == ErrorKind::kUnavailable || kind == ErrorKind::kTimeout || kind == ErrorKind::kThrottled;
}

// Held by whoever will call it next: the waiting room, or a worker.
class Wait : public std::enable_shared_from_this<Wait> {
 public:
  Wait(std::shared_ptr<const ToolCall> call, RunSummary run, WaitGoal goal,
       std::function<void(Result<RunSummary>)> done)
      : call_(std::move(call)), run_(std::move(run)), goal_(std::move(goal)), done_(std::move(done)) {}

  // Says how the run stands, then waits for what is next unless that was all.
  void go_on(bool failed = false) {
    if (call_->on_tick) call_->on_tick(run_);
    if (goal_.reached(run_) || (goal_.deadline && Clock::now() >= *goal_.deadline)) return done_(std::move(run_));
    beat_ = Clock::now() + call_->times.heartbeat;
    if (goal_.deadline) beat_ = std::min(beat_, *goal_.deadline);
    park(failed);
  }

 private:
  using Clock = std::chrono::steady_clock;

  // After a failure, the change that nobody could look at yet would call again at once, for as long as the failure
  // lasts.
  void park(bool failed = false) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(beat_ - Clock::now());
    const auto span = until_token_ends(*call_, std::clamp(left, std::chrono::milliseconds(0), kRightsLook));
    auto wake = [self = shared_from_this()] {
      if (!self->call_->later) return self->look();
      self->call_->later([self] { self->look(); });
    };
    if (failed) return call_->runs.pause(span, call_->stop, std::move(wake));
    // A copy: `wake` may be called, and run_ change, before this returns.
    const auto key = run_.key;
    call_->runs.notify(key, run_.version, span, call_->stop, std::move(wake));
  }

  void look() {
    if (call_->stop.stop_requested()) return end(ErrorKind::kCancelled, "the gateway ended this call");
    const bool beat = Clock::now() >= beat_;
    auto next = call_->runs.look(call_->caller, run_.key, beat && quiet_ >= kQuietBeats, call_->stop);
    if (call_->stop.stop_requested()) return end(ErrorKind::kCancelled, "the gateway ended this call");
    if (!next) return look_failed(next.error(), beat);
    const bool ended = until_token_ends(*call_, kRightsLook).count() == 0;
    if (next->version == run_.version && !beat && !ended) return park();
    failures_ = 0;
    quiet_ = next->version == run_.version && quiet_ < kQuietBeats ? quiet_ + 1 : 0;
    run_ = std::move(*next);
    if (const auto good = token_still_good(*call_); !good) return end(good.error().kind, good.error().message);
    go_on();
  }

  void look_failed(const Error& error, bool beat) {
    if (!may_pass(error.kind) || (beat && ++failures_ > kPatience)) return end(error.kind, error.message);
    if (beat) return go_on(true);
    park(true);
  }

  void end(ErrorKind kind, const std::string& message) {
    done_(fail(kind, "{}. Run {} goes on: ask get_run for it{}", message, run_.key.uid,
               kind == ErrorKind::kDenied ? " with a new one" : ""));
  }

  const std::shared_ptr<const ToolCall> call_;
  RunSummary run_;
  const WaitGoal goal_;
  const std::function<void(Result<RunSummary>)> done_;
  Clock::time_point beat_;  // the next tick, if nothing changes before
  int failures_ = 0;        // heartbeats without an answer, in a row
  int quiet_ = 0;           // heartbeats without a change since the API server was asked
};

}  // namespace

void wait_for_run(std::shared_ptr<const ToolCall> call, RunSummary run, WaitGoal goal,
                  std::function<void(Result<RunSummary>)> done) {
  std::make_shared<Wait>(std::move(call), std::move(run), std::move(goal), std::move(done))->go_on();
}

}  // namespace modelrun::gateway
