// What a person can do about a run or a sweep that waits or has not succeeded. Pure.
#pragma once

#include <string>

#include "api/model_run.h"
#include "api/model_sweep.h"

namespace modelrun::cli {

// A sentence or two for the run's reason (api/reason.h), with commands for its name and namespace. Empty for a run that
// needs nothing, and for a reason that this program does not know.
std::string what_to_do(const api::ModelRun& run);
// The same for a sweep.
std::string what_to_do(const api::ModelSweep& sweep);

}  // namespace modelrun::cli
