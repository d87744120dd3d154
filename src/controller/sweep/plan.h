// What decide_sweep() wants done. apply_sweep() carries it out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/model_sweep.h"
#include "base/clock.h"
#include "controller/run/plan.h"

namespace modelrun::controller {

// Create a run of the points `first` to `first + count - 1`. Its name is fixed, so doing this twice creates it once.
struct MakeSweepRun {
  std::string name;
  std::size_t first = 0, count = 0;
  std::string commit;  // empty: the sweep's branch, or the project's
  std::int64_t point_timeout = 0;
  std::int64_t timeout = 0;
};
// Set spec.cancel, or spec.suspend to `suspend`, of the run with this name and UID. One that is gone is no error.
struct CancelSweepRun {
  std::string name, uid;
};
struct SuspendSweepRun {
  std::string name, uid;
  bool suspend = true;
};
using SweepAction = std::variant<MakeSweepRun, CancelSweepRun, SuspendSweepRun>;

// The sweep is over: read the rows, store the table, write the final status. See sweep_ended() for the status.
struct SweepEnd {
  api::Phase phase = api::Phase::kFailed;
  std::string reason;
  std::string message;
  bool table = true;  // false: the sweep has no points
};

// Carried out in this order: the status, events, actions, the end. When a step fails, the rest is left undone and the
// sweep is reconciled again.
struct SweepPlan {
  std::optional<api::ModelSweepStatus> status;  // differs from the sweep's
  std::vector<EventNote> events;
  std::vector<SweepAction> actions;
  std::optional<std::string> give_up;  // to be remembered: SweepObserved::given_up
  std::optional<SweepEnd> end;
  // A change of the sweep or of one of its runs wakes it in any case, and a run under way is certain to change.
  std::optional<Duration> requeue_after;
};

}  // namespace modelrun::controller
