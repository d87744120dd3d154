// A run's parameters from the command line. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun::cli {

// A JSON document that must be an object. `what` names it in errors: "params.json".
Result<nlohmann::json> parse_parameters_file(std::string_view what, std::string_view text);

// `base` with "key=value" pairs put on top: the value is JSON if it parses, else a string. Without a base and without
// pairs there are no parameters, which is not the same as {}. kInvalid: a pair without '=' or key, one key twice, a
// number that the API server could not keep; kTooLarge: 64 KiB or more in all.
Result<std::optional<nlohmann::json>> merge_parameters(std::optional<nlohmann::json> base,
                                                       const std::vector<std::string>& pairs);

}  // namespace modelrun::cli
