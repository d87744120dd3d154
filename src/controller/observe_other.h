// Finds the other run whose result a run may use instead of running itself (spec.reuse).
//
// Both functions read the caches first. They read a run that has ended, and its full result in ConfigMaps, from the
// API server, because the cache keeps only a few fields of it. They fail with the error of such a request. A run or a
// full result that is missing, damaged or too large is no error: it is skipped. They block, and are safe to call from
// many threads.
#pragma once

#include <stop_token>

#include "base/error.h"
#include "controller/context.h"
#include "controller/run/observed.h"

namespace modelrun::controller {

// Returns the run that `run` waits for, which is run.status.reusedFrom and must be set. Returns an OtherRun without a
// run if that one is gone, or if run/reuse.h's use_of() says that it is of no use any more: it is of another identity,
// was cancelled or suspended, or ended in a way that says nothing about `run`.
Result<OtherRun> observe_followed(const Context& context, const api::ModelRun& run, LargeWork::Turn& turn,
                                  std::stop_token stop);

// Returns a run with the given identity, or an OtherRun without a run if there is none. REQUIRES: spec.reuse of `run`
// is not Never, and `identity` is not empty. The identity covers namespace and project, so the run found is of the same
// project. With spec.reuse: Join it is the oldest such run that is under way; while the cache shows none, it is the
// lead (see leads.h). With spec.reuse: Reuse it is the latest one that has succeeded and whose result can still be
// read; at most five are tried.
Result<OtherRun> find_other(const Context& context, const api::ModelRun& run, const std::string& identity,
                            LargeWork::Turn& turn, std::stop_token stop);

}  // namespace modelrun::controller
