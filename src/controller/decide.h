// The one place where it is decided what happens to a run. Pure: no client, no clock, no log; equal input gives an
// equal plan. So the operator, the table tests and a simulator run the very same function.
#pragma once

#include "base/clock.h"
#include "controller/observed.h"
#include "controller/plan.h"
#include "controller/settings.h"

namespace modelrun::controller {

// A run whose phase is not final.
Plan decide(const Observed& observed, Time now, const Settings& settings);

// What is still of interest of a run that has ended.
struct FinishedRun {
  Time finished_at;
  bool managed = false;  // the project's history limits apply to it
  bool has_job = false;
  std::string job_name;
  api::HistorySpec history;
  bool followed = false;  // others wait for its result
};

// A run whose phase is final: its Job goes after `podSeconds`, itself after `ttlSecondsAfterFinished` if that applies
// and nobody waits for it.
Plan decide_finished(const FinishedRun& run, Time now);

}  // namespace modelrun::controller
