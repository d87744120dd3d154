// The full result of a run, where it is larger than what stands in its status.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "kube/client.h"

namespace modelrun::kube {

// Pure. `parts` are the base64 texts of ref.config_maps, in order. kInvalid when size or digest do not match.
Result<api::ResultFrame> assemble(const api::ResultRef& ref, const std::vector<std::string>& parts);

// Reads the ConfigMaps that `run` refers to. REQUIRES: run.status.result_ref.
Result<api::ResultFrame> load_payload(Client& client, const api::ModelRun& run, std::stop_token stop = {});

// From status or, when they are not there, from the payload. Nothing: the run left none.
Result<std::optional<nlohmann::json>> load_outputs(Client& client, const api::ModelRun& run, std::stop_token stop = {});

}  // namespace modelrun::kube
