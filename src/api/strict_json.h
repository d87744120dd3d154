// JSON as this product accepts it from a model: RFC 8259, and nothing that the API server would change on the way.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace modelrun::api {

struct JsonLimits {
  int max_depth = 100;
};

// Refuses, with the JSON pointer of the place and the reason: syntax errors, bytes that are not UTF-8, duplicate keys,
// integers outside int64, numbers that overflow a double (1e999), NaN and Infinity, nesting deeper than the limit.
Result<nlohmann::json> parse_strict(std::string_view text, const JsonLimits& limits = {});

// The digestable form: keys sorted, no spaces, numbers in the form in which the API server gives them back (1.0 is 1).
std::string canonical_json(const nlohmann::json& value);

}  // namespace modelrun::api
