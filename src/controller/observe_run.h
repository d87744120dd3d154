// Takes the snapshot of one run that decide() sees.
#pragma once

#include <stop_token>

#include "base/error.h"
#include "controller/context.h"
#include "controller/large_work.h"
#include "controller/run/observed.h"

namespace modelrun::controller {

// Fills `observed`, of which the caller has set `run`: a run whose phase is not final. Reads the caches, the inbox and
// the sources. Notes in the inbox which Jobs of the attempt it has seen, and when it has first seen the run, its
// attempt, the end of the model's container, and the deletion of its pod. Of the API server it reads at most the
// project's Secrets, the result of another run that is to become the result of this one, and whatever the caches do not
// know although its absence would end the run or its attempt: the project, the Job, the pods, the run that this one
// waits for. An object that does not exist is no error: the field of Observed stays empty or says so. Fails with the
// error of a request that failed otherwise; `observed` then holds what was found before. Asks for the turn if a large
// result is involved, and sets Observed::awaits_turn if it cannot be had. Blocks; safe to call from many threads for
// different runs.
Result<void> observe_run(const Context& context, Observed& observed, LargeWork::Turn& turn, std::stop_token stop);

}  // namespace modelrun::controller
