// Carries out what decide_sweep() wants.
#pragma once

#include <stop_token>

#include "base/error.h"
#include "controller/context.h"
#include "controller/large_work.h"
#include "controller/sweep/observed.h"
#include "controller/sweep/plan.h"

namespace modelrun::controller {

// Carries `plan` out in the order that it says. The status writes carry the resourceVersion of `observed.sweep`, so
// they fail with kConflict when somebody else was faster. The table is made only with `turn`; without it the sweep has
// a place in the line, and is woken. Fails with the error of the request that failed, and the rest of the plan is left
// undone: all of it may be repeated. Blocks; safe to call from many threads for different sweeps.
Result<void> apply_sweep(const Context& context, const SweepObserved& observed, const SweepPlan& plan,
                         LargeWork::Turn& turn, std::stop_token stop);

}  // namespace modelrun::controller
