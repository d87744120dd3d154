// Limits, time-outs and TLS of the server, with handlers of the tests' own.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>

#include "runserver/tls.h"
#include "unit/gateway/http/http_fixture.h"

namespace modelrun::gateway {
namespace {

using testing::HasSubstr;

using RequestPtr = std::shared_ptr<const HttpRequest>;
using ExchangePtr = std::shared_ptr<HttpExchange>;

class ServerTest : public ::testing::Test {
 protected:
  std::uint16_t start(const Certificate* certificate = nullptr) {
    options.workers = 4;
    options.on_refusal = [this](std::string_view reason) {
      const std::lock_guard lock(mutex);
      ++refusals[std::string(reason)];
    };
    options.on_connection = [this](int change) { connections += change; };
    auto started = Server::start(options, certificate, handler, {}, gate);
    if (!started) throw std::runtime_error(started.error().message);
    server = std::move(*started);
    return server->port();
  }
  Answer ask(const std::string& bytes) {
    Client client(server ? server->port() : start());
    client.send(bytes);
    return client.receive();
  }
  static std::string post(std::size_t size, const std::string& more = {}) {
    return fmt::format("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n{}\r\n{}", size, more,
                       std::string(size, 'x'));
  }

  ServerOptions options;
  Handler handler = [](const RequestPtr& request, const ExchangePtr& exchange) {
    exchange->answer({.content_type = "text/plain", .body = std::to_string(request->body.size()) + request->path});
  };
  int refused(const std::string& reason) {
    const std::lock_guard lock(mutex);
    return refusals[reason];
  }
  static std::string head_of_post(std::size_t announced, const std::string& more = {}) {
    return fmt::format("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n{}\r\n", announced, more);
  }
  // Keeps every exchange, as a call that waits does.
  void keep_exchanges() {
    handler = [this](const RequestPtr&, const ExchangePtr& exchange) {
      const std::lock_guard lock(mutex);
      kept.push_back(exchange);
    };
  }
  std::size_t kept_exchanges() {
    const std::lock_guard lock(mutex);
    return kept.size();
  }

