// What is kept of a run's output once it is over: in its status, or in the full result.
#pragma once

#include "api/model_run.h"
#include "cli/session.h"

namespace modelrun::cli {

enum class Streams { kBoth, kOut, kErr };

// Prints the model's standard output and standard error each where it belongs (one that is asked for alone goes to
// standard output). Says on standard error when only a part was kept. When the full result cannot be read, what stands
// in status is printed and the error is returned.
Result<void> print_kept(Session& session, const api::ModelRun& run, Streams streams, bool all_to_err = false);

}  // namespace modelrun::cli
