#include "cli/escape.h"

#include <fmt/format.h>

#include <algorithm>

namespace modelrun::cli {
namespace {

// The length of a UTF-8 sequence whose first byte is `lead`; 0 when no valid sequence begins with it.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

// Whether text[at] may be a continuation byte of the sequence that begins at text[0]. RFC 3629, section 4: after some
// first bytes the second one has a narrower range, which excludes overlong forms, surrogates and values above
// U+10FFFF.
bool continues(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x80 || byte > 0xBF) return false;
  if (at != 1) return true;
  switch (static_cast<unsigned char>(text[0])) {
    case 0xE0:
      return byte >= 0xA0;
    case 0xED:
      return byte <= 0x9F;
    case 0xF0:
      return byte >= 0x90;
    case 0xF4:
      return byte <= 0x8F;
    default:
      return true;
  }
}

bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7F;
  return sequence.size() == 2 && first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

void append_hex(std::string_view bytes, std::string& out) {
  for (const char byte : bytes) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
}

}  // namespace

std::string Escaper::feed(std::string_view piece) {
  std::string joined;
  if (!pending_.empty()) {
    joined = pending_ + std::string(piece);
    pending_.clear();
    piece = joined;
  }
  std::string out;
  out.reserve(piece.size());
  while (!piece.empty()) {
    const std::size_t length = sequence_length(static_cast<unsigned char>(piece[0]));
    std::size_t valid = 1;
    while (valid < std::min(length, piece.size()) && continues(piece, valid)) ++valid;
    if (length > piece.size() && valid == piece.size()) {
      pending_ = piece;
      return out;
    }
    const auto taken = piece.substr(0, length == 0 || valid < length ? 1 : length);
    if (length == 0 || valid < length || is_control(taken)) {
      append_hex(taken, out);
    } else {
      out += taken;
    }
    piece.remove_prefix(taken.size());
  }
  return out;
}

std::string Escaper::finish() {
  std::string out;
  append_hex(pending_, out);
  pending_.clear();
  return out;
}

std::string escape(std::string_view text) {
  Escaper escaper;
  std::string out = escaper.feed(text);
  return out + escaper.finish();
}

}  // namespace modelrun::cli
