// Decides what happens to a sweep: which runs are made, which are cancelled, suspended or resumed, and when it is over.
// Pure, as run/decide.h: no client, no clock, no log; equal input gives an equal plan.
#pragma once

#include "base/clock.h"
#include "controller/run/settings.h"
#include "controller/sweep/observed.h"
#include "controller/sweep/plan.h"
#include "controller/sweep/survey.h"

namespace modelrun::controller {

// The plan for a sweep that has not ended and is not being deleted.
SweepPlan decide_sweep(const SweepObserved& observed, Time now, const Settings& settings);

// Why a point of the part has no row, when the sweep ends with `end`. `run` is the part's run as the API server holds
// it, and null if it was not made.
SweepMiss why_missing(const SweepObserved& observed, const SweepEnd& end, const api::ModelRunStatus* run);

// Progress that nobody waits for is written at most so often.
inline constexpr std::chrono::seconds kProgressWrite{2};

}  // namespace modelrun::controller
