// Builds the ConfigMaps of a run: its parameters, and the parts of a result that is too large for status. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "api/model_run.h"
#include "api/workload.h"

namespace modelrun::controller {

// The ConfigMap of the parameters, {} if the run has none. Named like the Job (run.status.job_name), owned by the Job
// with UID `job_uid` so that it is deleted with the Job, and immutable.
nlohmann::json build_parameters(const api::ModelRun& run, const std::string& job_uid);

// The ConfigMap of one part of the payload. Owned by the run, which refers to it in status.resultRef, and immutable.
// `part` is base64.
nlohmann::json build_result_part(const api::ModelRun& run, const std::string& name, const std::string& part);

}  // namespace modelrun::controller
