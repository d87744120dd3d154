// Clients that mean harm, or are merely broken.
#include <gmock/gmock.h>

#include <memory>
#include <thread>
#include <vector>

#include "base/encoding.h"
#include "unit/runserver/server_fixture.h"
#include "unit/runtime/eventually.h"

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
  explicit Plain(std::uint16_t port, const char* own_address = "127.0.0.1") : socket(io) {
    socket.open(tcp::v4());
    socket.bind({asio::ip::make_address(own_address), 0});
    socket.connect({asio::ip::make_address("127.0.0.1"), port});
  }
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

TEST_F(ServerTest, KnownConnectionsAreCounted) {
  options_.connections = {.total = 2, .per_peer = 2};
  handler_.archive = fail(ErrorKind::kConflict, "over");
  auto first = connect();
  std::optional<Client> second(std::in_place, server().port(), ca_.certificate_pem);
  EXPECT_EQ(first.post(path("source"), "good").status, 409U);
  EXPECT_EQ(second->post(path("source"), "good").status, 409U);
  EXPECT_EQ(open_, 2);
  // The longest idle one makes room.
  auto third = connect();
  EXPECT_EQ(third.post(path("source"), "good").status, 409U);
  EXPECT_TRUE(first.is_ended());
  EXPECT_EQ(refused("evicted"), 1);
  EXPECT_EQ(server().stats().refused_connections, 1U);
  second->vanish();
  EXPECT_TRUE(eventually([&] { return open_ == 1; }));
}

TEST_F(ServerTest, WhileAllItsConnectionsWorkAnAddressGetsNoMore) {
  options_.connections = {.total = 10, .per_peer = 1};
  handler_.archive = fail(ErrorKind::kConflict, "over");
  auto first = connect();
  EXPECT_EQ(first.post(path("source"), "good").status, 409U);  // known and idle, then at work again
  first.send(request(path("control"), "good"));
  handler_.wait_for_watches(1);
  const Answer refusal = connect().post(path("control"), "good");
  EXPECT_EQ(refusal.status, 503U);
  EXPECT_EQ(refusal.headers.at("Retry-After"), "1");
  EXPECT_EQ(refused("peer_full"), 1);
  auto other = connect("127.0.0.2");
  other.send(request(path("control"), "good"));
  handler_.wait_for_watches(2);
}

// Connections that say nothing, and those that speak TLS and say nothing more.
TEST_F(ServerTest, AFloodFromOneAddressTakesNoPlaceOfOthers) {
  options_.strangers = {.total = 6, .per_peer = 4};
  handler_.archive = fail(ErrorKind::kConflict, "over");
  auto early = connect();
  std::vector<std::unique_ptr<Plain>> flood;
  for (int i = 0; i < 40; ++i) flood.push_back(std::make_unique<Plain>(server().port(), "127.0.0.2"));
  EXPECT_TRUE(eventually([&] { return refused("evicted") == 36; }));
  EXPECT_TRUE(eventually([&] { return open_ == 5; }));
  EXPECT_EQ(early.post(path("source"), "good").status, 409U);
  EXPECT_EQ(connect().post(path("source"), "good").status, 409U);
  // Even from the same address a pod gets through, because the oldest of the flood makes room.
  EXPECT_EQ(connect("127.0.0.2").post(path("source"), "good").status, 409U);
}

TEST_F(ServerTest, TokensThatAreRefusedAreLookedUpAtALimitedRate) {
  options_.stranger_rate = {.per_second = 1e-6, .burst = 2};
  handler_.archive = fail(ErrorKind::kConflict, "over");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(connect().post(path("source"), "good").status, 409U);
  EXPECT_EQ(authenticator_.calls, 5);
  EXPECT_EQ(connect().post(path("source"), "bad1").status, 401U);
  EXPECT_EQ(connect().post(path("source"), "bad2").status, 401U);
  const Answer third = connect().post(path("source"), "bad3");
  EXPECT_EQ(third.status, 429U);
  EXPECT_EQ(third.headers.at("Retry-After"), "1");
  EXPECT_EQ(authenticator_.calls, 7);
  EXPECT_EQ(refused("tokens"), 1);
  EXPECT_EQ(connect("127.0.0.2").post(path("source"), "good").status, 409U);
}

