// Looks into compact JSON (api::JsonText) without building a value: a value as a tree takes many times the memory of
// its text, up to fifty times for `[{},{},...]`. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace modelrun::sandbox {

struct JsonMember {
  std::string_view key;    // with its quotes, escaped: equal keys have equal texts
  std::string_view value;  // compact JSON
};

// Returns the members of an object in the order of the text; none for a value that is no object. The views are of
// `compact`. REQUIRES: `compact` is a result of api::compact_strict(), or a value of one of its members.
std::vector<JsonMember> members_of(std::string_view compact);

// Returns the value of the member `key` (without quotes, a word without escapes), or "" when there is none. REQUIRES:
// as members_of().
std::string_view member_text(std::string_view compact, std::string_view key);

// Returns `text`, which is valid UTF-8, as a JSON string, written as api::compact_strict() writes it.
std::string json_string(std::string_view text);
// The reverse. "" when `json` is not a JSON string.
std::string text_of_json_string(std::string_view json);

}  // namespace modelrun::sandbox
