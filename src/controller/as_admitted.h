// Which settings of its project rule a run. Pure.
#pragma once

#include <memory>

#include "api/model_project.h"
#include "api/model_run.h"

namespace modelrun::controller {

// The project with the settings that `run` recorded at its admission; history, suspend and status of it are not known.
// `present` (which may be null) for a run that is not admitted, and for one that recorded none: operators before
// status.projectSpec did not.
std::shared_ptr<const api::ModelProject> as_admitted(const api::ModelRun& run,
                                                     std::shared_ptr<const api::ModelProject> present);

}  // namespace modelrun::controller
