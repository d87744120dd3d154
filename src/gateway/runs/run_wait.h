// Waits until a run or a sweep reaches a state. Tools and live logs use it; none of them holds a thread while it waits.
//
//   wait_for_run(call, run, {.reached = [](const RunSummary& now) { return api::is_final(now.phase); }},
//                [](Result<RunSummary> ended) { ... });
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "gateway/runs/call.h"

namespace modelrun::gateway {

template <class Summary>
struct GoalOf {
  std::function<bool(const Summary&)> reached;                      // must be quick
  std::optional<std::chrono::steady_clock::time_point> deadline{};  // the wait ends then with the object as it is
};
using WaitGoal = GoalOf<RunSummary>;
using SweepGoal = GoalOf<SweepSummary>;

// Calls `done` once: before wait_for_run() returns, or later on a thread of call->later. `run` is the caller's latest
// summary of the run; it is checked against the goal first. The result is
//   - the run, when the goal is reached or the deadline has passed;
//   - kCancelled, when call->stop has fired;
//   - kDenied, when the caller's token has expired or is not valid any more;
//   - kNotFound, when the run is gone or the caller may not see it any more;
//   - another error of RunService. A transient one (is_transient()) ends the wait only if it lasts for more than six
//     heartbeats in a row.
// call->on_tick is called at the beginning, too; never by two threads at once, and never after `done`. Apart from that
// first call and from `done`, wait_for_run() does not block. `done` is destroyed without being called if call->runs or
// the threads of call->later end first.
void wait_for_run(std::shared_ptr<const Call> call, RunSummary run, WaitGoal goal,
                  std::function<void(Result<RunSummary>)> done);
// The same for a sweep, with call->sweeps and call->on_sweep_tick.
void wait_for_sweep(std::shared_ptr<const Call> call, SweepSummary sweep, SweepGoal goal,
                    std::function<void(Result<SweepSummary>)> done);

}  // namespace modelrun::gateway