TEST_F(ServerTest, ALookUpThatSaysNothingOfTheTokenIsNotCounted) {
  options_.stranger_rate = {.per_second = 1e-6, .burst = 1};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(connect().post(path("source"), "down").status, 503U);
  auto leaves = connect();
  leaves.send(request(path("source"), "waits"));
  ASSERT_TRUE(eventually([&] { return authenticator_.calls == 4; }));
  leaves.vanish();
  ASSERT_TRUE(eventually([&] { return open_ == 0; }));
  // The look-up goes on, so it counts, although nobody waits for it.
  EXPECT_EQ(connect().post(path("source"), "bad").status, 429U);
  authenticator_.gate.set_value();
  EXPECT_TRUE(eventually([&] { return connect().post(path("source"), "bad").status == 401U; }));
}

// While the rest of its request is awaited, to be thrown away.
TEST_F(ServerTest, WhoIsRefusedMakesRoom) {
  options_.strangers = {.total = 10, .per_peer = 1};
  options_.drain_timeout = std::chrono::minutes(5);
  handler_.archive = fail(ErrorKind::kConflict, "over");
  auto refused_client = connect();
  refused_client.send("POST " + path("result") + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(refused_client.receive().status, 401U);
  EXPECT_EQ(connect().post(path("source"), "good").status, 409U);
  EXPECT_EQ(refused("evicted"), 1);
}

// A connection can be closed between the last byte of its answer and what would come after it.
TEST_F(ServerTest, NobodyWhoMadeRoomStays) {
  options_.strangers = {.total = 10, .per_peer = 1};
  options_.drain_timeout = std::chrono::minutes(5);
  handler_.archive = fail(ErrorKind::kConflict, "over");
  for (int i = 0; i < 40; ++i) {
    auto refused_client = connect();
    refused_client.send("POST " + path("result") + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    auto next = connect();
    EXPECT_EQ(next.post(path("source"), "good").status, 409U);
  }
  EXPECT_TRUE(eventually([&] { return server().stats().connections == 0; }));
}

// The beginning of a TLS record, of which the rest does not come: a read that watches the client stays pending.
const std::string kBeginOfRecord("\x17\x03\x03", 3);

TEST_F(ServerTest, WhoHasSentTheBeginningOfItsNextRequestMakesRoom) {
  options_.connections = {.total = 10, .per_peer = 1};
  handler_.archive = fail(ErrorKind::kConflict, "over");
  auto first = connect();
  first.send(request(path("control"), "good"));
  handler_.wait_for_watches(1);
  ASSERT_TRUE(first.send_under_tls(kBeginOfRecord));
  handler_.take_order_done()(Order::kNone);
  EXPECT_EQ(first.receive().status, 204U);
  EXPECT_EQ(connect().post(path("source"), "good").status, 409U);
  EXPECT_EQ(refused("evicted"), 1);
}

TEST_F(ServerTest, WhatARefusedClientSendsIsThrownAwayAlsoWhileItIsWatched) {
  options_.drain_timeout = std::chrono::minutes(5);
  auto client = connect();
  client.send(
      "POST /v1/attempts/other/run/uid-1/1/result HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer waits\r\n"
      "Content-Length: 1000\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return authenticator_.calls == 1; }));
  ASSERT_TRUE(client.send_under_tls(kBeginOfRecord));
  authenticator_.gate.set_value();
  EXPECT_EQ(client.receive().status, 403U);
  ASSERT_TRUE(eventually([&] { return server().stats().requests == 1; }));
  EXPECT_TRUE(client.send_under_tls(std::string("\x10\x00more", 6)));
  client.vanish();
  EXPECT_TRUE(eventually([&] { return server().stats().connections == 0; }));
}

TEST_F(ServerTest, WhoLeavesBeforeItsTurnIsNotLookedUp) {
  options_.work_threads = 1;
  auto first = connect();
  first.send(request(path("source"), "waits"));
  ASSERT_TRUE(eventually([&] { return authenticator_.calls == 1; }));
  auto second = connect();
  second.send(request(path("source"), "bad"));
  ASSERT_TRUE(eventually([&] { return open_ == 2; }));
  second.vanish();
  EXPECT_TRUE(eventually([&] { return open_ == 1; }));
  handler_.archive = fail(ErrorKind::kConflict, "over");
  authenticator_.gate.set_value();
  EXPECT_EQ(first.receive().status, 409U);
  EXPECT_EQ(connect().post(path("source"), "good").status, 409U);
  EXPECT_EQ(authenticator_.calls, 2);
}

// The connection is watched while the token is looked up, by a read that may bring the beginning of the body.
TEST_F(ServerTest, ABodyMayComeWhileTheTokenIsLookedUp) {
  const std::string whole = request(path("result"), "waits", api::encode_frame(frame()));
  const auto head = whole.find("\r\n\r\n") + 4;
  auto client = connect();
  client.send(whole.substr(0, head));
  ASSERT_TRUE(eventually([&] { return authenticator_.calls == 1; }));
  client.send(whole.substr(head, 10));
  authenticator_.gate.set_value();
  client.send(whole.substr(head + 10));
  EXPECT_EQ(client.receive().status, 200U);
  ASSERT_EQ(handler_.frames().size(), 1U);
}

TEST_F(ServerTest, ResultsThatAreOnlyAnnouncedTakeNoRoom) {
  const std::string whole = request(path("result"), "good", api::encode_frame(frame()));
  options_.max_result_bytes = whole.size();
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(std::make_unique<Client>(server().port(), ca_.certificate_pem));
    silent.back()->send("POST " + path("result") +
                        " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Length: 16000000\r\n\r\n");
  }
  ASSERT_TRUE(eventually([&] { return authenticator_.calls == 20; }));
  EXPECT_EQ(connect().post(path("result"), "good", api::encode_frame(frame())).status, 200U);
}

TEST_F(ServerTest, OneNamespaceHoldsAShareOfAllResults) {
  const std::string body = api::encode_frame(frame());
  options_.max_result_bytes_per_namespace = body.size() - 1;
  const Answer refusal = connect().post(path("result"), "good", body);
  EXPECT_EQ(refusal.status, 503U);
  EXPECT_EQ(refusal.headers.at("Retry-After"), "1");
  EXPECT_EQ(refused("results"), 1);
}

// A pod may read them as slowly as it likes.
TEST_F(ServerTest, ListsOfPointsOnTheirWayCountAsResults) {
  handler_.list = std::string(1000, 'x');
  options_.max_result_bytes_per_namespace = 1000;
  auto client = connect();
  EXPECT_EQ(client.post(path("points"), "good").status, 200U);
  EXPECT_TRUE(eventually([&] { return server().stats().result_bytes == 0; }));
  handler_.list = std::string(1001, 'x');
  const Answer refusal = client.post(path("points"), "good");
  EXPECT_EQ(refusal.status, 503U);
  EXPECT_EQ(refusal.headers.at("Retry-After"), "1");
  EXPECT_EQ(refused("results"), 1);
}

// What a client left behind when it vanished is in memory until a work thread comes to it.
TEST_F(ServerTest, AResultCountsForAsLongAsItWaits) {
  options_.work_threads = 1;
  auto first = connect();
  first.send(request(path("source"), "waits"));
  ASSERT_TRUE(eventually([&] { return authenticator_.calls == 1; }));
  const std::string body = api::encode_frame(frame());
  auto second = connect();
  second.send(request(path("result"), "known", body));
  ASSERT_TRUE(eventually([&] { return server().stats().result_bytes == body.size(); }));
  second.vanish();
  ASSERT_TRUE(eventually([&] { return server().stats().connections == 1; }));
  EXPECT_EQ(server().stats().result_bytes, body.size());
  authenticator_.gate.set_value();
  EXPECT_TRUE(eventually([&] { return server().stats().result_bytes == 0; }));
}

TEST_F(ServerTest, AnUnpackedResultCountsToo) {
  const std::string text = api::encode_frame(frame());
  const std::string packed = gzip(text);
  options_.max_result_bytes_per_namespace = packed.size() + text.size();
  EXPECT_EQ(connect().post(path("result"), "good", packed, "Content-Encoding: gzip\r\n").status, 200U);
  EXPECT_EQ(refused("results"), 0);
  const Answer refusal =
      connect().post(path("result"), "good", gzip(text + std::string(1000, ' ')), "Content-Encoding: gzip\r\n");
  EXPECT_EQ(refusal.status, 503U);
  EXPECT_EQ(refusal.headers.at("Retry-After"), "1");
  EXPECT_EQ(refused("results"), 1);
  EXPECT_TRUE(eventually([&] { return server().stats().result_bytes == 0; }));
}

// The size at the end of a gzip member is a claim of its sender.
TEST_F(ServerTest, AnUnpackedSizeThatIsALieIsRefused) {
  std::string packed = gzip(api::encode_frame(frame()) + std::string(100'000, ' '));
  for (const char* size : {"\x01\x00\x00\x00", "\x00\x00\xf0\x00", "\xff\xff\xff\xff"}) {
    packed.replace(packed.size() - 4, 4, std::string(size, 4));
    const unsigned status = connect().post(path("result"), "good", packed, "Content-Encoding: gzip\r\n").status;
    EXPECT_TRUE(status == 400U || status == 413U) << status;
  }
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
