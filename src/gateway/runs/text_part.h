// Parts of long texts, for answers whose size has a bound. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace modelrun::gateway {

// The largest part of a text in an answer, in bytes of JSON: with the other fields, an answer stays below the 64 KiB
// that MCP shows of it whole (web/mcp.cc).
inline constexpr std::size_t kMaxPartJson = std::size_t{60} << 10U;
// The smallest limit that a client may ask for: a character of UTF-8 fits into it, so that each part makes progress.
inline constexpr std::size_t kMinPart = 4;
inline constexpr std::size_t kMaxPart = std::size_t{64} << 10U;
inline constexpr std::size_t kUsualPart = std::size_t{16} << 10U;

struct TextPart {
  std::string text;       // valid UTF-8; what is no UTF-8 in the whole is replaced
  std::size_t begin = 0;  // of the part in the whole, in bytes of the whole
  std::size_t end = 0;    // one behind its last byte
};

// The part of `whole` that begins with the character at `begin` and has at most `limit` bytes there, and kMaxPartJson
// in JSON. It cuts no character. It is empty only if `begin` is the end of `whole`, or behind it. REQUIRES: limit >=
// kMinPart.
TextPart text_part(std::string_view whole, std::size_t begin, std::size_t limit);

}  // namespace modelrun::gateway
