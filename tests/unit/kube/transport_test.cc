// The HTTPS transport against servers that hang up, fall silent, flood and lie. Plain HTTP: TLS is OpenSSL's business
// and tried on a real API server.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "kube/client.h"
#include "kube/cpprest/cpprest_transport.h"
#include "raw_server.h"

namespace modelrun::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::unique_ptr<Transport> transport_to(const RawServer& server, const std::string& token_file = "") {
  Config config;
  config.server = server.url();
  config.token_file = token_file;
  auto made = make_cpprest_transport(config);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

Request get(const std::string& path = "/x") {
  return {.path = path};
}
Request post(const std::string& body) {
  return {.method = Method::kPost, .path = "/x", .body = body, .content_type = "application/json"};
}
bool go_on(std::string_view) {
  return true;
}

class TransportTest : public ::testing::Test {
  void SetUp() override {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP()
        << "cpprestsdk is not compiled with the thread sanitizer, which does not see how it orders its threads";
#endif
  }
  // The library's only thread has then done what was left to do; what is not done at the exit looks like a leak.
  void TearDown() override {
    const RawServer last([](const auto&, const auto& connection) {
      connection.json(200, "{}");
      return true;
    });
    const auto transport = transport_to(last);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(transport->send(get(), {}));
  }
};

TEST_F(TransportTest, CarriesRequestAndAnswer) {
  const RawServer server([](const auto&, const auto& connection) {
    connection.json(429, "slow down", "Retry-After: 7\r\n");
    return true;
  });
  const auto transport = transport_to(server);
  const std::string body(2'000'000, 'b');
  const auto response = transport->send(post(body), {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 429);
  EXPECT_EQ(response->body, "slow down");
  EXPECT_EQ(response->retry_after, 7s);
  (void)transport->send(get("/api/v1/pods?labelSelector=a%3Db%2C%21c&continue=x%3D%3D"), {});
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].body, body);
  EXPECT_THAT(requests[0].head, HasSubstr("POST /x HTTP/1.1"));
  EXPECT_THAT(requests[0].head, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(requests[1].head, HasSubstr("GET /api/v1/pods?labelSelector=a%3Db%2C%21c&continue=x%3D%3D HTTP/1.1"));
  EXPECT_EQ(requests[1].connection, 1) << "connections are kept";
}

TEST_F(TransportTest, ClosedConnectionsAreFoundOutBeforeAWrite) {
  RawServer server([](const auto&, const auto& connection) {
    connection.json(200, "{}");
    return true;
  });
  const auto transport = transport_to(server);
  for (int i = 0; i < 5; ++i) {
    const auto response = transport->send(post(std::to_string(i)), {});
    ASSERT_TRUE(response) << response.error().message;
    server.hang_up();
    while (server.open_connections() > 0) std::this_thread::yield();
  }
  EXPECT_EQ(server.requests().size(), 5U);
  EXPECT_EQ(server.requests().back().connection, 5);
}

TEST_F(TransportTest, AWriteIsNeverSentTwice) {
  std::atomic<int> posts{0};
  const RawServer server([&](const auto& request, const auto& connection) {
    if (request.body == "first") {
      connection.json(200, "{}");
      return true;
    }
    ++posts;
    return false;  // carried out, then gone without an answer, on a connection that was used before
  });
  const auto transport = transport_to(server);
  ASSERT_TRUE(transport->send(post("first"), {}));
  const auto response = transport->send(post("second"), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(posts, 1);
  Client client(*transport);
  const auto third = transport->send(post("first"), {});
  ASSERT_TRUE(third) << third.error().message;
  EXPECT_FALSE(client.remove(kPods, "n", "p"));
  EXPECT_EQ(posts, 2) << "nor is a deletion";
}

TEST_F(TransportTest, TimeoutAndStopEndARequestAtOnce) {
  const RawServer server([](const auto&, const auto& connection) {
    connection.wait_for_close();
    return false;
  });
  const auto transport = transport_to(server);
  auto request = get();
  request.timeout = 30ms;
  EXPECT_EQ(transport->send(request, {}).error().kind, ErrorKind::kTimeout);
  std::stop_source source;
  // Of the first request the server may never hear: 30 ms may not be enough to send it.
  const auto held = [&] {
    return std::ranges::count_if(server.requests(),
                                 [](const auto& each) { return each.head.starts_with("GET /held"); });
  };
  std::jthread stopper([&] {
    while (held() == 0) std::this_thread::yield();
    source.request_stop();
  });
  EXPECT_EQ(transport->send(get("/held"), source.get_token()).error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(transport->send(get("/held"), source.get_token()).error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(held(), 1) << "not even begun";
  while (server.open_connections() > 0) std::this_thread::yield();  // both were closed, not leaked
}

TEST_F(TransportTest, NobodyListens) {
  std::string url;
  {
    const RawServer gone([](const auto&, const auto&) { return false; });
    url = gone.url();
  }
  Config config;
  config.server = url;
  EXPECT_EQ(make_cpprest_transport(config).value()->send(get(), {}).error().kind, ErrorKind::kUnavailable);
  config.server = "ftp://x";
  EXPECT_EQ(make_cpprest_transport(config).error().kind, ErrorKind::kInvalid);
  config.server = "https://x";
  config.ca_pem = "rubbish";
  EXPECT_EQ(make_cpprest_transport(config).error().kind, ErrorKind::kInvalid);
}

TEST_F(TransportTest, AnIp6AddressIsRefusedWithWhatToDo) {
  Config config;
  config.server = "https://[::1]:6443";
  const auto made = make_cpprest_transport(config);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::kInvalid);
  EXPECT_NE(made.error().message.find("write a name that has this address"), std::string::npos) << made.error().message;
}

TEST_F(TransportTest, StreamDeliversAsItComes) {
  std::atomic<int> seen{0};
  const RawServer server([&](const auto&, const auto& connection) {
    connection.begin_chunks();
    for (int i = 0; i < 20; ++i) {
      connection.chunk(std::to_string(i % 10));
      while (seen <= i) std::this_thread::yield();  // the next only when this one has arrived
    }
    connection.write("0\r\n\r\n");
    return true;
  });
  const auto transport = transport_to(server);
  std::string text;
  const auto caller = std::this_thread::get_id();
  const auto response = transport->stream(get(), 10s,
                                          [&](std::string_view piece) {
                                            EXPECT_EQ(std::this_thread::get_id(), caller);
                                            text += piece;
                                            seen = static_cast<int>(text.size());
                                            return true;
                                          },
                                          {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(text, "01234567890123456789");
}

TEST_F(TransportTest, StreamEndsInEachWay) {
  const RawServer server([](const auto& request, const auto& connection) {
    if (request.head.find("GET /410") == 0) {
      connection.json(410, "too old");
      return true;
    }
    connection.begin_chunks();
    connection.chunk("event");
    if (request.head.find("GET /silent") == 0) connection.wait_for_close();
    return false;  // breaks off in the middle
  });
  const auto transport = transport_to(server);
  std::string text;
  const auto add = [&](std::string_view piece) {
    text += piece;
    return true;
  };
  const auto gone = transport->stream(get("/410"), 10s, add, {});
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->status, 410);
  EXPECT_EQ(gone->body, "too old");
  EXPECT_EQ(text, "");
  EXPECT_EQ(transport->stream(get("/silent"), 50ms, add, {}).error().kind, ErrorKind::kTimeout);
  text.clear();
  EXPECT_EQ(transport->stream(get("/broken"), 10s, add, {}).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(text, "event");
  std::stop_source source;
  const auto stopped = transport->stream(
      get("/silent"), 10s,
      [&](std::string_view) {
        source.request_stop();
        return true;
      },
      source.get_token());
  EXPECT_EQ(stopped.error().kind, ErrorKind::kCancelled);
}

// cpprestsdk once waited for itself here, for ever: its stream buffer closes with a blocking wait when a write fails.
TEST_F(TransportTest, LeavingStreamsInFloodDoesNotStopTheLibrary) {
  const RawServer server([](const auto& request, const auto& connection) {
    if (request.head.find("GET /one") == 0) {
      connection.json(200, "{}");
      return true;
    }
    connection.begin_chunks();
    for (int i = 0; i < 200; ++i) connection.chunk(std::string(20'000, 'x'));
    return false;
  });
  const auto transport = transport_to(server);
  for (int i = 0; i < 50; ++i) {
    const auto left = transport->stream(get("/flood"), 10s, [](std::string_view) { return false; }, {});
    ASSERT_TRUE(left) << left.error().message;
    const auto next = transport->send(get("/one"), {});
    ASSERT_TRUE(next) << next.error().message;
  }
}

TEST_F(TransportTest, SlowReaderHoldsTheServerUp) {
  std::atomic<std::size_t> sent{0};
  const RawServer server([&](const auto&, const auto& connection) {
    connection.begin_chunks();
    for (int i = 0; i < 400; ++i) {
      connection.chunk(std::string(100'000, 'x'));
      sent += 100'000;
    }
    connection.write("0\r\n\r\n");
    return false;
  });
  const auto transport = transport_to(server);
  std::size_t received = 0;
  std::size_t most_waiting = 0;
  ASSERT_TRUE(transport->stream(get(), 10s,
                                [&](std::string_view piece) {
                                  received += piece.size();
                                  most_waiting = std::max(most_waiting, piece.size());
                                  return true;
                                },
                                {}));
  EXPECT_EQ(received, 40'000'000U);
  EXPECT_LE(most_waiting, 2U << 20U) << "bounded, however fast the server is";
}

TEST_F(TransportTest, AnswerWithoutEndIsGivenUp) {
  const RawServer server([](const auto&, const auto& connection) {
    connection.begin_chunks();
    for (int i = 0; i < 80; ++i) connection.chunk(std::string(1'000'000, 'x'));
    connection.wait_for_close();
    return false;
  });
  const auto response = transport_to(server)->send(get(), {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTooLarge);
}

TEST_F(TransportTest, RotatedTokenIsTakenUpAfterA401) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("token-{}", ::getpid());
  std::ofstream(path) << "old\n";
  const RawServer server([&](const auto& request, const auto& connection) {
    const bool fresh = request.head.find("Authorization: Bearer new\r\n") != std::string::npos;
    connection.json(fresh ? 200 : 401, "{}");
    return true;
  });
  const auto transport = transport_to(server, path.string());
  EXPECT_EQ(transport->send(get(), {})->status, 401);
  std::ofstream(path) << "new\n";
  const auto response = transport->send(post("x"), {});
  std::filesystem::remove(path);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U) << "refused, refused, and at once again with the new one";
  EXPECT_EQ(requests[2].body, "x");
}

TEST_F(TransportTest, ManyThreadsAtOnce) {
  const RawServer server([](const auto& request, const auto& connection) {
    connection.json(200, request.body);
    return true;
  });
  const auto transport = transport_to(server);
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          const auto body = fmt::format("{}-{}", t, i);
          const auto response = transport->send(post(body), {});
          if (!response || response->body != body) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(server.open_connections(), 4);
}

TEST_F(TransportTest, GoesAwayWhileRequestsAreUnanswered) {
  const RawServer server([](const auto&, const auto& connection) {
    connection.wait_for_close();
    return false;
  });
  for (int i = 0; i < 20; ++i) {
    const auto transport = transport_to(server);
    auto request = post("x");
    request.timeout = std::chrono::milliseconds{i / 4};  // in every phase of the connection
    EXPECT_FALSE(transport->send(request, {}));
    EXPECT_FALSE(transport->stream(get(), request.timeout, go_on, {}));
  }
}

}  // namespace
}  // namespace modelrun::kube
