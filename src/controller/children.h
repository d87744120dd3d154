// Creates the objects that one attempt of a run needs, or finds those that an earlier try has left.
#pragma once

#include <memory>
#include <stop_token>

#include "api/model_project.h"
#include "api/model_run.h"
#include "base/error.h"
#include "controller/context.h"

namespace modelrun::controller {

// True for errors by which the API server refuses an object as it is, for example for a quota or by an admission
// plugin: kDenied, kInvalid and kTooLarge. Sending the same object again at once does not help.
[[nodiscard]] bool is_refusal(ErrorKind kind);

// Creates `object`, or returns the object that exists under its name, whoever it belongs to. Blocks.
Result<nlohmann::json> create_or_get(const Context& context, const kube::Resource& resource,
                                     const nlohmann::json& object, std::stop_token stop);

// Makes sure that the following exist, in this order: the namespace's NetworkPolicy (created, or replaced if its spec
// differs), the Job of the attempt in `run.status.attempts`, and, if the run has parameters, their ConfigMap, which
// the Job owns. Safe to repeat: the names are fixed, so an object that exists is found and not made twice.
//
// `run` must be what the API server holds now: a stale run could bring back a Job that was deleted after the run's
// end. `project` must hold the settings that the run was admitted with; see as_admitted(). Blocks; safe to call from
// many threads for different runs.
//
// Returns success in these cases as well, and notes them in the inbox:
// - One of the objects cannot be made: refused, for a quota for example, or not answered, or the ConfigMap's name is taken
//   by an object that the Job does not own. See Inbox::job_failed().
// - The Job's name is taken by a Job that `run` does not own. See Inbox::set_job().
// Fails with kCancelled only.
Result<void> create_job(const Context& context, const api::ModelRun& run, const api::ModelProject& project,
                        std::stop_token stop);

}  // namespace modelrun::controller
