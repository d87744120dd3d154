#include "cloudevents/http_sink.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "fakes/manual_clock.h"
#include "unit/kube/raw_server.h"

namespace modelrun::cloudevents {
namespace {

std::string key_of(char filling) {
  return std::string(kKeyPrefix) + base64_encode(std::string(32, filling));
}

class HttpSinkTest : public ::testing::Test {
 protected:
  HttpSinkTest() { set_keys(key_of('a')); }
  ~HttpSinkTest() override { std::filesystem::remove_all(folder_); }

  // As the kubelet changes a mounted Secret: all at once.
  void set_keys(const std::string& text) const {
    std::ofstream(folder_ / "new") << text;
    std::filesystem::rename(folder_ / "new", folder_ / "key");
  }
  [[nodiscard]] SinkSettings settings() const {
    return {.address = *outbound::parse_url(server.url() + "/in", "a receiver"), .key_file = folder_ / "key"};
  }
  static std::string header(const RawServer::Request& request, const std::string& name) {
    const auto begin = request.head.find("\r\n" + name + ": ");
    if (begin == std::string::npos) return {};
    const auto value = begin + name.size() + 4;
    return request.head.substr(value, request.head.find("\r\n", value) - value);
  }
  std::filesystem::path folder_ = [] {
    std::string name = std::filesystem::temp_directory_path() / "sink-XXXXXX";
    return std::filesystem::path(mkdtemp(name.data()));
  }();

  int status = 204;
  RawServer server{[this](const auto&, const auto& connection) {
    connection.json(status, "", "Retry-After: 9\r\n");
    return true;
  }};
  fakes::ManualClock clock;
};

TEST_F(HttpSinkTest, SendsTheEventWithItsSignature) {
  HttpSink sink(settings(), clock);
  const auto response = sink.send({"end-1", R"({"id":"end-1"})"}, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 204);
  ASSERT_EQ(server.requests().size(), 1U);
  const auto request = server.requests().front();
  EXPECT_TRUE(request.head.starts_with("POST /in HTTP/1.1\r\n")) << request.head;
  EXPECT_EQ(request.body, R"({"id":"end-1"})");
  EXPECT_EQ(header(request, "Content-Type"), "application/cloudevents+json");
  EXPECT_EQ(header(request, "webhook-id"), "end-1");
  const std::int64_t now = 1'767'225'600;  // 2026-01-01T00:00:00Z
  EXPECT_EQ(header(request, "webhook-timestamp"), std::to_string(now));
  EXPECT_EQ(header(request, "webhook-signature"), sign({std::string(32, 'a')}, "end-1", now, request.body));
}

TEST_F(HttpSinkTest, AKeyThatIsReplacedCountsFromTheNextEventOn) {
  HttpSink sink(settings(), clock);
  ASSERT_TRUE(sink.send({"1", "{}"}, {}));
  set_keys(key_of('b') + "\n" + key_of('a'));
  ASSERT_TRUE(sink.send({"1", "{}"}, {}));
  set_keys(key_of('b'));
  ASSERT_TRUE(sink.send({"1", "{}"}, {}));
  const auto requests = server.requests();
  const auto first = header(requests.at(0), "webhook-signature");
  const auto last = header(requests.at(2), "webhook-signature");
  EXPECT_EQ(header(requests.at(1), "webhook-signature"), last + " " + first);
  EXPECT_NE(first, last);
  EXPECT_EQ(requests.at(2).connection, 1) << "the connection is kept";
}

TEST_F(HttpSinkTest, WithoutAKeyNothingIsSent) {
  HttpSink sink(settings(), clock);
  for (const auto* text : {"", "secret words"}) {
    set_keys(text);
    const auto response = sink.send({"1", "{}"}, {});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::kDenied);
    EXPECT_EQ(response.error().message.find("secret words"), std::string::npos) << response.error().message;
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(HttpSinkTest, AnAuthorityThatIsSaidAndNotThereIsNotDoneWithout) {
  auto with_ca = settings();
  with_ca.ca_file = folder_ / "ca";
  HttpSink sink(with_ca, clock);
  EXPECT_EQ(sink.send({"1", "{}"}, {}).error().kind, ErrorKind::kDenied);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(HttpSinkTest, AnyAnswerIsHandedOver) {
  HttpSink sink(settings(), clock);
  for (const int each : {301, 410, 503}) {
    status = each;
    const auto response = sink.send({"1", "{}"}, {});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, each);
    EXPECT_EQ(response->retry_after, std::chrono::seconds(9));
  }
}

}  // namespace
}  // namespace modelrun::cloudevents
