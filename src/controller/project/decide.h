// Decides what happens to a project: run numbers, concurrency slots, conditions, and which finished runs its history
// limits let go. Pure, as run/decide.h: no client, no clock, no log; equal input gives an equal plan.
#pragma once

#include <memory>
#include <vector>

#include "api/model_project.h"
#include "api/model_run.h"
#include "base/clock.h"
#include "controller/project/observed.h"
#include "controller/project/plan.h"

namespace modelrun::controller {

// The plan for the project. REQUIRES: it is not being deleted.
ProjectPlan decide_project(const ProjectObserved& observed, Time now);

// The parts of decide_project(), which the table tests call one by one:

// The next status of the project; equal to the current one when nothing changes. Run numbers continue at
// max(status.lastRunNumber, highest_number) + 1, and a run that has a number keeps it. Entries in `over` are dropped,
// and slots are given in the order of `waiting`, up to limits.maxConcurrentRuns.
api::ModelProjectStatus admit(const ProjectObserved& observed, Time now);

// True if `run` has lost `slot`, which must be its own: the run was suspended after it was admitted, and has no Job. It
// never uses that slot again, even if it is resumed; it is admitted anew. So the project may take the slot back at any
// time, even if its cache is behind: if the run was just about to start, its status write fails with a conflict,
// because suspending has changed the run.
bool has_lost(const api::ActiveRun& slot, const api::ModelRun& run);

// The oldest finished runs beyond history.successful and history.failed (`failed` counts every end that is no success).
// Counts and returns only runs that the limits apply to: those made by the CLI or the gateway, and with
// history.includeApplied all others but those of sweeps. Leaves out runs that are being deleted. A limit that is not
// set keeps all runs. The result is in no particular order.
std::vector<std::shared_ptr<const RunRecord>> over_history(std::vector<std::shared_ptr<const RunRecord>> runs,
                                                           const api::HistorySpec& history);

}  // namespace modelrun::controller
