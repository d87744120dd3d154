// The GETs of the plain HTTP API that are not tools; clients for people, such as the page, use them. Each function
// answers the request, with a problem document if it fails, and blocks until then.
#pragma once

#include <string>

#include "gateway/web/context.h"
#include "gateway/web/visit.h"

namespace modelrun::gateway {

// GET /v1/projects: the projects of a namespace, and what the caller may do there.
void serve_project_list(WebContext& web, const Visit& visit);
// GET /v1/runs: the newest runs of a project or of a namespace.
void serve_run_list(WebContext& web, const Visit& visit);
// GET /v1/runs/{run_id}/details: everything about a run (run_details.h).
void serve_details(WebContext& web, const Visit& visit, const std::string& run_id);
// GET /v1/runs/{run_id}/artifacts/{name}: the bytes of the file that the run left as /outputs/`name`, as an
// attachment.
void serve_artifact(WebContext& web, const Visit& visit, const std::string& run_id, const std::string& name);

}  // namespace modelrun::gateway
