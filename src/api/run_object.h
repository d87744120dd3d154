// A ModelRun to be created, from what a person or a program asked for. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/model_run.h"

namespace modelrun::api {

// Empty strings are left out.
struct RunRequest {
  std::string namespace_;
  std::string project;
  std::string model;  // empty: the whole project
  std::string branch;
  std::string commit;
  std::optional<nlohmann::json> parameters;
  std::optional<std::int64_t> timeout_seconds;
  std::string name;        // empty: the server names it "<project>-xxxxx"
  std::string created_by;  // label kLabelCreatedBy: "cli" or "gateway"
};

// A manifest with apiVersion and kind, as it is sent.
nlohmann::json run_object(const RunRequest& request);

// The same run again: the commit that `run` was pinned to and its parameters.
RunRequest same_again(const ModelRun& run);

}  // namespace modelrun::api
