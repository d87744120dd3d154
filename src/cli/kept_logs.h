// Prints what is kept of a model's standard output and standard error after the run has ended. The run's status holds
// a short form of each stream; the full result (status.resultRef), if there is one, holds more.
#pragma once

#include "api/model_run.h"
#include "cli/session.h"

namespace modelrun::cli {

enum class Streams { kBoth, kOut, kErr };

// Prints the wanted `streams` of `run`. With kBoth, the model's standard output goes to standard output and its
// standard error to standard error. A stream that is asked for alone goes to standard output. With `all_to_err`,
// everything goes to standard error. A note on standard error says when only a part of a stream was kept. On a
// terminal, a missing newline at the end is added.
//
// Blocks while it reads the full result, which it does only when a wanted stream is truncated in status. If that
// fails, it prints what is in status and returns the error of kube::load_payload().
Result<void> print_kept(Session& session, const api::ModelRun& run, Streams streams, bool all_to_err = false);

}  // namespace modelrun::cli
