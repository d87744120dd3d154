// Plain HTTP for sweeps: the tools about them, and the downloads of their tables.
#pragma once

#include "gateway/web/context.h"
#include "gateway/web/visit.h"

namespace modelrun::gateway {

// Serves the request if its path is one of sweeps; returns false, without an answer, for other paths. Blocks, but not
// while a call waits for a sweep.
bool serve_sweeps(WebContext& web, const Visit& visit);

}  // namespace modelrun::gateway
