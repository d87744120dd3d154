// Builds the next status of a sweep. Pure: each function starts from the status of observed.sweep and returns the new
// one, with conditions and observedGeneration.
#pragma once

#include <string>
#include <string_view>

#include "controller/sweep/plan.h"
#include "controller/sweep/result.h"
#include "controller/sweep/survey.h"

namespace modelrun::controller {

// Runs that status names at most: the first ones. The others are found by their label.
inline constexpr std::size_t kMaxShownRuns = 256;

// The commit that all runs of the sweep use, if it is known: the one that was recorded, that its spec names, or that
// its first run has.
std::string sweep_commit(const SweepObserved& observed, const SweepSurvey& survey);

// The sweep goes on. `reason` is one of api/reason.h.
api::ModelSweepStatus sweep_under_way(const SweepObserved& observed, const SweepSurvey& survey, std::string_view reason,
                                      const std::string& message, Time now);

// The sweep has ended. `survey` is null if it has no points, and `result` if it has no table.
api::ModelSweepStatus sweep_ended(const SweepObserved& observed, const SweepSurvey* survey, const SweepEnd& end,
                                  const SweepResult* result, Time now);

// What is written of the final status `whole` when the API server refuses it for good, for the reason `why`: phase,
// counts, conditions and the table.
api::ModelSweepStatus least_of_sweep(const api::ModelSweepStatus& whole, const std::string& why);

}  // namespace modelrun::controller
