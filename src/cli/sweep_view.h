// How the CLI presents a sweep to people (texts) and to scripts (exit codes). Pure; safe to call from any thread, but
// for SweepProgress. Texts may contain what a model wrote: they are not escaped here, but by the Console.
#pragma once

#include <optional>
#include <string>

#include "api/model_sweep.h"
#include "base/clock.h"
#include "sweep/table.h"

namespace modelrun::cli {

// Why the sweep ended or what it waits for, as of a run: a reason of api/reason.h. Empty when it has neither yet.
std::string reason_of(const api::ModelSweep& sweep);

// The exit code of a command that has waited for the sweep: 0 for Succeeded, 130 for Cancelled, else 1.
// REQUIRES: the phase is final.
int exit_code_of(const api::ModelSweep& sweep);

// As progress_line() of a run.
std::string progress_line(const api::ModelSweep& sweep);

// What is shown of a sweep while it is waited for. Used by one thread.
class SweepProgress {
 public:
  // A line for a terminal: a bar, the counts, and about how long it takes yet; while no point is executed, the sweep's
  // progress_line(). `now`: when `sweep` was seen. The estimate is made from the points that ended since the first call
  // by the clock of this machine, because that of the operator's machine may be another one.
  std::string line(const api::ModelSweep& sweep, Time now);
  // Whether line() says so much more than when this was last true that it is worth a line of its own in a file: another
  // phase or reason, or another tenth of the points.
  bool is_news(const api::ModelSweep& sweep);

 private:
  std::optional<Time> since_;  // when points were first seen to be executed
  std::int64_t done_then_ = 0;
  std::string told_;
};

// What is printed when the sweep has ended: a labelled line for each fact; all rows of `table` if they are few; the
// summary of each output, and how it moves with each axis. Ends with the command that prints the whole table.
std::string sweep_summary(const api::ModelSweep& sweep, const sweep::Table& table, Time now);

// The tables of status.summary and status.sensitivity, one after the other; empty if there are none.
std::string statistics_text(const api::ModelSweepStatus& status);

}  // namespace modelrun::cli
