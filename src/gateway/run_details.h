// Everything that is known of one run, in the words of the gateway: for the page, and for programs that ask
// /v1/runs/{run_id}/details. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "api/model_run.h"
#include "api/sandbox.h"

namespace modelrun::gateway {

// `frame` and `project` as in run_fields.h. Times are ISO 8601; what is not known is null.
nlohmann::json detail_fields(const api::ModelRun& run, const api::ResultFrame* frame, std::string_view project);

// The JSON Schemas of the answers that only plain HTTP has.
namespace schema {
nlohmann::json details();
nlohmann::json projects();
nlohmann::json runs();
}  // namespace schema

}  // namespace modelrun::gateway
