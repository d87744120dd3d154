// `modelrun-sandbox exec -- ARGV...`: PID 1 of the untrusted container. Puts up the sandbox, runs ARGV in it, relays
// its output to the agent, ends it at the time-out or on order, and tells how it ended.
#pragma once

#include <string>
#include <vector>

#include "sandbox/layout.h"

namespace modelrun::sandbox {

// Does not return before everything it started is dead. The container's exit code: the model's own (128+n when
// signalled), or one of api::kExit*. REQUIRES: one thread; PID 1 of a pid namespace, unless layout.is_test().
int run_exec(const Layout& layout, std::vector<std::string> argv);

}  // namespace modelrun::sandbox
