// Builds the Job of one attempt. Its pod has the two containers that src/api/sandbox.h describes, and conforms to the
// "restricted" Pod Security Standard. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "api/model_project.h"
#include "api/model_run.h"
#include "controller/run/settings.h"

namespace modelrun::controller {

// The referenced objects must outlive the call of build_job().
struct JobInput {
  const api::ModelRun& run;          // admitted: status holds commit, attempt, image and Job name
  const api::ModelProject& project;  // as it was when the run was admitted
  const Settings& settings;
};

// Equal input gives an equal Job, so a Job that is created again after a crash is the same.
nlohmann::json build_job(const JobInput& input);

// The numeric user ID that the agent and the model of a run share: 1,000,000 to 1,000,999,999, a range in which nodes
// have no users of their own. It is a hash of the run's UID, so that two runs practically never have the same:
// RLIMIT_NPROC counts the processes of a user across all pods of a node.
std::int64_t run_user_id(const std::string& run_uid);
// The same in a pod with a user namespace of its own (hostUsers: false): 10,000 to 59,999, because the kubelet maps
// only the user IDs below 65,536 there. Each such pod has users of its own on the node, so equal numbers do not meet.
std::int64_t namespaced_user_id(const std::string& run_uid);

}  // namespace modelrun::controller
