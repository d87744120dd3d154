// `modelrun-sandbox exec -- ARGV...`: PID 1 of the untrusted container. It sets up the sandbox, runs ARGV (the model)
// in it, relays the model's output to the agent, ends the model at its time-out or on the agent's order, and reports
// to the agent how the model ended.
#pragma once

#include <string>
#include <vector>

#include "sandbox/layout.h"

namespace modelrun::sandbox {

// Runs `argv` and returns the container's exit code. Blocks until the model has ended and its remaining processes have
// been killed (see Supervisor::watch()). The exit code is one of:
//   the model's own             The model exited.
//   0                           In a run with points (points_exec.h): there were no more points.
//   128+n                       The model died of signal n; 128+SIGTERM also when a SIGTERM or SIGINT from outside the
//                               pid namespace came before the model started.
//   api::kExitAgentLost (125)   The agent could not be reached, went away, or refused.
//   api::kExitSetupFailed (126) A step of the sandbox's set-up failed, or the program could not be started.
// The process must have one thread, and must be PID 1 of a pid namespace unless layout.is_test(). Changes the signal
// dispositions and the signal mask of the process, and makes standard output and error non-blocking.
int run_exec(const Layout& layout, std::vector<std::string> argv);

}  // namespace modelrun::sandbox
