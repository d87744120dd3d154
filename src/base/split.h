// Splits a text at a character. Pure.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace modelrun {

// The parts between the separators, which may be empty: one more than there are separators. They refer to `text`.
inline std::vector<std::string_view> split_at(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

}  // namespace modelrun
