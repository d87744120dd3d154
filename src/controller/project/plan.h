// What decide_project() wants done: at most one status write, and what follows from it.
#pragma once

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
  std::optional<Duration> requeue_after;
};

}  // namespace modelrun::controller
