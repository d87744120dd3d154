// Converts YAML to JSON as kubectl does. Plain scalars follow YAML 1.1 in the variant of the library that kubectl
// uses: `yes` and `on` are true, 017 is 15, 0o17 and 1_000 are integers; as keys they are "true" and "15". Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun::cli {

// Returns all documents of `text` that are not empty. Fails with kInvalid, and a message that begins with line and
// column, for a syntax error, a key that occurs twice in a mapping, a key that is not a scalar or is a number with
// more than one way of writing it (1e3), a merge key (<<), a tag other than !!str, an integer outside int64, a
// number that JSON cannot hold (.inf, .nan, overflow), more than 100 levels, or more than 100,000 values in one
// document. An alias counts each time it is used, so that a small text cannot expand without limit.
Result<std::vector<nlohmann::json>> parse_yaml(std::string_view text);

// `value` as a YAML document, from which parse_yaml(), kubectl and YAML 1.2 readers read the same value. Texts are in
// double quotes wherever one of them could take them for something else.
std::string to_yaml(const nlohmann::json& value);

}  // namespace modelrun::cli
