#include "gateway/runs/text_part.h"

#include <algorithm>

#include "base/encoding.h"
#include "gateway/runs/run_fields.h"

namespace modelrun::gateway {
namespace {

constexpr std::size_t kLongestTail = 3;  // bytes of a character of UTF-8 behind its first

// The beginning of the character that the byte at `at` is a part of; `at` itself if there is none near.
std::size_t character_at(std::string_view whole, std::size_t at) {
  for (std::size_t back = 0; back <= kLongestTail && back <= at && at < whole.size(); ++back) {
    if (!continues_utf8(whole[at - back])) return at - back;
  }
  return at;
}

}  // namespace

TextPart text_part(std::string_view whole, std::size_t begin, std::size_t limit) {
  TextPart part;
  part.begin = character_at(whole, std::min(begin, whole.size()));
  for (std::size_t room = limit;;) {
    part.end = std::min(whole.size(), part.begin + room);
    if (const auto cut = character_at(whole, part.end); cut > part.begin) part.end = cut;
    part.text = make_valid_utf8(whole.substr(part.begin, part.end - part.begin));
    const auto size = json_size(part.text);
    if (size <= kMaxPartJson || room <= kMinPart) return part;
    // Escapes make a text longer, and not everywhere by as much: try again until it fits.
    room = std::max(kMinPart, std::min(room - 1, (part.end - part.begin) * kMaxPartJson / size));
  }
}

}  // namespace modelrun::gateway
