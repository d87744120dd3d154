// Carries a plan out: the only place that writes runs, Jobs and ConfigMaps. Every write is safe to repeat: names are
// deterministic, owners are checked, status carries the resourceVersion it was decided on.
#pragma once

#include <memory>
#include <stop_token>

#include "base/error.h"
#include "controller/context.h"
#include "controller/observed.h"
#include "controller/plan.h"

namespace modelrun::controller {

// Gives the run as it stands afterwards. On failure the rest of the plan is left undone: the run is to be looked at
// again.
Result<std::shared_ptr<const api::ModelRun>> apply(const Context& context, const Observed& observed, Plan plan,
                                                   std::stop_token stop);

// Deletes the Job with its Pod and parameters; success when it is not there.
Result<void> delete_job(const Context& context, const std::string& namespace_, const std::string& name,
                        std::stop_token stop);

}  // namespace modelrun::controller
