// Finds out why the Job controller cannot make the pod of a run's Job.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "api/object_meta.h"
#include "base/error.h"
#include "controller/context.h"
#include "kube/json.h"

namespace modelrun::controller {

// What the API server answered the last time the Job controller tried to create a pod of `job`, in the API server's
// words and not bounded in length; empty if no refusal is recorded. The Job controller records one as an Event with the
// reason FailedCreate and keeps trying: a quota, a LimitRange, a priority class, an admission policy or a webhook is in
// the pod's way. Lists at most 50 events, and blocks for it.
Result<std::string> read_refusal(const Context& context, const api::ObjectMeta& job, std::stop_token stop);

// The sentence of the newest of `events`, which are events.k8s.io/v1 Events; empty if there is none. Pure.
std::string newest_refusal(const std::vector<kube::Json>& events);

}  // namespace modelrun::controller
