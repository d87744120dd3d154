// Prints what is kept of a model's standard output and standard error after the run has ended. The run's status holds
// a short form of each stream; the full result (status.resultRef), if there is one, holds more.
#pragma once

#include <cstdint>

#include "api/model_run.h"
#include "cli/session.h"

namespace modelrun::cli {

enum class Streams { kBoth, kOut, kErr };

struct KeptOptions {
  bool all_to_err = false;  // everything goes to standard error
  std::int64_t tail = -1;   // of each stream only so many lines at its end; -1: all
};

// Prints the wanted `streams` of `run`. With kBoth, the model's standard output goes to standard output and its
// standard error to standard error. A stream that is asked for alone goes to standard output. A note on standard error
// says when only a part of a stream was kept. On a terminal, a missing newline at the end is added.
//
// Blocks while it reads the full result, which it does only when a wanted stream is truncated in status. If that
// fails, it prints what is in status and returns the error of kube::load_payload().
Result<void> print_kept(Session& session, const api::ModelRun& run, Streams streams, const KeptOptions& options = {});

}  // namespace modelrun::cli
