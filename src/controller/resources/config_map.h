// The ConfigMaps of a run: its parameters, and the parts of a result that is too large for status. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "api/model_run.h"
#include "api/workload.h"

namespace modelrun::controller {

// Immutable, named like the Job and owned by it, so that it goes with it.
nlohmann::json build_parameters(const api::ModelRun& run, const std::string& job_uid);

// Immutable, owned by the run, which refers to it in status.resultRef. `part` is base64.
nlohmann::json build_result_part(const api::ModelRun& run, const std::string& name, const std::string& part);

}  // namespace modelrun::controller
