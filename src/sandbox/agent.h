// `modelrun-sandbox agent`: the program of the pod's trusted container. It fetches the source, relays the model's
// output, collects what the model left, and hands in the result: to its own log and to the run server.
#pragma once

#include "sandbox/layout.h"

namespace modelrun::sandbox {

// Serves one run from start to end and returns the container's exit code. Blocks until the run is over. Call it once,
// while the process has one thread: it reads the environment, changes the umask and the signal mask of the process, and
// starts threads of its own.
//   0  The run was served. The result is on standard output and in the termination message; a failure to write one of
//      them, or to push the result, is only noted on standard error.
//   1  The run could not be served. When the configuration is wrong nothing is recorded. When the set-up failed (run
//      server address, socket, installation of the sandbox where that is no volume), a result that says kNotStarted and
//      SandboxSetupFailed is recorded, but not pushed.
int run_agent(const Layout& layout);

}  // namespace modelrun::sandbox
