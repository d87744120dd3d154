// A strict JSON parser for untrusted text such as the output of a model, and a canonical form for digests. It accepts
// RFC 8259 without the values that the API server would change when it stores them. Pure and thread-safe.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::api {

// In the message of each error about a number that no double can hold.
inline constexpr std::string_view kOverflows = "overflows a double";

struct JsonLimits {
  int max_depth = 100;  // nesting of objects and arrays; a value without any has depth 0
  // Objects, arrays and other values that are built. One needs 16 to some 150 bytes of memory, whatever its text has.
  std::size_t max_values = std::numeric_limits<std::size_t>::max();
  // Of the text that compact_strict() makes, or of the text of `text_member`, in bytes. Beyond it: kTooLarge.
  std::size_t max_bytes = std::numeric_limits<std::size_t>::max();
  // A member of the document that must be an object, or be absent. It becomes a string with its compact text (see
  // api/json_text.h), and what is in it does not count for max_values. Empty: none.
  std::string_view text_member = {};
};

// Parses `text`. Safe for hostile text: it does not recurse and does not throw. Returns kInvalid for syntax errors,
// bytes that are not UTF-8, duplicate keys, integers outside int64, numbers that overflow a double (1e999), NaN and
// Infinity, and nesting deeper than the limit. The message is one line, "at POINTER: reason", with the JSON pointer
// (RFC 6901) of the place, or "at the top: reason" for the document itself. In the pointer, long keys are shortened.
Result<nlohmann::json> parse_strict(std::string_view text, const JsonLimits& limits = {});

// Returns the canonical text of `value`, from which digests are computed: keys sorted by their bytes, no spaces, and
// numbers in the form in which the API server returns them (1.0 becomes 1).
// REQUIRES: all numbers are finite, and the value is nested no deeper than parse_strict() permits by default, because
// this function recurses.
std::string canonical_json(const nlohmann::json& value);

}  // namespace modelrun::api
