// Runs a program until SIGTERM or SIGINT.
//
//   int main() {
//     block_end_signals();  // before any thread is started
//     return run_until_signal([](std::stop_token stop) { return serve(stop); });
//   }
#pragma once

#include <functional>
#include <stop_token>

#include "base/error.h"

namespace modelrun::runtime {

// Blocks SIGTERM and SIGINT in the calling thread and in all threads that it starts afterwards, so that only
// run_until_signal() receives them. Call it before any thread is started. Also ignores SIGPIPE: writing to a closed
// connection then fails with EPIPE instead of ending the process.
void block_end_signals();

// Calls `run` on this thread, with a token on which a stop is requested at the first SIGTERM or SIGINT; later signals
// have no effect. Returns the exit code of the program when `run` returns: 0, or 1 after an error, which is logged.
// `run` must not throw. Requires that block_end_signals() has been called.
int run_until_signal(const std::function<Result<void>(std::stop_token)>& run);

}  // namespace modelrun::runtime
