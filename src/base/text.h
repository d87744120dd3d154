// Small work on texts: splitting, trimming, comparing, percent-encoding, giving memory back. Only letters of ASCII have
// two cases. Pure.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelrun {

// The parts between the separators, which may be empty: one more than there are separators. They refer to `text`.
std::vector<std::string_view> split_at(std::string_view text, char separator);

// The text without the characters of `blank` at its two ends. It refers to `text`.
std::string_view trimmed(std::string_view text, std::string_view blank = " \t");

constexpr char lower_case(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string ascii_lower(std::string_view text);

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower_case, lower_case);
}

// True if a control character of ASCII is in the text: a byte below that of a space, or DEL.
bool has_control(std::string_view text);

// Replaces each "%XX", of two hex digits, by its byte (RFC 3986, section 2.1), which may be any byte. nullopt when a
// '%' stands without two hex digits behind it.
std::optional<std::string> percent_decoded(std::string_view text);

// Empties `text` and gives its memory back, which neither clear() nor `text = {}` does.
inline void free_text(std::string& text) {
  std::string().swap(text);
}

}  // namespace modelrun
