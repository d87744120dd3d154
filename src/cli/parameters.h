// Builds a run's parameters from a JSON file and the command line's --param flags. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun::cli {

// Parses a JSON document that must be an object. `what` is what errors call it, such as "params.json". kInvalid when
// it is not an object or not JSON as api::parse_strict() accepts it.
Result<nlohmann::json> parse_parameters_file(std::string_view what, std::string_view text);

// Reads the value `text` of `key`, as `option` of the command line has it: as JSON if it is JSON, else as a string
// (NaN, too, is not JSON). kInvalid for what is JSON but would not survive in the API server: an integer outside int64,
// a number that overflows a double, a duplicate key, more than 100 levels.
Result<nlohmann::json> parse_value(std::string_view option, std::string_view key, std::string_view text);

// Returns `base` with the `pairs` put on top. Each pair is "key=value"; the key ends at the first '='. The value is
// read by parse_value(). A pair replaces the value that `base` has for its key. Without a base and without pairs the
// result is nullopt: the run has no parameters, which is not the same as the empty object.
//
// Fails with kInvalid for a pair without '=' or with an empty key, for a key that stands in two pairs, and as
// parse_value() does. Fails with kTooLarge when the whole is 64 KiB or more as JSON without spaces.
// REQUIRES: `base`, if given, is an object.
Result<std::optional<nlohmann::json>> merge_parameters(std::optional<nlohmann::json> base,
                                                       const std::vector<std::string>& pairs);

// Parses the points of a run: a JSON array of objects, or JSON Lines, an object a line. `what` is what errors call the
// text. kInvalid when it is neither, when an element is not an object, or when there is none; kTooLarge beyond
// api::kMaxPoints or api::kMaxPointsBytes.
Result<nlohmann::json> parse_points_file(std::string_view what, std::string_view text);

}  // namespace modelrun::cli
