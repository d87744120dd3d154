// JSON text whose numbers keep every digit, and views into it. Parsed into objects and printed again, 0.10 would become
// 0.1, and a number of more than 17 digits another one. Pure and thread-safe.
//
// An exact text is what exact_text() returns. The text of an api::JsonText is one, too: its numbers have one form, in
// which exact_text() leaves them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/strict_json.h"
#include "base/error.h"

namespace modelrun::sweep {

// Reads `text` by the rules of api::compact_strict(), with the same errors, and returns it in the same form: no spaces,
// members sorted by the bytes of their names. But numbers with a fraction or an exponent stay as they are written.
Result<std::string> exact_text(std::string_view text, const api::JsonLimits& limits = {});

enum class JsonKind { kNull, kBoolean, kNumber, kString, kArray, kObject };

// With its article, for messages: "a number", "null".
std::string_view to_string(JsonKind kind);

struct JsonMember {
  std::string name;        // not escaped
  std::string_view value;  // into the text of the object
};

// REQUIRES: the argument is an exact text, or one value inside of such a text, of the kind that the function's name
// says. The views are into the argument.
JsonKind kind_of(std::string_view value);
std::vector<JsonMember> members_of(std::string_view object);
std::vector<std::string_view> elements_of(std::string_view array);
std::string string_of(std::string_view string);  // its characters, without quotes and escapes
// The nearest binary64. REQUIRES: it does not overflow, as in an exact text.
double to_double(std::string_view number);

// The JSON string of `characters`.
std::string json_string(std::string_view characters);
// Appends a member to the text of an object that is being written: `object` begins with '{' and gets no '}'. `value` is
// an exact text.
void append_member(std::string& object, std::string_view name, std::string_view value);

// The text of `value` as RFC 8785 (JSON Canonicalization Scheme) writes numbers: the shortest digits that read back as
// the same binary64, and an exponent only below 1e-6 and from 1e21 on. REQUIRES: it is finite.
std::string number_text(double value);

}  // namespace modelrun::sweep
