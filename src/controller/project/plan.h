// What decide_project() wants done: at most one status write, and what follows from it.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/model_project.h"
#include "base/clock.h"
#include "controller/run/record.h"

namespace modelrun::controller {

// apply_project() carries the fields out in this order. When one step fails, the rest is left undone and the project is
// reconciled again.
struct ProjectPlan {
  bool begin_probe = false;  // look up the default branch in the background
  std::optional<api::ModelProjectStatus> status;
  std::vector<std::string> admitted;                      // names of runs that hold their slot and go on now
  std::vector<std::shared_ptr<const RunRecord>> expired;  // finished runs beyond the history limits: to be deleted
  // The pool of standbys comes last, because people wait for the rest.
  std::string no_image_volumes;                // why no further pods may have any; empty: they may
  std::vector<std::string> failures;           // of standbys: noted, which delays further ones
  std::vector<api::ObjectMeta> drop_standbys;  // Jobs to be deleted, unless a run has adopted them meanwhile
  std::int64_t make_standbys = 0;              // so many
  std::optional<Duration> requeue_after;
};

// Has the project reconciled again after `delay`, or sooner if the plan already says so.
inline void requeue(ProjectPlan& plan, Duration delay) {
  plan.requeue_after = std::min(delay, plan.requeue_after.value_or(delay));
}

}  // namespace modelrun::controller
