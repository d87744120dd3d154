// What a status and an event may hold of texts that come from outside: a model, a git server, a kubelet, or somebody
// who wrote the status by hand. Pure.
#pragma once

#include "api/model_run.h"
#include "controller/run/plan.h"

namespace modelrun::controller {

// Cleans and shortens all texts of the plan's status and events, each to its own limit, so that the API server takes
// them (docs/limits.md). Streams and outputs are bounded where they are taken from the frame.
void bound(Plan& plan);

// A final status without what may be too large or not acceptable: streams, outputs, artifacts and long texts.
// Everything that says which code ran and how it ended stays. `why`: why the API server has refused the whole status.
api::ModelRunStatus least_of(api::ModelRunStatus status, const std::string& why);

}  // namespace modelrun::controller
