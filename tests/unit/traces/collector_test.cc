#include "traces/collector.h"

#include <gtest/gtest.h>

#include "unit/kube/raw_server.h"

namespace modelrun::traces {
namespace {

using namespace std::chrono_literals;

CollectorAddress address_of(const RawServer& server, const std::string& host) {
  auto address = parse_collector_url(server.url() + "/v1/traces");
  address->host = host;
  return *address;
}

Lookup answering(std::vector<std::string> addresses, int& asked) {
  return [addresses = std::move(addresses), &asked](const std::string&, std::chrono::milliseconds,
                                                    const std::stop_token&) -> Result<std::vector<std::string>> {
    ++asked;
    return addresses;
  };
}

TEST(Collector, SendsTheBodyWithTheHeadersToTheAddressOfTheName) {
  RawServer server([](const auto&, const auto& connection) {
    connection.json(200, R"({"partialSuccess": {}})");
    return true;
  });
  auto address = address_of(server, "collector.example.com");
  address.headers = {{"api-key", "a b="}};
  int asked = 0;
  Collector collector(address, answering({"127.0.0.1"}, asked));
  for (int i = 0; i < 2; ++i) {
    const auto response = collector.post(R"({"resourceSpans":[]})", {});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
  }
  EXPECT_EQ(asked, 1);
  ASSERT_EQ(server.requests().size(), 2U);
  const auto request = server.requests().front();
  EXPECT_TRUE(request.head.starts_with("POST /v1/traces HTTP/1.1\r\n")) << request.head;
  EXPECT_NE(request.head.find(fmt::format("Host: collector.example.com:{}\r\n", address.port)), std::string::npos)
      << request.head;
  EXPECT_NE(request.head.find("Content-Type: application/json"), std::string::npos) << request.head;
  EXPECT_NE(request.head.find("api-key: a b="), std::string::npos) << request.head;
  EXPECT_EQ(request.body, R"({"resourceSpans":[]})");
}

TEST(Collector, AfterAFailureTheNextAddressIsTaken) {
  RawServer server([](const auto&, const auto& connection) {
    connection.json(200, "{}");
    return true;
  });
  int asked = 0;
  // Nothing listens at the first one: the server is bound to 127.0.0.1.
  Collector collector(address_of(server, "collector"), answering({"127.0.0.2", "127.0.0.1"}, asked));
  const auto first = collector.post("{}", {});
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().kind, ErrorKind::kUnavailable);
  EXPECT_TRUE(first.error().message.starts_with("send spans to collector:")) << first.error().message;
  EXPECT_TRUE(collector.post("{}", {}));
  EXPECT_EQ(asked, 2);
}

TEST(Collector, OfItsAddressesThoseOfIp4AreTaken) {
  RawServer server([](const auto&, const auto& connection) {
    connection.json(200, "{}");
    return true;
  });
  int asked = 0;
  Collector collector(address_of(server, "collector"), answering({"::2", "127.0.0.1", "::3"}, asked));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(collector.post("{}", {}));
  // Where there is no other, the client gets the name and resolves it by itself.
  Collector six(address_of(server, "localhost"), answering({"::2"}, asked));
  const auto response = six.post("{}", {});
  EXPECT_TRUE(response) << response.error().message;
}

TEST(Collector, AfterARefusalTheNameIsResolvedAgain) {
  int status = 404;
  RawServer server([&](const auto&, const auto& connection) {
    connection.json(status, "{}");
    return true;
  });
  int asked = 0;
  Collector collector(address_of(server, "collector"), answering({"127.0.0.1"}, asked));
  EXPECT_EQ(collector.post("{}", {})->status, 404);
  status = 200;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(collector.post("{}", {})->status, 200);
  EXPECT_EQ(asked, 2);
}

TEST(Collector, NoRedirectIsFollowed) {
  RawServer elsewhere([](const auto&, const auto& connection) {
    connection.json(200, "{}");
    return true;
  });
  RawServer server([&](const auto&, const auto& connection) {
    connection.json(307, "", fmt::format("Location: {}/v1/traces\r\n", elsewhere.url()));
    return true;
  });
  Collector collector(address_of(server, "127.0.0.1"));
  const auto response = collector.post("{}", {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 307);
  EXPECT_TRUE(elsewhere.requests().empty());
}

TEST(Collector, OfALongAnswerNoMoreIsReadThanItsBound) {
  RawServer server([](const auto&, const auto& connection) {
    connection.json(200, std::string(1U << 20U, ' '));
    return true;
  });
  Collector collector(address_of(server, "127.0.0.1"));
  const auto response = collector.post("{}", {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTooLarge);
}

TEST(Collector, EndsWhenItIsAskedTo) {
  RawServer server([](const auto&, const auto& connection) {
    connection.wait_for_close();
    return false;
  });
  Collector collector(address_of(server, "127.0.0.1"));
  std::stop_source stop;
  std::jthread later([&] {
    while (server.requests().empty()) std::this_thread::yield();
    stop.request_stop();
  });
  const auto response = collector.post("{}", stop.get_token());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kCancelled);
}

TEST(Collector, ANameWithoutAnAddressIsAnError) {
  int asked = 0;
  Collector collector({.host = "collector", .port = 4318, .path = "/"}, answering({}, asked));
  const auto response = collector.post("{}", {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace modelrun::traces
