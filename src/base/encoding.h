// Digests, base64 and gzip.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun {

// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

// RFC 4648 section 4, padded.
std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);

// RFC 1952, modification time 0: equal input gives equal output.
std::string gzip(std::string_view bytes);
// kTooLarge when more than `limit` bytes would come out.
Result<std::string> gunzip(std::string_view bytes, std::size_t limit);

// Replaces every byte sequence that is not UTF-8 (RFC 3629) by U+FFFD, and NUL too, since the API server refuses
// neither but many readers do.
std::string make_valid_utf8(std::string_view bytes);

}  // namespace modelrun
