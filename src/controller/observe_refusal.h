// Finds out why the Job controller cannot make the pod of a run's Job.
#pragma once

#include <stop_token>
#include <string>

#include "api/object_meta.h"
#include "base/error.h"
#include "controller/context.h"

namespace modelrun::controller {

// What the API server answered the last time the Job controller tried to create a pod of `job`, in the API server's
// words, as one printable line of at most kMaxShownBytes; empty if no refusal is recorded. The Job controller records
// one as an Event with the reason FailedCreate and keeps trying: a quota, a LimitRange, a priority class, an admission
// policy or a webhook is in the pod's way. Anybody who may create events of the namespace can write such a text; it
// explains a wait, and nothing is decided by it. Reads at most 20 events, of which one at a time is in memory, and
// blocks for it. Fails as kube::Client::list_each() does.
Result<std::string> read_refusal(const Context& context, const api::ObjectMeta& job, std::stop_token stop);

}  // namespace modelrun::controller
