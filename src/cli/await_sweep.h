// Waits until a sweep ends and prints what came of it. Shared by the commands `sweep`, `wait` and `output`.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "api/model_sweep.h"
#include "cli/session.h"
#include "sweep/table.h"

namespace modelrun::cli {

// What is printed of a sweep that has ended (the flag -o).
enum class SweepFormat {
  kText,       // sweep_summary() of sweep_view.h
  kPlots,      // the same, and drawings: plots() of plots.h
  kJson,       // the whole ModelSweep as JSON
  kCsv,        // its table as CSV
  kJsonLines,  // its table as JSON Lines
  kName        // modelsweep.modelrun.dev/NAME
};

// Blocks until sweep `name` of session.namespace_ is in a final phase, and returns the ModelSweep in that phase.
// Meanwhile standard error shows how far it is: on a terminal in one line that changes, else in lines for what is news.
//
// Fails with kCancelled after Ctrl-C and with kTimeout after `limit`. In both cases the sweep itself goes on, and the
// message names the commands that wait for it again or cancel it. Other errors are those of watch_object(). A
// connection that breaks later is retried, with a note on standard error.
Result<kube::Json> await_sweep(Session& session, const std::string& name, std::optional<std::chrono::seconds> limit);

// Reads the table of `sweep`. Blocks. kConflict while the sweep goes on, and kNotFound if it has ended without one: the
// message says what to do. Else fails as kube::load_table() does.
Result<sweep::Table> read_table(Session& session, const api::ModelSweep& sweep);

// Prints the ended sweep `object` in `format` to standard output, and returns exit_code_of() it. For a sweep that did
// not succeed, standard error also gets its progress_line() (unless `format` is kText or kPlots, which include the
// reason). A sweep without a table has an empty one. Fails as read_table() does.
Result<int> tell_sweep(Session& session, const kube::Json& object, SweepFormat format);

// Calls await_sweep() and then tell_sweep(). Fails as they do.
Result<int> finish_sweep(Session& session, const std::string& name, std::optional<std::chrono::seconds> limit,
                         SweepFormat format);

}  // namespace modelrun::cli
