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

// The ConfigMap of rows of points (api/points.h), with one chunk: `key` and `value`, as kube/point_rows.h makes them.
// It is owned by the run, which refers to it in status.points.
nlohmann::json build_points(const api::ModelRun& run, const std::string& name, const std::string& key,
                            const std::string& value);

}  // namespace modelrun::controller