  BodyGate gate;
  std::mutex mutex;
  std::map<std::string, int> refusals;  // guarded by mutex, as is kept
  std::vector<ExchangePtr> kept;
  std::atomic<int> connections = 0;
  std::unique_ptr<Server> server;
};

TEST_F(ServerTest, HostileRequestsAreRefused) {
  options.max_body_bytes = 1000;
  options.max_header_bytes = 2000;
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(ask(post(1000)).body, "1000/");
  EXPECT_EQ(ask(post(1001)).status, 413);
  EXPECT_EQ(ask(head + "Content-Length: 1000000000\r\n\r\n").status, 413);
  EXPECT_EQ(ask(head + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n").status,
            413);
  EXPECT_EQ(ask(head + "X: " + std::string(3000, 'x') + "\r\n\r\n").status, 431);
  // Two readings of where a request ends are how one is smuggled in behind another.
  EXPECT_EQ(ask(head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").status, 400);
  EXPECT_EQ(ask(head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n").status, 400);
  EXPECT_EQ(ask(head + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nxxxxx").status, 400);
  EXPECT_EQ(ask(head + "Content-Length: -1\r\n\r\n").status, 400);
  EXPECT_EQ(ask("nonsense\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n").status, 400);
}

TEST_F(ServerTest, SlowClientsAreLeftBehind) {
  options.header_timeout = std::chrono::milliseconds(50);
  options.idle_timeout = std::chrono::milliseconds(50);
  options.body_timeout = std::chrono::milliseconds(50);
  Client silent(start());
  EXPECT_TRUE(silent.is_ended());
  Client header(server->port());
  header.send("GET / HT");
  EXPECT_EQ(header.receive().status, 408);
  Client body(server->port());
  body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nxx");
  EXPECT_EQ(body.receive().status, 408);
}

TEST_F(ServerTest, RequestsOfOneConnectionFollowEachOther) {
  Client client(start());
  client.send(post(3) + post(4) + post(5));
  EXPECT_EQ(client.receive().body, "3/");
  EXPECT_EQ(client.receive().body, "4/");
  EXPECT_EQ(client.receive().body, "5/");
  client.send(head_of_post(6, "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.receive().status, 100);
  client.send("xxxxxx");
  EXPECT_EQ(client.receive().body, "6/");
  client.send(post(1, "Connection: close\r\n"));
  EXPECT_EQ(client.receive().headers.at("connection"), "close");
  EXPECT_TRUE(client.is_ended());
}

TEST_F(ServerTest, OneRequestTooManyIsRefused) {
  options.max_requests = 1;
  std::condition_variable_any changed;
  bool open = false;
  std::atomic<bool> entered = false;
  handler = [&](const RequestPtr&, const ExchangePtr& exchange) {
    std::unique_lock lock(mutex);
    entered = true;
    changed.wait_for(lock, std::chrono::seconds(60), [&] { return open; });
    lock.unlock();  // with the answer, the test ends
    exchange->answer({.status = 204});
  };
  Client first(start());
  first.send(post(1));
  ASSERT_TRUE(eventually([&] { return entered.load(); }));
  EXPECT_EQ(ask(post(1)).status, 503);
  {
    const std::lock_guard lock(mutex);
    open = true;
  }
  changed.notify_all();
  EXPECT_EQ(first.receive().status, 204);
}

// Many more than there are workers: whoever only waits holds none, and keeps the exchange.
TEST_F(ServerTest, ExchangesThatAreKeptHoldNoWorker) {
  options.workers = 2;
  options.max_requests = 2;
  handler = [&](const RequestPtr& request, const ExchangePtr& exchange) {
    if (request->path != "/wait") return exchange->answer({.status = 204});
    const std::lock_guard lock(mutex);
    kept.push_back(exchange);
  };
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 1; i <= 20; ++i) {
    clients.push_back(std::make_unique<Client>(server->port()));
    clients.back()->send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return kept.size() == i;
    }));
  }
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status, 204);
  EXPECT_TRUE(eventually([&] { return server->stats().requests == 20; }));
  for (auto& exchange : std::exchange(kept, {})) {
    auto* raw = exchange.get();
    raw->later([exchange = std::move(exchange)] { exchange->answer({.status = 202}); });
  }
  for (auto& client : clients) EXPECT_EQ(client->receive().status, 202);
  EXPECT_TRUE(eventually([&] { return server->stats().requests == 0; }));
}

// A stop waits for the holders, and tells them.
TEST_F(ServerTest, StopEndsExchangesThatAreKept) {
  options.stop_grace = std::chrono::milliseconds(1);
  std::atomic<bool> told = false;
  std::jthread holder;
  handler = [&](const RequestPtr&, const ExchangePtr& exchange) {
    holder = std::jthread([&told, exchange] {
      const auto stop = exchange->stop_token();
      told = eventually([&] { return stop.stop_requested(); });
      EXPECT_FALSE(exchange->client_left());
      exchange->answer({.status = 503});
    });
  };
  Client client(start());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server->stats().requests == 1; }));
  server->stop();
  EXPECT_TRUE(told);
  EXPECT_EQ(client.receive().status, 503);
}

TEST_F(ServerTest, HandlersThatFailAreInternalErrors) {
  handler = [](const RequestPtr& request, const ExchangePtr&) {
    if (request->path == "/throw") throw std::runtime_error("secret");
  };
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status, 500);
  const auto thrown = ask("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(thrown.body.find("secret"), std::string::npos);
}

// Who produces for one client waits for it; when the client goes, it is told.
TEST_F(ServerTest, StreamsWaitForTheirReaders) {
  options.max_unsent_bytes = 1000;
  std::atomic<std::size_t> sent = 0;
  std::atomic<bool> ended = false, left = false;
  handler = [&](const RequestPtr&, const ExchangePtr& exchange) {
    exchange->open_events();
    while (sent < (std::size_t{256} << 20U) && exchange->wait_until_read({}) &&
           exchange->send(std::string(65536, 'x'))) {
      sent += 65536;
    }
    left = exchange->client_left();
    ended = true;
  };
  Client client(start());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  client.read_until("xxxx");
  client.leave();
  ASSERT_TRUE(eventually([&] { return ended.load(); }));
  EXPECT_TRUE(left);
  EXPECT_LT(sent, std::size_t{256} << 20U);
}

TEST_F(ServerTest, AWaitForAReaderEndsWhenItsOwnerSaysSo) {
  options.max_unsent_bytes = 1000;
  std::atomic<bool> waits = false, ended = false;
  std::stop_source stop;
  handler = [&](const RequestPtr&, const ExchangePtr& exchange) {
    exchange->open_events();
    while (exchange->send(std::string(65536, 'x')) && server->stats().answer_bytes < (std::size_t{4} << 20U)) continue;
    waits = true;
    EXPECT_FALSE(exchange->wait_until_read(stop.get_token()));
    ended = true;
  };
  Client client(start());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return waits.load(); }));
  stop.request_stop();
  EXPECT_TRUE(eventually([&] { return ended.load(); }));
}

