// Says which settings of its project apply to a run. Pure.
#pragma once

#include <memory>

#include "api/model_project.h"
#include "api/model_run.h"

namespace modelrun::controller {

// Returns the project with the settings that `run` recorded in status.projectSpec when it was admitted. Its history,
// suspend and status are not recorded, and have their default values. Returns `present`, which may be null, for a run
// that is not admitted, and for a run that recorded no settings: older operators did not write status.projectSpec.
std::shared_ptr<const api::ModelProject> as_admitted(const api::ModelRun& run,
                                                     std::shared_ptr<const api::ModelProject> present);

}  // namespace modelrun::controller
