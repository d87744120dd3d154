// Waiting for a run: the loop that sync and async runs and live logs share. No thread is held meanwhile.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "gateway/tools.h"

namespace modelrun::gateway {

struct WaitGoal {
  std::function<bool(const RunSummary&)> reached;
  std::optional<std::chrono::steady_clock::time_point> deadline{};  // then the run is given as it is
};

// Calls `done` once, perhaps before it returns, else on a thread of call->later: with the run when the goal is reached,
// or kCancelled when call->stop has fired, kDenied when the caller's token has ended, or the failure that ended the
// wait. Failures that may pass do not, until there are several in a row. call->on_tick is never called by two threads
// at once, and not after `done`.
void wait_for_run(std::shared_ptr<const ToolCall> call, RunSummary run, WaitGoal goal,
                  std::function<void(Result<RunSummary>)> done);

}  // namespace modelrun::gateway
