// Takes the snapshot that decide() sees: caches, inbox, sources. Reads only; of the API server at most a project's
// Secrets, the recorded pod when the cache does not know it, and the result of another run that is to be this one's.
#pragma once

#include <memory>
#include <stop_token>

#include "base/error.h"
#include "controller/context.h"
#include "controller/observed.h"

namespace modelrun::controller {

Result<Observed> observe(const Context& context, std::shared_ptr<const api::ModelRun> run, std::stop_token stop);

}  // namespace modelrun::controller
