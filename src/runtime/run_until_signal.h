// The frame of a program that works until it is told to end.
#pragma once

#include <functional>
#include <stop_token>

#include "base/error.h"

namespace modelrun::runtime {

// Blocks SIGTERM and SIGINT in this thread and in all that it makes, so that only run_until_signal() sees them, and has
// SIGPIPE ignored: a peer that went away is an error of a write, not the end of the process. Before any thread is made.
void block_end_signals();

// Runs `run`; its token fires at the first SIGTERM or SIGINT. Gives the program's exit code: 1 after an error, which is
// logged. After block_end_signals().
int run_until_signal(const std::function<Result<void>(std::stop_token)>& run);

}  // namespace modelrun::runtime
