// SHA-256 digests, base64, gzip and the repair of UTF-8. All functions are thread-safe and keep no state. They take
// and return whole values in memory; inputs of base64 must be smaller than 2 GiB and those of gzip smaller than 4
// GiB.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace modelrun {

// Returns the SHA-256 digest as 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

// The SHA-256 digest of bytes that come piece by piece. Not thread-safe.
//
//   Sha256 digest;
//   while (read(buffer)) digest.add(buffer);
//   const std::string hex = digest.hex();
class Sha256 {
 public:
  Sha256();
  void add(std::string_view bytes);
  // 64 lower-case hex digits. Call it once, after the last add().
  [[nodiscard]] std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Standard base64 with padding and without line breaks (RFC 4648 section 4).
std::string base64_encode(std::string_view bytes);
// Returns kInvalid when the length of `text` is not a multiple of 4, or when `text` has a character outside the
// alphabet or padding anywhere but at the end. It inherits two tolerances from OpenSSL's EVP_DecodeBlock: white space
// at the start, and white space or '-' at the end, is skipped; unused bits of the last character need not be zero.
Result<std::string> base64_decode(std::string_view text);

// Compresses `bytes` into one gzip member (RFC 1952). The header's modification time is 0, so that equal inputs give
// equal outputs (with the same version of zlib).
std::string gzip(std::string_view bytes);
// Decompresses the first gzip member of `bytes`; bytes that follow it are ignored. Returns kTooLarge as soon as the
// output exceeds `limit` bytes, so a hostile input costs little more memory than `limit`; kInvalid when the data is
// damaged or incomplete; kInternal when zlib cannot allocate its state.
Result<std::string> gunzip(std::string_view bytes, std::size_t limit);

// Replaces each byte that is not part of a valid UTF-8 sequence (RFC 3629), and each NUL byte, by U+FFFD. The API
// server accepts both in a string, but many readers of its objects do not. The result can be three times as long as
// `bytes`.
std::string make_valid_utf8(std::string_view bytes);

// The longest beginning, or end, of `text` that has at most `bytes` bytes and does not cut a UTF-8 sequence. `text`
// must be valid UTF-8. The view is one of `text`.
std::string_view utf8_front(std::string_view text, std::size_t bytes);
std::string_view utf8_back(std::string_view text, std::size_t bytes);

// True for a byte that continues a UTF-8 sequence.
constexpr bool continues_utf8(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace modelrun
