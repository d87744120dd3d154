// Takes the snapshot of one project that decide_project() sees.
#pragma once

#include <memory>
#include <stop_token>

#include "api/model_project.h"
#include "base/error.h"
#include "controller/context.h"
#include "controller/project/observed.h"

namespace modelrun::controller {

// Reads the caches, the slot queue and the sources, and changes none of them. Asks the API server about each entry of
// status.active whose run the cache does not know: the run may be newer than the cache. Fails with the error of such a
// request. Blocks; safe to call from many threads for different projects.
Result<ProjectObserved> observe_project(const Context& context, std::shared_ptr<const api::ModelProject> project,
                                        std::stop_token stop);

}  // namespace modelrun::controller
