// What each message of a connection may set. The rest is in tests/unit/traces/collector_test.cc and its neighbour.
#include "outbound/connection.h"

#include <gtest/gtest.h>

#include "unit/kube/raw_server.h"

namespace modelrun::outbound {
namespace {

using namespace std::chrono_literals;

TEST(OutboundConnection, EachMessageHasItsHeadersAndItsType) {
  RawServer server([](const auto&, const auto& connection) {
    connection.json(200, "{}");
    return true;
  });
  auto address = *parse_url(server.url() + "/in", "a server");
  address.headers = {{"of-all", "1"}};
  Connection connection(address);
  ASSERT_TRUE(connection.post("say", {.body = "a", .content_type = "text/x", .headers = {{"of-one", "2"}}}, {}));
  ASSERT_TRUE(connection.post("say", {.body = "b", .content_type = "text/y"}, {}));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_NE(requests[0].head.find("of-all: 1\r\n"), std::string::npos) << requests[0].head;
  EXPECT_NE(requests[0].head.find("of-one: 2\r\n"), std::string::npos) << requests[0].head;
  EXPECT_NE(requests[0].head.find("Content-Type: text/x\r\n"), std::string::npos) << requests[0].head;
  EXPECT_EQ(requests[1].head.find("of-one"), std::string::npos) << requests[1].head;
  EXPECT_NE(requests[1].head.find("Content-Type: text/y\r\n"), std::string::npos) << requests[1].head;
  EXPECT_EQ(requests[1].connection, 1) << "kept open";
}

TEST(OutboundConnection, AServerThatDoesNotAnswerIsGivenUpAfterTheTimeOut) {
  RawServer server([](const auto&, const auto& connection) {
    connection.wait_for_close();
    return false;
  });
  Connection connection(*parse_url(server.url(), "a server"));
  const auto response = connection.post("say", {.body = "a", .content_type = "text/x", .timeout = 50ms}, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimeout);
  EXPECT_TRUE(response.error().message.starts_with("say to 127.0.0.1:")) << response.error().message;
}

TEST(OutboundConnection, WhatIsNoUrlSaysWhatItShouldBe) {
  const auto address = parse_url("ftp://x", "a receiver such as https://x");
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().message,
            "'ftp://x' is no URL of a receiver such as https://x: it begins with neither http:// nor https://");
}

}  // namespace
}  // namespace modelrun::outbound
