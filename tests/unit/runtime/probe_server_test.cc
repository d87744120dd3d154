#include "runtime/probe_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace modelrun::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

UniqueFd connect_to(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

// Until the server closes, or `until` has come.
std::string receive(int fd, const std::string& until = "") {
  std::string text;
  char buffer[4096];
  while (until.empty() || text.find(until) == std::string::npos) {
    const auto got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

void send_text(int fd, const std::string& text) {
  (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

class ProbeServerTest : public ::testing::Test {
 protected:
  void start(ProbeServerOptions options = {}) {
    auto started = ProbeServer::start(options, [](std::string_view target) -> ProbeAnswer {
      if (target == "/throw") throw std::runtime_error("bug");
      if (target.starts_with("/readyz")) return {503, "not yet\n"};
      return {200, std::string{target} + "\n"};
    });
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  std::string ask(const std::string& request) const {
    const auto fd = connect_to(server_->port());
    send_text(fd.get(), request);
    return receive(fd.get());
  }
  std::unique_ptr<ProbeServer> server_;
};

TEST_F(ProbeServerTest, Answers) {
  start();
  const auto ok = ask("GET /healthz?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(ok, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(ok, HasSubstr("Content-Length: 13\r\n"));
  EXPECT_THAT(ok, HasSubstr("\r\n\r\n/healthz?x=1\n"));
  EXPECT_THAT(ask("GET /readyz HTTP/1.0\r\n\r\n"), HasSubstr(" 503 "));
  EXPECT_THAT(ask("GET /throw HTTP/1.0\r\n\r\n"), HasSubstr(" 500 "));
  EXPECT_THAT(ask("POST / HTTP/1.0\r\n\r\n"), HasSubstr(" 405 "));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"), HasSubstr(" 413 "));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nX: " + std::string(10'000, 'x') + "\r\n\r\n"), HasSubstr(" 413 "));
  EXPECT_EQ(ask("\x16\x03\x01 nonsense\r\n\r\n"), "");
}

TEST_F(ProbeServerTest, KeepsConnectionsAlive) {
  start();
  const auto fd = connect_to(server_->port());
  for (int i = 0; i < 3; ++i) {
    send_text(fd.get(), "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(receive(fd.get(), "/a\n"), HasSubstr("200 OK"));
  }
}

TEST_F(ProbeServerTest, ClosesSlowAndSuperfluousConnections) {
  start({.max_connections = 2, .header_timeout = 50ms});
  const auto slow = connect_to(server_->port());
  send_text(slow.get(), "GET / HT");
  EXPECT_EQ(receive(slow.get()), "") << "closed by the time-out";
  const auto one = connect_to(server_->port());
  const auto two = connect_to(server_->port());
  const auto three = connect_to(server_->port());
  EXPECT_EQ(receive(three.get()), "");
}

TEST_F(ProbeServerTest, StopsWithOpenConnections) {
  start();
  const auto fd = connect_to(server_->port());
  send_text(fd.get(), "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  receive(fd.get(), "/a\n");
  server_.reset();
  EXPECT_EQ(receive(fd.get()), "");
}

TEST_F(ProbeServerTest, Refusals) {
  start();
  EXPECT_EQ(ProbeServer::start({.port = server_->port()}, {}).error().kind, ErrorKind::kExists);
  EXPECT_EQ(ProbeServer::start({.address = "localhost"}, {}).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace modelrun::runtime
