// Carries out what decide() and decide_finished() want.
#pragma once

#include <memory>
#include <stop_token>

#include "base/error.h"
#include "controller/context.h"
#include "controller/large_work.h"
#include "controller/run/observed.h"
#include "controller/run/plan.h"

namespace modelrun::controller {

// Carries `plan` out for `observed.run`: marks, actions before the status, at most one status write, answers to the
// run's pods, events, actions after the status. The write carries the resourceVersion of `observed.run`, so it fails
// with kConflict when somebody else was faster. A durable copy that is large is read only with `turn`; without it the
// run has a place in the line, and is woken. Returns the run as the API server has answered last, or `observed.run` if
// the plan made no request that returns it; never null. Fails with the error of the request that failed. After an error
// the rest of the plan is left undone: the run has to be reconciled again. Blocks; safe to call from many threads for
// different runs.
Result<std::shared_ptr<const api::ModelRun>> apply_run(const Context& context, const Observed& observed,
                                                       const Plan& plan, LargeWork::Turn& turn, std::stop_token stop);

// Carries out the plan of decide_finished() for the ended run that `meta` is of. Such a plan has only deletions, for
// which a run or Job that is already gone is no error. Blocks; fails with the error of the request that failed.
Result<void> apply_finished(const Context& context, const api::ObjectMeta& meta, const Plan& plan,
                            std::stop_token stop);

}  // namespace modelrun::controller
