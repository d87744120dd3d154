// Which finished runs a project's count limits let go. Pure.
#pragma once

#include <memory>
#include <vector>

#include "api/model_project.h"
#include "controller/records.h"

namespace modelrun::controller {

// The oldest finished runs beyond history.successful and history.failed (everything that did not succeed), counted over
// the runs the limits apply to.
std::vector<std::shared_ptr<const RunRecord>> over_history(std::vector<std::shared_ptr<const RunRecord>> runs,
                                                           const api::HistorySpec& history);

}  // namespace modelrun::controller
