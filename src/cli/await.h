// Waiting for a run's end, and telling of it: what `run`, `rerun`, `wait` and `logs -f` share.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/session.h"

namespace modelrun::cli {

enum class Format { kText, kJson, kOutputs, kName };

struct AwaitOptions {
  bool follow = false;      // print the model's log meanwhile
  bool log_to_err = false;  // standard output is for something else
  bool tell = true;         // a line on standard error whenever phase or reason change
  std::optional<std::chrono::seconds> limit;
};

// The run as it stood at its end. kCancelled after Ctrl-C and kTimeout after `limit`: the run goes on, and the message
// says how to take it up again.
Result<kube::Json> await_end(Session& session, const std::string& name, const AwaitOptions& options);

// Prints the end of a run in `format`; gives the exit code of exit_code_of().
Result<int> tell_end(Session& session, const kube::Json& object, Format format, bool logs_shown);

// One after the other.
Result<int> finish_run(Session& session, const std::string& name, const AwaitOptions& options, Format format);

}  // namespace modelrun::cli
