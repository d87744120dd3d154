// Waits until a run ends and prints how it ended. Shared by the commands `run`, `rerun`, `wait` and `logs -f`.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "cli/log_follower.h"
#include "cli/session.h"

namespace modelrun::cli {

// What is printed when a run has ended (the flag -o).
enum class Format {
  kText,     // summary() of run_view.h
  kJson,     // the whole ModelRun as JSON
  kOutputs,  // the run's outputs as JSON; null when it left none
  kName      // modelrun.modelrun.dev/NAME
};

struct AwaitOptions {
  bool follow = false;      // print the model's log while it is written
  bool log_to_err = false;  // print that log to standard error, because standard output is reserved for the result
  bool tell = true;         // print progress_line() to standard error whenever it changes
  LogView view{};           // of that log
  std::optional<std::chrono::seconds> limit;  // the longest time to wait; absent: no limit
};

// Blocks until run `name` of session.namespace_ is in a final phase, and returns the ModelRun in that phase. With
// `follow`, the log has been printed by then. If it ended early, a note on standard error says so; if none of it
// could be read, what is kept of it in the run's result is printed instead. Neither makes the call fail.
//
// Fails with kCancelled after Ctrl-C and with kTimeout after `limit`. In both cases the run itself goes on, and the
// message names the commands that wait for it again or cancel it. Other errors are those of watch_object(). A
// connection that breaks later is retried, with a note on standard error even when `tell` is false.
Result<kube::Json> await_end(Session& session, const std::string& name, const AwaitOptions& options);

// The error of a wait that Ctrl-C or `limit` has ended: kCancelled or kTimeout. `kind` is the word for what goes on,
// `argument` what commands call it. REQUIRES: session.stop is requested, or there is a limit.
Error stopped_waiting(const Session& session, std::string_view kind, const std::string& name,
                      const std::string& argument, std::optional<std::chrono::seconds> limit);

// Prints the ended run `object` in `format` to standard output and returns exit_code_of() it. For a run that did not
// succeed, standard error also gets its progress_line() (unless `format` is kText, which includes the reason) and the
// last lines of the model's standard error (unless `logs_shown`: the user has seen them). Fails only for kOutputs,
// when the full result cannot be read.
Result<int> tell_end(Session& session, const kube::Json& object, Format format, bool logs_shown);

// Calls await_end() and then tell_end(), with `logs_shown` as in options.follow. Fails as they do.
Result<int> finish_run(Session& session, const std::string& name, const AwaitOptions& options, Format format);

}  // namespace modelrun::cli
