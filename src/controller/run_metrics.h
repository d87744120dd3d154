// The metrics about runs that are under way, and about the runs of each project.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "api/model_run.h"
#include "base/clock.h"
#include "controller/caches/caches.h"
#include "controller/context.h"
#include "runtime/metrics.h"

namespace modelrun::controller {

// The runs that have not ended, at one moment.
struct RunCounts {
  std::map<std::string, int> by_reason;  // of the condition Succeeded; see report_runs()
  // The longest present wait of a Pending run, for its first attempt or for the pod of the attempt that has begun.
  // Suspended runs, and those that have joined another, do not count.
  Duration oldest_pending{};
  int overdue = 0;  // run for longer than any run may
};

// `longest` is the longest time-out that a run may have. Compares times that other machines have written with `now`:
// the counts are for people, and nothing is decided by them.
RunCounts count_runs(const RunStore& runs, Time now, std::chrono::seconds longest);

// Sets the gauges. A reason that is not among those of a run under way (docs/troubleshooting.md) counts as "Unknown".
void report_runs(runtime::Metrics& metrics, const RunCounts& counts);

// Call when the status `now` of `run` has been written. Records how long the run waited, if its first attempt begins.
void count_wait(const Context& context, const api::ModelRun& run, const api::ModelRunStatus& now);

// Call when the end of the run has been written. Records how it ended and how long its model ran, by project. Does
// nothing for a run whose project is not known.
void count_end(const Context& context, const api::ModelRun& run);

}  // namespace modelrun::controller