// Sending returns at once; the stream is ended when too much waits, and the client when it takes nothing for long.
TEST_F(ServerTest, ADeafReaderHoldsNobodyAndIsGivenUp) {
  options.max_stream_bytes = 1U << 20U;
  options.write_timeout = std::chrono::milliseconds(100);
  std::atomic<bool> ended = false;
  handler = [&](const RequestPtr&, const ExchangePtr& exchange) {
    exchange->open_events();
    while (exchange->send(std::string(65536, 'x'))) continue;
    EXPECT_LE(server->stats().answer_bytes, 2 * options.max_stream_bytes);
    ended = true;
  };
  Client client(start());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return ended.load(); }));
  EXPECT_TRUE(eventually([&] { return refused("slow_reader") == 1 && connections == 0; }));
  EXPECT_EQ(server->stats().answer_bytes, 0U);
}

// The time-out is for the time without progress, not for the answer.
TEST_F(ServerTest, ASlowReaderThatReadsOnGetsAllOfIt) {
  constexpr std::size_t kSize = std::size_t{1} << 20U;
  options.write_timeout = std::chrono::milliseconds(400);
  options.send_buffer_bytes = 16 << 10;
  handler = [](const RequestPtr&, const ExchangePtr& exchange) { exchange->answer({.body = std::string(kSize, 'x')}); };
  Client client(start());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(client.receive_slowly(kSize, 16, options.write_timeout * 2), kSize);
  EXPECT_GT(std::chrono::steady_clock::now() - begin, options.write_timeout);
  EXPECT_EQ(refused("slow_reader"), 0);
}

