// Serves MCP over HTTP, at the path /mcp. The protocol itself is in mcp.h.
#pragma once

#include <optional>

#include "gateway/auth/identity.h"
#include "gateway/http/http.h"
#include "gateway/web/context.h"
#include "gateway/web/visit.h"

namespace modelrun::gateway {

// Answers the request. Blocks while it asks Kubernetes. If the call waits for a run or a sweep, the visit is kept and
// answered later by another thread.
void serve_mcp(WebContext& web, const Visit& visit);

// The answer of serve_mcp() to a request of `caller`, if all of it is in memory. Returns nullopt if serve_mcp() would
// block, fail, or do anything but answer. Does not block.
std::optional<ToolAnswer> recall_mcp(WebContext& web, const HttpRequest& request, const Identity& caller);

}  // namespace modelrun::gateway
