// Plain HTTP for comparisons.
#pragma once

#include "gateway/web/context.h"
#include "gateway/web/visit.h"

namespace modelrun::gateway {

// Serves /v1/comparisons: GET compares two runs, POST two branches. Returns false, without an answer, for other paths.
// Blocks, but not while a call waits for its runs.
bool serve_comparisons(WebContext& web, const Visit& visit);

}  // namespace modelrun::gateway
