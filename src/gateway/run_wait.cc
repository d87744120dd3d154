#include "gateway/run_wait.h"

#include <algorithm>

namespace modelrun::gateway {
namespace {

// A failure that may pass does not end a wait that has lasted minutes; this many in a row do.
constexpr int kPatience = 6;
// The watch tells of changes; a run that has been quiet for so many spans is read, in case the watch is behind.
constexpr int kQuietSpans = 4;

bool may_pass(ErrorKind kind) {
  return kind == ErrorKind::kUnavailable || kind == ErrorKind::kTimeout || kind == ErrorKind::kThrottled;
}

// Held by whoever will call it next: the waiting room, or a worker.
class Wait : public std::enable_shared_from_this<Wait> {
 public:
  Wait(std::shared_ptr<const ToolCall> call, RunSummary run, WaitGoal goal,
       std::function<void(Result<RunSummary>)> done)
      : call_(std::move(call)), run_(std::move(run)), goal_(std::move(goal)), done_(std::move(done)) {}

  // Says how the run stands, then waits for the next change unless that was all.
  void go_on() {
    if (call_->on_tick) call_->on_tick(run_);
    auto span = call_->times.heartbeat;
    if (goal_.deadline) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*goal_.deadline - std::chrono::steady_clock::now());
      span = std::min(span, std::max(left, std::chrono::milliseconds(0)));
    }
    if (goal_.reached(run_) || span.count() == 0) return done_(std::move(run_));
    call_->runs.notify(run_.key, run_.version, span, call_->stop, [self = shared_from_this()] {
      if (!self->call_->later) return self->look();
      self->call_->later([self] { self->look(); });
    });
  }

 private:
  void look() {
    if (call_->stop.stop_requested()) return end(ErrorKind::kCancelled, "the gateway ended this call");
    auto next = call_->runs.look(call_->caller, run_.key, quiet_ >= kQuietSpans, call_->stop);
    if (call_->stop.stop_requested()) return end(ErrorKind::kCancelled, "the gateway ended this call");
    if (!next && (!may_pass(next.error().kind) || ++failures_ > kPatience)) {
      return end(next.error().kind, next.error().message);
    }
    if (next) {
      failures_ = 0;
      quiet_ = next->version == run_.version && quiet_ < kQuietSpans ? quiet_ + 1 : 0;
      run_ = std::move(*next);
    }
    const auto& expires = call_->caller.expires;
    if (call_->clock != nullptr && expires && call_->clock->now() >= *expires) {
      return end(ErrorKind::kDenied, "your token has expired");
    }
    go_on();
  }

  void end(ErrorKind kind, const std::string& message) {
    done_(fail(kind, "{}. Run {} goes on: ask get_run for it", message, run_.key.uid));
  }

  const std::shared_ptr<const ToolCall> call_;
  RunSummary run_;
  const WaitGoal goal_;
  const std::function<void(Result<RunSummary>)> done_;
  int failures_ = 0;  // in a row
  int quiet_ = 0;     // spans without a change, since the API server was asked
};

}  // namespace

void wait_for_run(std::shared_ptr<const ToolCall> call, RunSummary run, WaitGoal goal,
                  std::function<void(Result<RunSummary>)> done) {
  std::make_shared<Wait>(std::move(call), std::move(run), std::move(goal), std::move(done))->go_on();
}

}  // namespace modelrun::gateway
