#include "cloudevents/signature.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace modelrun::cloudevents {
namespace {

// The example with which the libraries of the Standard Webhooks specification test themselves.
constexpr const char* kKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t kSeconds = 1'614'265'330;
constexpr const char* kBody = R"({"test": 2432232314})";
constexpr const char* kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

std::string key_of(std::size_t bytes, char filling = 'k') {
  return std::string(kKeyPrefix) + base64_encode(std::string(bytes, filling));
}

TEST(Signature, IsThatOfTheSpecification) {
  EXPECT_EQ(sign(*parse_keys(kKey), kId, kSeconds, kBody), kSignature);
}

TEST(Signature, IsOverTheIdTheTimeAndTheBody) {
  const auto keys = *parse_keys(kKey);
  EXPECT_NE(sign(keys, "msg_other", kSeconds, kBody), kSignature);
  EXPECT_NE(sign(keys, kId, kSeconds + 1, kBody), kSignature);
  EXPECT_NE(sign(keys, kId, kSeconds, "{}"), kSignature);
}

TEST(Signature, OfTwoKeysThereAreTwo) {
  const auto keys = *parse_keys(key_of(32) + "\n" + kKey + "\n");
  const auto both = sign(keys, kId, kSeconds, kBody);
  EXPECT_EQ(both, sign({keys[0]}, kId, kSeconds, kBody) + " " + kSignature);
}

TEST(Signature, HeadersAreThoseOfTheSpecification) {
  const auto headers = signed_headers(*parse_keys(kKey), kId, kSeconds, kBody);
  EXPECT_EQ(headers, (outbound::Headers{
                         {"webhook-id", kId}, {"webhook-timestamp", "1614265330"}, {"webhook-signature", kSignature}}));
}

TEST(Keys, StandOnALineEach) {
  EXPECT_EQ(*parse_keys(key_of(24)), Keys{std::string(24, 'k')});
  EXPECT_EQ(*parse_keys("\n " + key_of(64, 'a') + " \r\n\n" + key_of(24, 'b') + "\n"),
            (Keys{std::string(64, 'a'), std::string(24, 'b')}));
}

TEST(Keys, OfAnotherFormAreRefusedWithoutTheirText) {
  const auto three = key_of(24) + "\n" + key_of(24) + "\n" + key_of(24);
  const auto plain = base64_encode(std::string(32, 'k'));
  for (const std::string& text : {std::string(), std::string("\n"), key_of(23), key_of(65), plain, three,
                                  std::string("whsec_"), std::string("whsec_not base64 at all!"), "WHSEC_" + plain}) {
    const auto keys = parse_keys(text);
    ASSERT_FALSE(keys) << text;
    EXPECT_EQ(keys.error().kind, ErrorKind::kInvalid);
    for (const auto* secret : {"not base64", "a2tr"}) {
      EXPECT_EQ(keys.error().message.find(secret), std::string::npos) << keys.error().message;
    }
  }
}

}  // namespace
}  // namespace modelrun::cloudevents
