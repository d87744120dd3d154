// Clients that mean harm, or are merely broken.
#include <gmock/gmock.h>

#include <thread>

#include "base/encoding.h"
#include "unit/runserver/server_fixture.h"

namespace modelrun::runserver::testing {
namespace {

using asio::ip::tcp;
using std::chrono::milliseconds;

TEST_F(ServerTest, ABodyThatIsTooLargeIsRefusedUnread) {
  auto client = connect();
  client.send("POST " + path("result") +
              " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Length: 17000000\r\n\r\n");
  const Answer answer = client.receive();
  EXPECT_EQ(answer.status, 413U);
  EXPECT_FALSE(answer.keep_alive);
  EXPECT_EQ(connect().post(path("source"), "good", std::string(5000, 'x')).status, 413U);
  auto chunked = connect();
  chunked.send_what_goes(
      "POST " + path("source") +
      " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n" +
      std::string(0x2000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.receive().status, 413U);
}

TEST_F(ServerTest, AGzipBombIsCut) {
  const std::string bomb = gzip(std::string(api::kMaxFrameBytes + 1, ' '));
  ASSERT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(connect().post(path("result"), "good", bomb, "Content-Encoding: gzip\r\n").status, 413U);
}

TEST_F(ServerTest, AHeaderThatIsTooLargeIsRefused) {
  EXPECT_EQ(connect().post(path("source"), "good", "", "X: " + std::string(20'000, 'x') + "\r\n").status, 431U);
}

TEST_F(ServerTest, WhatIsNotHttpIsRefused) {
  for (const std::string& text :
       {std::string("hello\r\n\r\n"), std::string("POST / HTTP/9.9\r\n\r\n"),
        "POST " + path("result") + " HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST " + path("result") + " HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST " + path("result") + " HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    auto client = connect();
    client.send(text);
    EXPECT_EQ(client.receive().status, 400U) << text;
  }
}

// One short time-out a test: on a busy machine the other steps may take long.
TEST_F(ServerTest, AHeaderThatDoesNotComeEndsTheConnection) {
  options_.header_timeout = milliseconds(30);
  auto silent = connect();
  EXPECT_TRUE(silent.is_ended());
  auto slow = connect();
  slow.send_what_goes("POST / HT");
  EXPECT_TRUE(slow.is_ended());
}

TEST_F(ServerTest, ABodyThatDoesNotComeEndsTheConnection) {
  options_.body_timeout = milliseconds(30);
  auto slow = connect();
  slow.send("POST " + path("result") +
            " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Length: 10\r\n\r\nx");
  EXPECT_TRUE(slow.is_ended());
}

TEST_F(ServerTest, AnIdleConnectionIsEnded) {
  options_.idle_timeout = milliseconds(30);
  handler_.archive = fail(ErrorKind::kConflict, "over");
  auto idle = connect();
  EXPECT_EQ(idle.post(path("source"), "good").status, 409U);
  EXPECT_TRUE(idle.is_ended());
}

// A socket without TLS.
struct Plain {
  explicit Plain(std::uint16_t port) : socket(io) { socket.connect({asio::ip::make_address("127.0.0.1"), port}); }
  bool is_ended() {
    std::array<char, 64> bytes{};
    beast::error_code error;
    while (!error) socket.read_some(asio::buffer(bytes), error);  // an alert may come first
    return true;
  }
  asio::io_context io;
  tcp::socket socket;
};

TEST_F(ServerTest, WhatIsNotTlsIsLetGo) {
  options_.handshake_timeout = milliseconds(30);
  Plain silent(server().port());
  EXPECT_TRUE(silent.is_ended());
  Plain http_client(server().port());
  asio::write(http_client.socket, asio::buffer(std::string("GET / HTTP/1.1\r\n\r\n")));
  EXPECT_TRUE(http_client.is_ended());
}

TEST_F(ServerTest, OldTlsIsRefused) {
  asio::io_context io;
  asio::ssl::context context(asio::ssl::context::tls_client);
  SSL_CTX_set_security_level(context.native_handle(), 0);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.native_handle(), TLS1_1_VERSION);
  beast::ssl_stream<tcp::socket> stream(io, context);
  stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), server().port()});
  beast::error_code error;
  stream.handshake(asio::ssl::stream_base::client, error);
  EXPECT_TRUE(error);
}

TEST_F(ServerTest, ConnectionsAreCounted) {
  options_.max_connections = 2;
  auto first = connect();
  std::optional<Client> second(std::in_place, server().port(), ca_.certificate_pem);
  Plain third(server().port());
  EXPECT_TRUE(third.is_ended());
  EXPECT_EQ(server().stats().refused_connections, 1U);
  second->vanish();
  while (server().stats().connections > 1) std::this_thread::yield();
  EXPECT_EQ(connect().post(path("source"), "bad").status, 401U);
}

TEST_F(ServerTest, ClientsThatVanishAnywhereLeaveNothing) {
  handler_.archive = make_archive(3'000'000);
  const std::string whole = request(path("result"), "good", api::encode_frame(frame()));
  for (std::size_t length = 0; length <= whole.size(); length += 17) {
    auto client = connect();
    client.send(whole.substr(0, length));
    client.vanish();
  }
  for (int i = 0; i < 5; ++i) {
    auto client = connect();
    client.send(request(path("source"), "good"));
    client.vanish();
  }
  while (server().stats().connections > 0) std::this_thread::yield();
  SUCCEED();
}

TEST_F(ServerTest, RefusesToStartWithWhatCannotWork) {
  EXPECT_FALSE(Server::start(options_, "x", leaf_.key_pem, authenticator_, handler_));
  options_.port = server().port();
  const auto second = Server::start(options_, leaf_.certificate_pem, leaf_.key_pem, authenticator_, handler_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace modelrun::runserver::testing
