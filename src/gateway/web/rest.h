// Serves the plain HTTP API: the paths below /v1.
#pragma once

#include <optional>

#include "gateway/auth/identity.h"
#include "gateway/http/http.h"
#include "gateway/web/context.h"
#include "gateway/web/visit.h"

namespace modelrun::gateway {

// Answers the request. Blocks while it asks Kubernetes. If the call waits for a run or a sweep, or follows a log, the
// visit is kept and answered later by another thread. Returns false, without an answer, if there is nothing at the
// request's path.
bool serve_rest(WebContext& web, const Visit& visit);

// The answer of serve_rest() to a request of `caller`, if all of it is in memory. Returns nullopt if serve_rest()
// would block, fail, or do anything but answer. Does not block.
std::optional<ToolAnswer> recall_rest(WebContext& web, const HttpRequest& request, const Identity& caller);

}  // namespace modelrun::gateway
