// YAML as kubectl reads it (YAML 1.1 scalars, as its library has them), to JSON. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun::cli {

// All documents but the empty ones. kInvalid, with line and column: syntax, a key twice, a number that the API server
// could not keep, more than 100 levels or 100,000 values (aliases count each time they are used).
Result<std::vector<nlohmann::json>> parse_yaml(std::string_view text);

}  // namespace modelrun::cli
