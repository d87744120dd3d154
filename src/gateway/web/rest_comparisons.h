// Plain HTTP for comparisons and explanations.
#pragma once

#include "gateway/web/context.h"
#include "gateway/web/visit.h"

namespace modelrun::gateway {

// Serves /v1/comparisons, where GET compares two runs and POST two branches, and /v1/explanations, where POST explains
// why two runs differ. Returns false, without an answer, for other paths. Blocks, but not while a call waits for its
// runs.
bool serve_comparisons(WebContext& web, const Visit& visit);

}  // namespace modelrun::gateway
