// Everything that is known about one run, as JSON: the answer of GET /v1/runs/{run_id}/details, which the page and
// other programs use. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "api/model_run.h"
#include "api/sandbox.h"

namespace modelrun::gateway {

// `frame` and `project` are those of run_fields.h. Times are ISO 8601 texts; what is not known is null. The caller
// adds result_error and may_cancel; schema::details() describes the answer with these two.
nlohmann::json detail_fields(const api::ModelRun& run, const api::ResultFrame* frame, std::string_view project);

}  // namespace modelrun::gateway
