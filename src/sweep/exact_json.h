// Views into the text of a JSON value, whose numbers keep every digit that the text has. Parsed into objects and
// printed again, a number of more than 17 digits would become another one. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace modelrun::sweep {

enum class JsonKind { kNull, kBoolean, kNumber, kString, kArray, kObject };

struct JsonMember {
  std::string name;        // not escaped
  std::string_view value;  // into the text of the object
};

// REQUIRES: the argument is the text of an api::JsonText, or one value inside of such a text, of the kind that the
// function's name says. The views are into the argument.
JsonKind kind_of(std::string_view value);
std::vector<JsonMember> members_of(std::string_view object);
std::vector<std::string_view> elements_of(std::string_view array);
std::string string_of(std::string_view string);  // its characters, without quotes and escapes

// The JSON string of `characters`.
std::string json_string(std::string_view characters);

// The text of `value` as RFC 8785 (JSON Canonicalization Scheme) writes numbers: the shortest digits that read back as
// the same binary64, and an exponent only below 1e-6 and from 1e21 on. REQUIRES: it is finite.
std::string number_text(double value);

}  // namespace modelrun::sweep
