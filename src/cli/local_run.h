// Runs a model on this machine, without a cluster, as a run's pod would: the same harness, the same rings around the
// model, the same collection of what it leaves. This process takes the agent's part, and a container that it makes
// (sandbox/container.h) is the model's.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "api/sandbox.h"
#include "base/error.h"
#include "cli/console.h"

namespace modelrun::cli {

struct LocalRun {
  std::string repo;                       // the working tree
  std::string model;                      // its model/NAME.py; empty: run.py
  std::string python = "python3";         // a name to be found in PATH, or a path
  std::string data;                       // becomes /data; empty: none
  std::optional<std::string> parameters;  // JSON for /inputs/parameters.json
  std::vector<std::string> environment;   // NAME=value, as runtime.env of a project
  std::chrono::seconds timeout{300};      // then the model is ended, and the result says TimedOut; at least 1 s

  // The file that is run, relative to the working tree.
  [[nodiscard]] std::string entry_point() const;
};

// Runs it, and returns its result as an agent would send it. What the model prints goes to `console` meanwhile, its
// standard output to standard error with `all_to_err`. Ends the model when a stop is requested; the frame then says
// kCancelled. Blocks until the model has ended.
//
// Fails with kNotFound when there is no such directory or Python, with kDenied or the like when this machine lets its
// users make no such container (the message says what would allow it), and with the errno as errno_error() maps it when
// the container cannot be prepared. main() must call sandbox_main() first; see there.
Result<api::ResultFrame> run_locally(const LocalRun& run, Console& console, bool all_to_err, std::stop_token stop);

// run_locally() starts this program again, as the first process of the container. main() calls this before it does
// anything else, in particular before it makes a thread: an exit code when the program was started for that, else
// nullopt.
std::optional<int> sandbox_main(int argc, char** argv);

}  // namespace modelrun::cli
