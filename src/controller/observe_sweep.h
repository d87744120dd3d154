// Takes the snapshot of one sweep that decide_sweep() sees.
#pragma once

#include <memory>
#include <stop_token>

#include "api/model_sweep.h"
#include "base/error.h"
#include "controller/context.h"
#include "controller/sweep/observed.h"

namespace modelrun::controller {

// Reads the sweep from the API server, with the texts that the cache leaves out. kConflict if it is not the one of
// `known` any more, or has changed: the cache is behind. Blocks.
Result<std::shared_ptr<const api::ModelSweep>> read_sweep(const Context& context, const api::ModelSweep& known,
                                                          std::stop_token stop);

// Reads the caches. Asks the API server for the sweep itself once a term, and for some of its runs once they have
// ended; fails with the error of such a request. Notes what it has found out. Blocks.
Result<SweepObserved> observe_sweep(const Context& context, std::shared_ptr<const api::ModelSweep> sweep,
                                    std::stop_token stop);

}  // namespace modelrun::controller
