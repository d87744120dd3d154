#include "source/wire.h"

#include <gmock/gmock.h>

namespace modelrun::source {
namespace {

using ::testing::HasSubstr;

TEST(Wire, ARequestArrivesAsItWasSent) {
  Request request;
  request.remote.url = "https://git.example/x";
  request.remote.credentials = BasicCredentials{"user", "p\xff\0ss"};
  request.remote.ca_pem = "-----BEGIN";
  request.policy.allow_http = true;
  request.policy.max_files = 7;
  request.policy.fetch_timeout = std::chrono::milliseconds(3);
  request.branch = "main";
  const auto came = decode_request(encode(request));
  ASSERT_TRUE(came) << came.error().message;
  EXPECT_EQ(came->remote.url, request.remote.url);
  EXPECT_EQ(std::get<BasicCredentials>(came->remote.credentials).password, "p\xff\0ss");
  EXPECT_EQ(came->remote.ca_pem, request.remote.ca_pem);
  EXPECT_TRUE(came->policy.allow_http);
  EXPECT_FALSE(came->policy.allow_private_addresses);
  EXPECT_EQ(came->policy.max_files, 7U);
  EXPECT_EQ(came->policy.fetch_timeout, request.policy.fetch_timeout);
  EXPECT_EQ(came->branch, "main");
  EXPECT_FALSE(came->commit);
  for (const Credentials& credentials : {Credentials(BearerCredentials{"t"}), Credentials(NoCredentials{})}) {
    request.remote.credentials = credentials;
    EXPECT_EQ(decode_request(encode(request))->remote.credentials.index(), credentials.index());
  }
}

TEST(Wire, AnErrorArrivesWithItsKind) {
  bool died = true;
  const auto came = decode_answer(encode(fail(ErrorKind::kTooLarge, "too\nlarge\xff")), died);
  ASSERT_FALSE(came);
  EXPECT_FALSE(died);
  EXPECT_EQ(came.error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(came.error().message, "too large\xef\xbf\xbd");
  EXPECT_EQ(decode_answer(encode(fail(ErrorKind::kInternal, "a bug")), died).error().kind, ErrorKind::kUnavailable);
  EXPECT_FALSE(decode_answer(encode(fail(ErrorKind::kUnavailable, "signal 9"), true), died));
  EXPECT_TRUE(died);
}

TEST(Wire, NonsenseIsTakenForADeath) {
  for (const char* text : {"", "x", "[]", "{}", "null", "{\"error\":1}", "{\"error\":{\"kind\":\"cancelled\"}}",
                           R"({"commit":1,"branch":"","sha256":"","archiveBytes":0,"listingBytes":0})",
                           R"({"commit":"c","branch":"","sha256":"","archiveBytes":5.5e91,"listingBytes":0})",
                           R"({"commit":"c","branch":"","sha256":"","archiveBytes":-1,"listingBytes":0})",
                           R"({"commit":"c","branch":"","sha256":"","archiveBytes":0,"listingBytes":0.5})",
                           R"({"error":{"kind":"internal","message":"","died":false}})"}) {
    bool died = false;
    const auto came = decode_answer(text, died);
    ASSERT_FALSE(came) << text;
    EXPECT_EQ(came.error().kind, ErrorKind::kUnavailable);
    EXPECT_TRUE(died) << text;
  }
  EXPECT_FALSE(decode_request("{}"));
  EXPECT_FALSE(decode_request("\xff"));
}

}  // namespace
}  // namespace modelrun::source
