// The Job of one attempt: two containers, as src/api/sandbox.h describes them, fit for the restricted Pod Security
// level. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "api/model_project.h"
#include "api/model_run.h"
#include "controller/settings.h"

namespace modelrun::controller {

struct JobInput {
  const api::ModelRun& run;  // pinned: status holds commit, attempt and Job name
  const api::ModelProject& project;
  const Settings& settings;
};

nlohmann::json build_job(const JobInput& input);

// The uid that agent and model of a run share, different for each run: RLIMIT_NPROC counts a uid's processes across
// pods. From 1,000,000 up, so that it is nobody's on the node.
std::int64_t run_user_id(const std::string& run_uid);

}  // namespace modelrun::controller
