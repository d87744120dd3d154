// Carries out what decide_project() wants.
#pragma once

#include <stop_token>

#include "base/error.h"
#include "controller/context.h"
#include "controller/project/observed.h"
#include "controller/project/plan.h"

namespace modelrun::controller {

// Carries `plan` out in the order of its fields. The status write carries the resourceVersion of `observed.project`, so
// it fails with kConflict when somebody else was faster. Else it fails with the error
// of the request that failed, and the rest of the plan is left undone. Blocks; safe to call from many threads for
// different projects.
Result<void> apply_project(const Context& context, const ProjectObserved& observed, const ProjectPlan& plan,
                           std::stop_token stop);

}  // namespace modelrun::controller
