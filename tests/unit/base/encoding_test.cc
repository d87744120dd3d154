#include "base/encoding.h"

#include <gtest/gtest.h>

#include <string>

#include "base/base64url.h"

namespace modelrun {
namespace {

using std::string_literals::operator""s;

// Every byte value, several times, so that no pattern of a codec is missed.
std::string all_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 31 + i / 256) & 0xFF);
  return bytes;
}

TEST(Sha256, KnownAnswers) {  // FIPS 180-4's examples
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Base64, KnownAnswers) {  // RFC 4648 section 10
  const std::pair<const char*, const char*> table[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : table) {
    EXPECT_EQ(base64_encode(plain), text);
    EXPECT_EQ(base64_decode(text).value_or("?"), plain);
  }
}

TEST(Base64, RoundTrip) {
  for (std::size_t size : {0U, 1U, 2U, 3U, 47U, 48U, 49U, 255U, 4096U, 100'000U}) {
    const std::string bytes = all_bytes(size);
    EXPECT_EQ(base64_decode(base64_encode(bytes)).value_or("?"), bytes) << size;
  }
}

TEST(Base64, Refused) {
  for (const char* text : {"A", "AB", "ABC", "Zm9vY", "Zm9*", "=Zm9", "Zg=v", "Z===", "====", "Zm-_", "Zm\n9"}) {
    const auto decoded = base64_decode(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().kind, ErrorKind::kInvalid) << text;
  }
}

TEST(Base64Url, BothWays) {
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string bytes = all_bytes(size);
    const auto text = base64url_encode(bytes);
    EXPECT_EQ(text.find_first_of("+/="), std::string::npos) << size;
    EXPECT_EQ(base64url_decode(text).value_or("?"), bytes) << size;
  }
  for (const char* text : {"A", "Zg==", "Zm+v", "Zm/v", "Zm 9"}) EXPECT_FALSE(base64url_decode(text)) << text;
}

TEST(Gzip, RoundTrip) {
  for (std::size_t size : {0U, 1U, 16384U, 16385U, 1'000'000U}) {
    const std::string bytes = all_bytes(size);
    EXPECT_EQ(gunzip(gzip(bytes), size).value_or("?"), bytes) << size;
  }
}

TEST(Gzip, EqualInputGivesEqualOutput) {
  EXPECT_EQ(gzip(all_bytes(5000)), gzip(all_bytes(5000)));
}

TEST(Gunzip, StopsAtTheLimit) {
  const std::string bomb = gzip(std::string(10'000'000, '\0'));
  ASSERT_LT(bomb.size(), 20'000U);
  const auto out = gunzip(bomb, 100'000);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().kind, ErrorKind::kTooLarge);
}

TEST(Gunzip, DamagedOrCut) {
  const std::string whole = gzip(all_bytes(5000));
  std::string flipped = whole;
  flipped[whole.size() - 6] = static_cast<char>(flipped[whole.size() - 6] ^ 1);  // in the checksum
  for (const std::string& bytes :
       {""s, "plain text"s, whole.substr(0, 5), whole.substr(0, whole.size() - 1), flipped}) {
    const auto out = gunzip(bytes, 1'000'000);
    ASSERT_FALSE(out) << bytes.size();
    EXPECT_EQ(out.error().kind, ErrorKind::kInvalid) << bytes.size();
  }
}

TEST(ValidUtf8, IsLeftAlone) {
  for (const std::string& text : {""s, "plain"s, "h\u00E9llo"s, "\u20AC"s, "\U0001F600"s,
                                  "\u07FF\u0800\uFFFF\U00010000"s, "\uFFFD"s, "\xEE\x80\x80"s, "\xF4\x8F\xBF\xBF"s}) {
    EXPECT_EQ(make_valid_utf8(text), text);
  }
}

TEST(ValidUtf8, ReplacesWhatIsNot) {
  const std::string r = "\uFFFD";
  const std::pair<std::string, std::string> table[] = {
      {"\x80", r},                          // a continuation byte alone
      {"a\xC3", "a" + r},                   // cut
      {"\xE2\x82", r + r},                  // cut later
      {"\xF0\x9F\x98", r + r + r},          //
      {"\xC0\xAF", r + r},                  // overlong '/'
      {"\xE0\x80\xAF", r + r + r},          // overlong, three bytes
      {"\xED\xA0\x80", r + r + r},          // a surrogate
      {"\xF4\x90\x80\x80", r + r + r + r},  // past U+10FFFF
      {"\xFF\xFE", r + r},                  // never in UTF-8
      {"a\0b"s, "a" + r + "b"},             // NUL
      {"\xC3(", r + "("},                   // what follows is kept
      {"ok\xE2\x28\xA1ok", "ok" + r + "(" + r + "ok"},
  };
  for (const auto& [bytes, text] : table) {
    EXPECT_EQ(make_valid_utf8(bytes), text);
    EXPECT_EQ(make_valid_utf8(text), text);
  }
}

}  // namespace
}  // namespace modelrun
