// base64, base64url and gzip.
#include "fuzz/fuzz.h"

#include "base/base64url.h"
#include "base/encoding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelrun;
  const auto text = fuzz::text_of(data, size);
  const auto back = base64_decode(base64_encode(text));
  fuzz::expect(back && *back == text, "base64_decode(base64_encode(x)) == x");
  const auto back_url = base64url_decode(base64url_encode(text));
  fuzz::expect(back_url && *back_url == text, "base64url_decode(base64url_encode(x)) == x");
  if (const auto bytes = base64_decode(text)) {
    fuzz::expect(bytes->size() <= size, "base64 is longer than its bytes");
    const auto again = base64_decode(base64_encode(*bytes));
    fuzz::expect(again && *again == *bytes, "what base64_decode() gives can be encoded again");
  }
  if (const auto bytes = base64url_decode(text)) fuzz::expect(bytes->size() <= size, "base64url is longer, too");
  constexpr std::size_t kLimit = 64U << 10U;
  if (const auto bytes = gunzip(text, kLimit)) {
    fuzz::expect(bytes->size() <= kLimit, "gunzip() keeps its limit");
    const auto again = gunzip(gzip(*bytes), kLimit);
    fuzz::expect(again && *again == *bytes, "gunzip(gzip(x)) == x");
  }
  const auto packed = gzip(text);
  const auto unpacked = gunzip(packed, size);
  fuzz::expect(unpacked && *unpacked == text, "gunzip(gzip(x), size of x) == x");
  if (size > 0) {
    const auto cut = gunzip(packed, size - 1);
    fuzz::expect(!cut && cut.error().kind == ErrorKind::kTooLarge, "a byte too many is kTooLarge");
  }
  return 0;
}
