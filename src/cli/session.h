// What a command works with, and how it is registered with the command line.
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

namespace modelrun::cli {

struct GlobalFlags {
  std::string kubeconfig;
  std::string context;
  std::string namespace_;  // empty: the context's
  bool raw = false;
};

// References are valid while the command runs.
struct Session {
  kube::Client& client;
  Console& console;
  const Clock& clock;
  GlobalFlags flags;
  std::string namespace_;
  std::stop_token stop;  // Ctrl-C

  // "kubectl modelrun wait x -n forecasts --context staging": what the user may type next.
  [[nodiscard]] std::string hint(std::string_view command) const;
};

// Gives the process's exit code.
using Command = std::function<Result<int>(Session&)>;

// "NAME", "modelrun/NAME" and "modelrun.modelrun.dev/NAME" are all the run NAME.
std::string run_name(std::string_view argument);

// Reads one run. REQUIRES: a name as run_name() gives it.
Result<kube::Json> get_run(Session& session, const std::string& name);

// A file, or standard input for "-". kTooLarge above 4 MiB.
Result<std::string> read_file(Session& session, const std::string& path);

// What to do about an error, in a sentence; empty when there is nothing to add.
std::string advice(const Session& session, const Error& error);

}  // namespace modelrun::cli
