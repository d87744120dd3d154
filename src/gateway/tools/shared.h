// Functions that several tools share. Internal to gateway/tools.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "base/error.h"
#include "gateway/runs/call.h"
#include "gateway/runs/run_service.h"

namespace modelrun::gateway {

// The project's name as this caller would write it: without the namespace if it is the caller's own.
std::string shown_project(const Call& call, const RunSummary& run);

// Reads the run and, if status holds only a part of its result, the full result, and encodes both with `fields` (one
// of run_fields.h). Fails with the error of RunService if either cannot be read: an answer without the full result
// would look like a run without outputs. Blocks.
Result<nlohmann::json> read_fields(const RunSummary& summary, const Call& call,
                                   nlohmann::json (*fields)(const api::ModelRun&, const api::ResultFrame*,
                                                            std::string_view project));

}  // namespace modelrun::gateway
