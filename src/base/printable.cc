#include "base/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/encoding.h"

namespace modelrun {
namespace {

constexpr std::string_view kCut = "...";

// Returns the first character of `text`, which is valid UTF-8 and not empty, and its length in bytes.
std::pair<char32_t, std::size_t> first_character(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  constexpr std::array<std::uint8_t, 5> kLeadBits{0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t character = lead & kLeadBits.at(size);
  for (std::size_t i = 1; i < size; ++i) character = character << 6U | (static_cast<std::uint8_t>(text[i]) & 0x3FU);
  return {character, size};
}

bool becomes_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool is_hidden(char32_t c) {
  constexpr std::array<std::pair<char32_t, char32_t>, 10> kHidden{{{0x00, 0x1F},
                                                                   {0x7F, 0x9F},
                                                                   {0xAD, 0xAD},
                                                                   {0x61C, 0x61C},
                                                                   {0x200B, 0x200F},
                                                                   {0x202A, 0x202E},
                                                                   {0x2060, 0x206F},
                                                                   {0xFEFF, 0xFEFF},
                                                                   {0xFFF9, 0xFFFB},
                                                                   {0xE0000, 0xE007F}}};
  return std::ranges::any_of(kHidden, [c](const auto& range) { return c >= range.first && c <= range.second; });
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  // No character of the result is longer than four bytes, so nothing behind this can be part of it.
  constexpr std::size_t kSpare = 4;
  const bool longer = text.size() > limit + kSpare;
  const std::string valid = make_valid_utf8(longer ? text.substr(0, limit + kSpare) : text);
  std::string out;
  for (std::string_view rest = valid; !rest.empty();) {
    const auto [character, size] = first_character(rest);
    if (becomes_space(character)) {
      out += ' ';
    } else if (is_hidden(character)) {
      out += '?';
    } else {
      out += rest.substr(0, size);
    }
    rest.remove_prefix(size);
  }
  if (!longer && out.size() <= limit) return out;
  const std::string_view mark = kCut.substr(0, limit);
  out.resize(utf8_front(out, limit - mark.size()).size());
  return out += mark;
}

}  // namespace modelrun
