// Looks for the run whose result is to be this one's (spec.reuse).
#pragma once

#include <stop_token>

#include "base/error.h"
#include "controller/context.h"
#include "controller/observed.h"

namespace modelrun::controller {

// The run that this one waits for, if it still is of use. Reads it, and its full result, from the API server once it
// has ended: the cache keeps little of it.
Result<OtherRun> observe_followed(const Context& context, const api::ModelRun& run, std::stop_token stop);

// An identical one, of `identity`: under way for Join, successful for Reuse.
Result<OtherRun> find_other(const Context& context, const api::ModelRun& run, const std::string& identity,
                            std::stop_token stop);

}  // namespace modelrun::controller
