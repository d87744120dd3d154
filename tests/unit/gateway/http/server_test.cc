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
    auto started = Server::start(options, certificate, handler);
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
  EXPECT_EQ(ask("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n").status, 400);
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
  EXPECT_TRUE(header.is_ended());
  Client body(server->port());
  body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nxx");
  EXPECT_NE(body.receive().status, 200);
}

TEST_F(ServerTest, RequestsOfOneConnectionFollowEachOther) {
  Client client(start());
  client.send(post(3) + post(4) + post(5));
  EXPECT_EQ(client.receive().body, "3/");
  EXPECT_EQ(client.receive().body, "4/");
  EXPECT_EQ(client.receive().body, "5/");
  client.send(post(6, "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.receive().status, 100);
  EXPECT_EQ(client.receive().body, "6/");
  client.send(post(1, "Connection: close\r\n"));
  EXPECT_EQ(client.receive().headers.at("connection"), "close");
  EXPECT_TRUE(client.is_ended());
}

TEST_F(ServerTest, OneRequestTooManyIsRefused) {
  options.max_requests = 1;
  std::mutex mutex;
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
  std::mutex mutex;
  std::vector<ExchangePtr> kept;  // guarded by mutex
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

// A stream that nobody reads holds its handler back instead of filling the memory; when the client goes, it is told.
TEST_F(ServerTest, StreamsWaitForTheirReaders) {
  options.max_unsent_bytes = 1000;
  std::atomic<std::size_t> sent = 0;
  std::atomic<bool> ended = false, left = false;
  handler = [&](const RequestPtr&, const ExchangePtr& exchange) {
    exchange->open_events();
    while (sent < (std::size_t{256} << 20U) && exchange->send(std::string(65536, 'x'))) sent += 65536;
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
