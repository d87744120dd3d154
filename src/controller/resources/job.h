// Builds the Jobs of attempts and of standbys. Their pod has the two containers that src/api/sandbox.h describes, and
// conforms to the "restricted" Pod Security Standard. Pure.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "api/model_project.h"
#include "api/model_run.h"
#include "controller/run/settings.h"

namespace modelrun::controller {

// The referenced objects must outlive the call of build_job().
struct JobInput {
  const api::ModelRun& run;          // admitted: status holds commit, attempt, image and Job name
  const api::ModelProject& project;  // as it was when the run was admitted
  const Settings& settings;
  bool mounted = false;  // the sandbox's files are a volume of the agent's image; see api/sandbox.h
};

// Equal input gives an equal Job, so a Job that is created again after a crash is the same.
nlohmann::json build_job(const JobInput& input);

struct StandbyInput {
  const api::ModelProject& project;  // as it is
  const Settings& settings;
  std::string name;
  std::string digest;  // standby_digest()
  bool mounted = false;
};

// Builds the Job of a standby (api/standby.h), which the project owns. Its pod differs from that of a run in what only
// a run decides.
nlohmann::json build_standby(const StandbyInput& input);

// A digest of all that a standby is built from: a run may only adopt one with the digest of its own settings.
// `versions`: those of the objects whose content is in the pod from its start, see check_env_secrets().
std::string standby_digest(const api::ModelProject& project, const Settings& settings, bool mounted,
                           const std::map<std::string, std::string>& versions);

// The merge patch by which `run` adopts the Job of a standby: it becomes the Job of `attempt`. The patch is refused
// with a conflict if the Job is not the one, or has changed since `job` was read.
nlohmann::json build_adoption(const api::ModelRun& run, std::int64_t attempt, const api::ObjectMeta& job);

// The numeric user ID that the agent and the model of a run share: 1,000,000 to 1,000,999,999, a range in which nodes
// have no users of their own. It is a hash of the run's UID, so that two runs practically never have the same:
// RLIMIT_NPROC counts the processes of a user across all pods of a node.
std::int64_t run_user_id(const std::string& run_uid);
// The same in a pod with a user namespace of its own (hostUsers: false): 10,000 to 59,999, because the kubelet maps
// only the user IDs below 65,536 there. Each such pod has users of its own on the node, so equal numbers do not meet.
std::int64_t namespaced_user_id(const std::string& run_uid);

}  // namespace modelrun::controller
