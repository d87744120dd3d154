// Builds what a sweep owns: its runs, and the ConfigMaps of its table. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "api/model_sweep.h"
#include "controller/run/settings.h"
#include "controller/sweep/layout.h"
#include "controller/sweep/plan.h"

namespace modelrun::controller {

// The run of `make`. Of the sweep's labels it gets those that pods get from runs (Settings::propagated_labels), and no
// label of a tool: what the project's history says of runs does not concern it. REQUIRES: the sweep has these points.
nlohmann::json build_sweep_run(const api::ModelSweep& sweep, const sweep::Points& points, const MakeSweepRun& make,
                               const Settings& settings);

// The ConfigMap of one part of the table, immutable. `part` is base64.
nlohmann::json build_table_part(const api::ModelSweep& sweep, const std::string& name, const std::string& part);

}  // namespace modelrun::controller
