// Names of parameters and outputs. A name is the key of a member of the object; one that begins with '/' is a JSON
// pointer (RFC 6901) and leads into nested objects and lists. Pure and thread-safe.
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun::sweep {

inline constexpr std::size_t kMaxNameBytes = 256;
inline constexpr std::size_t kMaxPointerDepth = 32;  // tokens

struct Pointer {
  std::vector<std::string> tokens;  // keys and indexes, not escaped; never empty

  friend auto operator<=>(const Pointer&, const Pointer&) = default;
};

// kInvalid if `name` is empty, is longer than kMaxNameBytes, or is a pointer with a '~' that is neither "~0" nor "~1"
// or with more than kMaxPointerDepth tokens. The message does not say where the name stands: the caller puts that in
// front.
Result<Pointer> parse_name(std::string_view name);

// The name of the value that `tokens` lead to: its key if it is a member of the object itself, else a JSON pointer.
std::string name_of(const std::vector<std::string>& tokens);
// The JSON pointer, whatever the depth; empty for no tokens.
std::string pointer_text(const std::vector<std::string>& tokens);

// Whether `a` is `b`, or leads to something that contains it.
bool contains(const Pointer& a, const Pointer& b);

// The value in the exact text `json` (sweep/exact_json.h); nullopt if there is none. The view is into `json`.
std::optional<std::string_view> value_at(std::string_view json, const Pointer& pointer);
// The same for each of `pointers`. What several of them lead through is taken apart once: the text is read at most once
// for each level, however many they are.
std::vector<std::optional<std::string_view>> values_at(std::string_view json, std::span<const Pointer> pointers);

// The exact text of `object` with `value` in the place of `pointer`, whatever stood there. Objects on the way that are
// not there are made. kInvalid if a list has no such index, or if the way leads through a value that is neither an
// object nor a list. REQUIRES: `object` is the exact text of an object, and `value` an exact text.
Result<std::string> with_value(std::string_view object, const Pointer& pointer, std::string_view value);

}  // namespace modelrun::sweep