TEST_F(ServerTest, AnswersThatWaitAreBounded) {
  options.max_answers_bytes_per_owner = 100'000;
  handler = [](const RequestPtr&, const ExchangePtr& exchange) {
    exchange->answer({.body = std::string(200'000, 'x')});
  };
  const auto answer = ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.at("retry-after"), "1");
  EXPECT_EQ(refused("answers"), 1);
}

TEST_F(ServerTest, AnAnswerToHeadHasNoBody) {
  Client client(start());
  client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n" + post(3));
  EXPECT_THAT(client.read_until("\r\n\r\nHTTP/1.1 200 OK"), HasSubstr("Content-Length: 3\r\n"));
}

TEST_F(ServerTest, BodiesThatAreOnlyAnnouncedTakeNoRoom) {
  options.max_bodies_bytes = options.max_bodies_bytes_per_owner = 100'000;
  std::atomic<int> asked = 0;
  gate.at_once = [&](const HttpRequest&) {
    ++asked;
    return BodyPermit{.refusal = {}, .owner = "all"};
  };
  start();
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 64; ++i) {
    silent.push_back(std::make_unique<Client>(server->port()));
    silent.back()->send(head_of_post(1U << 20U));
  }
  ASSERT_TRUE(eventually([&] { return asked == 64; }));
  EXPECT_EQ(ask(post(90'000)).status, 200);
}

TEST_F(ServerTest, BodiesOfOneOwnerAreBounded) {
  options.max_bodies_bytes_per_owner = 100'000;
  gate.at_once = [](const HttpRequest& request) {
    return BodyPermit{.refusal = {}, .owner = std::string(request.header("X-Owner").value_or("none"))};
  };
  keep_exchanges();
  Client first(start());
  first.send(post(60'000, "X-Owner: a\r\n"));
  ASSERT_TRUE(eventually([&] { return kept_exchanges() == 1; }));
  const auto refusal = ask(post(60'000, "X-Owner: a\r\n"));
  EXPECT_EQ(refusal.status, 503);
  EXPECT_EQ(refusal.headers.at("retry-after"), "1");
  EXPECT_EQ(refused("bodies"), 1);
  Client other(server->port());
  other.send(post(60'000, "X-Owner: b\r\n"));
  EXPECT_TRUE(eventually([&] { return kept_exchanges() == 2; }));
  // Whoever has read the body gives the room back.
  kept[0]->release_body();
  Client again(server->port());
  again.send(post(60'000, "X-Owner: a\r\n"));
  EXPECT_TRUE(eventually([&] { return kept_exchanges() == 3; }));
  kept.clear();
  EXPECT_TRUE(eventually([&] { return server->stats().body_bytes == 0; }));
}

TEST_F(ServerTest, TheGateSaysHowLargeABodyMayBe) {
  gate.at_once = [](const HttpRequest& request) -> std::optional<BodyPermit> {
    if (request.path == "/large") return BodyPermit{.refusal = {}, .owner = "a"};
    return BodyPermit{.refusal = {}, .owner = "a", .max_bytes = 100'000};
  };
  EXPECT_EQ(ask(post(100'000)).status, 200);
  EXPECT_EQ(ask(head_of_post(100'001)).status, 413);
  const auto chunked = [](const std::string& path) {
    return "POST " + path + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n" +
           std::string(100'001, 'x') + "\r\n0\r\n\r\n";
  };
  EXPECT_EQ(ask(chunked("/")).status, 413);
  EXPECT_EQ(ask(chunked("/large")).status, 200);
}

TEST_F(ServerTest, TheGateIsAskedBeforeTheBodyIsRead) {
  gate.at_once = [](const HttpRequest& request) -> std::optional<BodyPermit> {
    if (request.path == "/ask") return std::nullopt;
    return BodyPermit{.refusal = HttpAnswer{.status = 401}, .owner = {}};
  };
  gate.ask = [](const HttpRequest& request, const std::stop_token&) {
    const bool refuse = request.header("X-Refuse").has_value();
    return BodyPermit{.refusal = refuse ? std::optional(HttpAnswer{.status = 403}) : std::nullopt, .owner = "a"};
  };
  EXPECT_EQ(ask(head_of_post(1000)).status, 401);
  EXPECT_EQ(ask(head_of_post(1000, "Expect: 100-continue\r\n")).status, 401);
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").status, 401);
  EXPECT_EQ(ask("POST /ask HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nX-Refuse: 1\r\n\r\n").status, 403);
  Client client(server->port());
  client.send("POST /ask HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send("abc");
  EXPECT_EQ(client.receive().body, "3/ask");
}

TEST_F(ServerTest, AGateThatThrowsIsAnInternalError) {
  gate.at_once = [](const HttpRequest& request) -> std::optional<BodyPermit> {
    if (request.path == "/") throw std::runtime_error("secret");
    return std::nullopt;
  };
  gate.ask = [](const HttpRequest&, const std::stop_token&) -> BodyPermit { throw std::runtime_error("secret"); };
  EXPECT_EQ(ask(head_of_post(1000)).status, 500);
  EXPECT_EQ(ask("POST /ask HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n").status, 500);
}

// Before the connection is closed, so that the client gets an answer.
TEST_F(ServerTest, AStopEndsTheGatesQuestion) {
  options.stop_grace = std::chrono::milliseconds(1);
  std::atomic<bool> asked = false;
  gate.at_once = [](const HttpRequest&) { return std::nullopt; };
  gate.ask = [&](const HttpRequest&, const std::stop_token& stop) {
    asked = true;
    EXPECT_TRUE(eventually([&] { return stop.stop_requested(); }));
    return BodyPermit{.refusal = HttpAnswer{.status = 503}, .owner = {}};
  };
  Client client(start());
  client.send(head_of_post(1000));
  ASSERT_TRUE(eventually([&] { return asked.load(); }));
  server->stop();
  EXPECT_EQ(client.receive().status, 503);
}

// While the rest of its request is awaited, to be thrown away.
TEST_F(ServerTest, WhoIsRefusedMakesRoom) {
  options.connections = {.total = 6, .per_peer = 1};
  gate.at_once = [](const HttpRequest&) { return std::nullopt; };
  gate.ask = [](const HttpRequest&, const std::stop_token&) {
    return BodyPermit{.refusal = HttpAnswer{.status = 401}, .owner = {}};
  };
  Client first(start());
  first.send(head_of_post(1000));
  EXPECT_EQ(first.receive().status, 401);
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
}

TEST_F(ServerTest, OnlyWhoIsKnownKeepsAPlaceByReadingSlowly) {
  options.connections = {.total = 6, .per_peer = 1};
  options.write_timeout = std::chrono::minutes(5);
  options.send_buffer_bytes = 16 << 10;
  handler = [](const RequestPtr& request, const ExchangePtr& exchange) {
    if (request->path == "/known") exchange->charge_to("a");
    exchange->answer({.body = std::string(std::size_t{16} << 20U, 'x')});
  };
  Client slow(start());
  slow.send("GET /stranger HTTP/1.1\r\nHost: h\r\n\r\n");
  slow.read_until("200 OK");
  Client known(server->port());
  known.send("GET /known HTTP/1.1\r\nHost: h\r\n\r\n");
  known.read_until("200 OK");
  EXPECT_EQ(refused("evicted"), 1);
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n").status, 0);
  EXPECT_EQ(refused("peer_full"), 1);
}

// A client must not take the part that it got for the whole.
TEST_F(ServerTest, AStreamThatIsTooMuchEndsWithoutItsEnd) {
  options.max_answers_bytes_per_owner = 100'000;
  std::atomic<bool> stopped = false;
  handler = [&](const RequestPtr&, const ExchangePtr& exchange) {
    exchange->open_events();
    EXPECT_TRUE(exchange->send("data: first\n\n"));
    EXPECT_TRUE(exchange->send_if_read(std::string(200'000, 'x')));  // the client can do without
    EXPECT_FALSE(exchange->send(std::string(200'000, 'x')));
    EXPECT_FALSE(exchange->send("data: second\n\n"));
    stopped = eventually([&] { return exchange->stop_token().stop_requested(); }) && !exchange->client_left();
  };
  Client client(start());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_until("first\n\n"), HasSubstr("200 OK"));
  EXPECT_EQ(client.receive().status, 0);  // there is no last chunk
  EXPECT_TRUE(eventually([&] { return stopped.load(); }));
  EXPECT_EQ(refused("answers"), 2);
}

// Each piece of a body that comes in time moves the time-out on. Together they take longer than it, and each may be
// more than a second late on a busy machine.
TEST_F(ServerTest, ASlowBodyThatComesOnIsTaken) {
  options.body_timeout = std::chrono::milliseconds(2000);
  Client client(start());
  client.send(head_of_post(4 * kBodyProgress));
  for (int i = 0; i < 4; ++i) {
    const auto next = std::chrono::steady_clock::now() + options.body_timeout * 3 / 10;
    EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() >= next; }));
    client.send(std::string(kBodyProgress, 'x'));
  }
  EXPECT_EQ(client.receive().body, std::to_string(4 * kBodyProgress) + "/");
}

TEST_F(ServerTest, AnIdleFloodFromOneAddressTakesNoPlaceOfOthers) {
  options.connections = {.total = 6, .per_peer = 4};
  Client early(start());
  std::vector<std::unique_ptr<Client>> flood;
  for (int i = 0; i < 40; ++i) flood.push_back(std::make_unique<Client>(server->port(), "127.0.0.2"));
  EXPECT_TRUE(eventually([&] { return refused("evicted") == 36 && connections == 5; }));
  early.send(post(1));
  EXPECT_EQ(early.receive().body, "1/");
  EXPECT_EQ(ask(post(2)).body, "2/");
  EXPECT_TRUE(flood.front()->is_ended());
}

TEST_F(ServerTest, ARequestInProgressIsNotClosedForANewConnection) {
  options.connections = {.total = 6, .per_peer = 1};
  keep_exchanges();
  Client first(start());
  first.send(post(1));
  ASSERT_TRUE(eventually([&] { return kept_exchanges() == 1; }));
  EXPECT_EQ(ask(post(1)).status, 0);
  EXPECT_EQ(refused("peer_full"), 1);
  kept.front()->answer({.status = 204});
  kept.clear();
  EXPECT_EQ(first.receive().status, 204);
}

TEST_F(ServerTest, HeadersCannotBeForged) {
  handler = [](const RequestPtr&, const ExchangePtr& exchange) {
    exchange->answer({.status = 200, .body = "{}", .headers = {{"Location", "/a\r\nSet-Cookie: b=c"}}});
  };
  const auto answer = ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(answer.headers.contains("set-cookie"));
  EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff");
}

namespace asio = boost::asio;

// The answer's status line over TLS, and the certificate that the server showed.
std::pair<std::string, std::string> ask_tls(std::uint16_t port, const std::string& ca) {
  asio::io_context io;
  asio::ssl::context context(asio::ssl::context::tls_client);
  context.add_certificate_authority(asio::buffer(ca));
  context.set_verify_mode(asio::ssl::verify_peer);
  asio::ssl::stream<asio::ip::tcp::socket> stream(io, context);
  stream.next_layer().connect({asio::ip::address_v4::loopback(), port});
  stream.handshake(asio::ssl::stream_base::client);
  const std::string bytes = "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  asio::write(stream, asio::buffer(bytes));
  std::string answer;
  boost::system::error_code error;
  asio::read_until(stream, asio::dynamic_buffer(answer), "\r\n", error);
  X509* shown = SSL_get_peer_certificate(stream.native_handle());
  std::string serial =
      std::to_string(X509_subject_name_hash(shown)) + std::to_string(ASN1_INTEGER_get(X509_get_serialNumber(shown)));
  X509_free(shown);
  return {answer.substr(0, 15), serial};
}

TEST_F(ServerTest, TlsAndAnotherCertificateWithoutARestart) {
  const auto now = SystemClock().now();
  const auto ca = runserver::make_ca(now).value();
  const auto one = runserver::issue_certificate(ca, now).value();
  const auto two = runserver::issue_certificate(ca, now, "other.example").value();
  const Certificate first{one.certificate_pem, one.key_pem};
  start(&first);
  const auto before = ask_tls(server->port(), ca.certificate_pem);
  EXPECT_EQ(before.first, "HTTP/1.1 200 OK");
  EXPECT_TRUE(server->set_certificate({two.certificate_pem, two.key_pem}));
  const auto after = ask_tls(server->port(), ca.certificate_pem);
  EXPECT_EQ(after.first, "HTTP/1.1 200 OK");
  EXPECT_NE(before.second, after.second);
  EXPECT_FALSE(server->set_certificate({one.certificate_pem, two.key_pem}));
  EXPECT_EQ(ask_tls(server->port(), ca.certificate_pem).second, after.second);
  // Plain HTTP gets nothing.
  Client plain(server->port());
  plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(plain.receive().status, 200);
}

}  // namespace
}  // namespace modelrun::gateway
