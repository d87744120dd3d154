// A ModelRun from flags. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/model_run.h"

namespace modelrun::cli {

// Empty strings are left out.
struct RunRequest {
  std::string namespace_;
  std::string project;
  std::string model;  // empty: the whole project
  std::string branch;
  std::string commit;
  std::optional<nlohmann::json> parameters;
  std::optional<std::int64_t> timeout_seconds;
};

// Named by the server, "<project>-xxxxx", and labelled modelrun.dev/created-by=cli.
nlohmann::json run_object(const RunRequest& request);

// The same run again: the commit that `run` was pinned to and its parameters.
RunRequest same_again(const api::ModelRun& run);

}  // namespace modelrun::cli
