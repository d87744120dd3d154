// What every command works with: the connection, the console, the global flags, and some helpers that commands share.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "cli/console.h"
#include "kube/client.h"
#include "kube/resource.h"

namespace modelrun::cli {

// The flags that every command has. Empty means: not given.
struct GlobalFlags {
  std::string kubeconfig;
  std::string context;
  std::string namespace_;
  bool raw = false;  // do not escape control characters on a terminal
};

// The references are valid while the command runs. A LogFollower's thread reads the session too: nothing in it may
// change while one is printing.
struct Session {
  kube::Client& client;
  Console& console;
  const Clock& clock;
  GlobalFlags flags;
  std::string namespace_;  // of the runs: -n, else the context's; start_run() sets it to the created run's
  std::stop_token stop;    // requested on Ctrl-C

  // The full command line to suggest to the user, with the namespace and the flags of this session: hint("wait x") is
  // "kubectl modelrun wait x -n forecasts --context staging". Nothing is quoted for a shell.
  [[nodiscard]] std::string hint(std::string_view command) const;
};

// Runs one command; may block. Returns the exit code of the process. An error is for run_app() to print.
using Command = std::function<Result<int>(Session&)>;
// The same for a command that needs no cluster: no connection is made.
using LocalCommand = std::function<Result<int>(Console&, std::stop_token)>;

// The run that a command's argument names. As with kubectl, the name may follow the resource: "NAME",
// "modelrun.modelrun.dev/NAME", "modelrun/NAME", "modelruns/NAME" and "mr/NAME" all give NAME. Any other text is
// returned unchanged; it is the API server that refuses what is no name.
std::string run_name(std::string_view argument);

// A run or a sweep.
struct Target {
  const kube::Resource* resource = &kube::kModelRuns;  // kModelRuns or kModelSweeps
  std::string name;
  [[nodiscard]] bool is_sweep() const { return *resource == kube::kModelSweeps; }
};
// What a command's argument names that may be either: "modelsweep.modelrun.dev/NAME", "modelsweep/NAME",
// "modelsweeps/NAME" and "msw/NAME" are sweeps, anything else is a run as run_name() has it.
Target target_of(std::string_view argument);
// "modelrun.modelrun.dev/NAME", or the same of a sweep: what -o name prints.
std::string full_name(const Target& target);

// Reads the run or sweep from the API server, in session.namespace_. Blocks; fails as kube::Client::get() does, with
// kNotFound when there is no such object.
Result<kube::Json> get_object(Session& session, const Target& target);

// For a command that takes runs only. Reads the ModelRun `name` of session.namespace_ from the API server. Blocks;
// fails as kube::Client::get() does, with kNotFound when there is no such run; with kInvalid when `name` is that of a
// sweep, as target_of() reads it.
Result<kube::Json> get_run(Session& session, const std::string& name);

// Reads a whole file, or standard input when `path` is "-". kTooLarge above 4 MiB (for standard input, the Console's
// reader sets the limit); other errors as errno_error() has them.
Result<std::string> read_file(const Console& console, const std::string& path);

// A sentence that tells the user what to do about `error`. Empty when there is nothing to add, which includes an
// error whose message already names a command between backquotes.
std::string advice(const Session& session, const Error& error);

}  // namespace modelrun::cli
