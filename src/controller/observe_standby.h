// Finds the standby that a run may have.
#pragma once

#include <map>
#include <string>

#include "controller/context.h"
#include "controller/run/observed.h"

namespace modelrun::controller {

// Sets observed.standby or observed.cold_reason of a run that is admitted and has no Job; neither if its project has no
// standbys. A standby is kept for the run until forget() or its release (Standbys::release()). `versions` are those of
// check_env_secrets(). Reads the run's labels from the API server if the operator passes any on; fails with the error
// of that request.
Result<void> observe_standby(const Context& context, Observed& observed,
                             const std::map<std::string, std::string>& versions, std::stop_token stop);

// The pod of the standby's Job if the model's container runs in it and nothing ends it; null if there is none.
std::shared_ptr<const api::PodView> living_pod(const Context& context, const api::JobView& job);

// That pod if it asks for work, so that a run may have it at once; null if there is none. A pod asks before its kubelet
// has reported that its containers run: until then it is not counted as ready.
std::shared_ptr<const api::PodView> ready_pod(const Context& context, const api::JobView& job);

}  // namespace modelrun::controller
