// Creates the objects that one attempt of a run needs, or finds those that an earlier try has left.
#pragma once

#include <memory>
#include <stop_token>

#include "api/model_project.h"
#include "api/model_run.h"
#include "base/error.h"
#include "controller/context.h"

namespace modelrun::controller {

// Creates the ConfigMap `wanted`, or finds that `owner` has it already: anybody may have used its name. Fails with
// kInvalid if it belongs to somebody else; the message says that it is not this `whose`'s: "run" or "sweep". Blocks.
Result<nlohmann::json> create_config_map(const Context& context, const nlohmann::json& wanted,
                                         const api::ObjectMeta& owner, std::string_view whose, std::stop_token stop);

// The same for an immutable ConfigMap, which counts as created only if it has the binaryData of `wanted`; else
// kInvalid.
Result<void> create_part(const Context& context, const nlohmann::json& wanted, const api::ObjectMeta& owner,
                         std::string_view whose, std::stop_token stop);

// Makes sure that the following exist, in this order: the namespace's NetworkPolicy (created, or replaced if its spec
// differs), the Job of the attempt in `run.status.attempts`, and, if the run has parameters, their ConfigMap, which
// the Job owns. Safe to repeat: the names are fixed, so an object that exists is found and not made twice.
//
// `run` must be what the API server holds now: a stale run could bring back a Job that was deleted after the run's
// end. `project` must hold the settings that the run was admitted with; see as_admitted(). Blocks; safe to call from
// many threads for different runs.
//
// Returns success in these cases as well, and notes them in the inbox:
// - One of the objects cannot be made: it is refused, for a quota for example, or there is no answer, or the name of
//   the ConfigMap is taken by an object that the Job does not own. See Inbox::job_failed().
// - The Job's name is taken by a Job that `run` does not own. See Inbox::set_job().
// Fails with kCancelled only.
Result<void> create_job(const Context& context, const api::ModelRun& run, const api::ModelProject& project,
                        std::stop_token stop);

// Creates the NetworkPolicy of the namespace, or mends it. Called before each Job: the namespace may have been deleted
// and created again, somebody may have edited the policy, or the run server may have another port now.
Result<void> ensure_network_policy(const Context& context, const std::string& namespace_, std::stop_token stop);

}  // namespace modelrun::controller
