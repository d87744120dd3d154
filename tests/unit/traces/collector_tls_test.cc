// Collectors behind TLS: whose certificate is trusted, and for which name.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "base/clock.h"
#include "runserver/tls.h"
#include "traces/collector.h"

namespace modelrun::traces {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// Answers each request with 200, one connection after the other.
class TlsServer {
 public:
  explicit TlsServer(const runserver::KeyPair& leaf) {
    context_.use_certificate_chain(asio::buffer(leaf.certificate_pem));
    context_.use_private_key(asio::buffer(leaf.key_pem), asio::ssl::context::pem);
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsServer() {
    closing_ = true;
    boost::system::error_code ignored;
    tcp::socket(io_).connect(acceptor_.local_endpoint(), ignored);  // wakes accept()
    thread_.join();
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  void serve() {
    while (!closing_) {
      boost::system::error_code error;
      asio::ssl::stream<tcp::socket> stream(acceptor_.accept(io_), context_);
      if (closing_ || stream.handshake(asio::ssl::stream_base::server, error)) continue;
      std::string text;
      asio::read_until(stream, asio::dynamic_buffer(text), "[]}", error);  // the end of the body below
      if (error) continue;
      ++requests_;
      asio::write(stream,
                  asio::buffer(std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")),
                  error);
      stream.shutdown(error);
    }
  }

  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_server};
  tcp::acceptor acceptor_{io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::atomic<bool> closing_{false};
  std::atomic<int> requests_{0};
  std::thread thread_;
};

Result<kube::Response> post(const TlsServer& server, const std::string& host, const std::string& ca) {
  CollectorAddress address{.secure = true, .host = host, .port = server.port(), .path = "/v1/traces", .ca_pem = ca};
  Collector collector(
      std::move(address),
      [](const std::string&, std::chrono::milliseconds, const std::stop_token&) -> Result<std::vector<std::string>> {
        return std::vector<std::string>{"127.0.0.1"};
      });
  return collector.post(R"({"resourceSpans":[]})", {});
}

TEST(CollectorTls, OnlyTheNamedCollectorOfTheGivenAuthorityIsTrusted) {
  const auto now = SystemClock().now();
  const auto ca = *runserver::make_ca(now);
  const auto stranger = *runserver::make_ca(now);
  const TlsServer server(*runserver::issue_certificate(ca, now, "collector.example.com"));
  const auto answer = post(server, "collector.example.com", ca.certificate_pem);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_FALSE(post(server, "other.example.com", ca.certificate_pem));
  EXPECT_FALSE(post(server, "collector.example.com", stranger.certificate_pem));
  EXPECT_FALSE(post(server, "collector.example.com", ""));  // the machine's authorities do not have it
  EXPECT_EQ(server.requests(), 1);
}

}  // namespace
}  // namespace modelrun::traces
