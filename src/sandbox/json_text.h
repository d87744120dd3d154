// JSON of a stranger that is checked and kept as text: a value as a tree takes many times the memory of its text, up to
// fifty times for `[{},{},...]`. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun::sandbox {

struct CompactLimits {
  int max_depth = 100;                            // as in JsonLimits
  std::size_t max_bytes = std::size_t{1} << 20U;  // of the result; less than 4 GiB
};

// Returns the value in `text` as compact JSON: no white space, strings with the fewest escapes, and numbers as in
// canonical_json(), whose text has exactly as many bytes; only the order of keys is that of `text`. Accepts and refuses
// what parse_strict() does, with the same messages (a duplicate key is found at the end of its object, and named), and
// fails with kTooLarge as soon as the result would be longer than `max_bytes`.
//
// Builds no tree. Takes, beside `text`, at most its size twice more for the library's lexer and messages, and for each
// byte of `max_bytes` three bytes for the result and the keys of the objects that are open.
Result<std::string> compact_json(std::string_view text, const CompactLimits& limits = {});

struct JsonMember {
  std::string_view key;    // with its quotes, escaped: equal keys have equal texts
  std::string_view value;  // compact JSON
};

// Returns the members of an object in the order of the text; none for a value that is no object. The views are of
// `compact`. REQUIRES: `compact` is a result of compact_json(), or a value of one of its members.
std::vector<JsonMember> members_of(std::string_view compact);

// Returns the value of the member `key` (without quotes, a word without escapes), or "" when there is none. REQUIRES: as
// members_of().
std::string_view member_text(std::string_view compact, std::string_view key);

// Returns `text`, which is valid UTF-8, as a JSON string, written as compact_json() writes it.
std::string json_string(std::string_view text);
// The reverse. "" when `json` is not a JSON string.
std::string text_of_json_string(std::string_view json);

}  // namespace modelrun::sandbox
