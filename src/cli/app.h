// The command-line program `kubectl modelrun` as one function. It touches no file descriptor, signal or network
// itself: main.cc passes in the real ones, and the tests pass in a fake API server and strings.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/console.h"
#include "cli/session.h"
#include "kube/transport.h"

namespace modelrun::cli {

// A way to the API server, as a kubeconfig context gives it.
struct ApiAccess {
  std::shared_ptr<kube::Transport> transport;  // must not be null
  std::string namespace_;                      // the context's namespace; used when -n is not given
};

// What run_app() needs from its caller. The referenced objects must outlive the call.
struct Surroundings {
  Console& console;
  const Clock& clock;
  // Makes the connection from --kubeconfig and --context. Called at most once, after the command line has been
  // parsed; not called for --help, --version or a wrong command line.
  std::function<Result<ApiAccess>(const GlobalFlags&)> connect;
  std::stop_token stop;  // requested on Ctrl-C; ends whatever the command waits for
};

// Parses `arguments` (without the program's name), runs the one command they name, and returns the exit code of the
// process. Blocks until the command is done. Results and error messages have been written to the console by then, so
// the caller has nothing left to print.
//
// Exit codes: 2 for a wrong command line; 130 when the command fails with kCancelled; 1 for any other error,
// including a failed connect(); otherwise the code that the command returns (see exit_code_of() for `run`, `rerun`
// and `wait`).
int run_app(std::vector<std::string> arguments, const Surroundings& surroundings);

}  // namespace modelrun::cli
