// Creates a run's child objects, or finds the ones that an earlier try has left.
#pragma once

#include <memory>
#include <stop_token>

#include "api/model_project.h"
#include "api/model_run.h"
#include "base/error.h"
#include "controller/context.h"

namespace modelrun::controller {

// Whether the API server does not take an object as it is (quota, admission), however often it is sent.
[[nodiscard]] bool is_refusal(ErrorKind kind);

// NetworkPolicy of the namespace, Job, and ConfigMap of the parameters. What the API server does not take (quota,
// admission) is noted in the inbox and is no error here. `run` must be what the API server holds now: a stale one could
// bring a Job back that has been compacted.
Result<void> create_job(const Context& context, const api::ModelRun& run, const api::ModelProject& project,
                        std::stop_token stop);

}  // namespace modelrun::controller
