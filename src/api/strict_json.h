// JSON as this product accepts it from a model: RFC 8259, and nothing that the API server would change on the way.
// Pure; safe to call from any thread and on hostile text of any depth.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::api {

struct JsonLimits {
  int max_depth = 100;  // of objects and arrays inside each other; a bare value has depth 0
};

// Refuses, with the JSON pointer of the place and the reason: syntax errors, bytes that are not UTF-8, duplicate keys,
// integers outside int64, numbers that overflow a double (1e999), NaN and Infinity, nesting deeper than the limit.
// Every error is kInvalid and reads "at POINTER: reason" ("at the top: reason" for the document itself); it is one
// line, whatever the text holds.
Result<nlohmann::json> parse_strict(std::string_view text, const JsonLimits& limits = {});

// The digestable form: keys sorted by their bytes, no spaces, numbers in the form in which the API server gives them
// back (1.0 is 1). REQUIRES: no deeper than what parse_strict lets through (this one recurses).
std::string canonical_json(const nlohmann::json& value);

}  // namespace modelrun::api
