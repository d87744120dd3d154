// Decides what happens to a run. Pure: no client, no clock, no log; equal input gives an equal plan. The operator,
// the table tests and the simulator call the same functions.
#pragma once

#include "base/clock.h"
#include "controller/run/observed.h"
#include "controller/run/plan.h"
#include "controller/run/settings.h"

namespace modelrun::controller {

// The plan for a run whose phase is not final and that is not being deleted. It ends the run, or names what wakes it.
Plan decide(const Observed& observed, Time now, const Settings& settings);

// The plan for such a run when passes over it have failed for `lasted`, now with `error`: says so in the run's status.
// Ends the run if that lasts longer than limits.pendingSeconds, or once the model runs than its pod may, and soon if it
// is cancelled. A model that has reported its end keeps it, without what does not fit into status. `observed` is as far
// as observe_run() has come.
Plan decide_blocked(const Observed& observed, const Error& error, Duration lasted, Time now, const Settings& settings);

// What decide_finished() needs to know about a run that has ended.
struct FinishedRun {
  Time finished_at;      // when it ended, or took another run's result
  Duration ended_for{};  // how long ago that was, as EndTimes counts; read only if has_job
  bool managed = false;  // the project's history limits apply to it; see over_history()
  bool has_job = false;
  std::string job_name;  // of a Job that is not being deleted; read only if has_job
  api::HistorySpec history;
  bool followed = false;  // other runs wait for its result
  // The event of its end is to be delivered still. Its delivery, or that it is given up, is a change of the run, which
  // has it reconciled again.
  bool owes_end_event = false;
};

// The plan for a run whose phase is final. The Job is deleted history.podSeconds after the run's end. The run is
// deleted history.ttlSecondsAfterFinished after its end, by the wall clock, if that is set, the run is managed, no
// other run waits for its result, and it owes no event.
Plan decide_finished(const FinishedRun& run, Time now);

}  // namespace modelrun::controller
