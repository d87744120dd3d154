#include "unit/gateway/http/http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace modelrun::gateway {

using nlohmann::json;

Client::Client(std::uint16_t port, const char* own_address) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  const timeval limit{10, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  inet_pton(AF_INET, own_address, &address.sin_addr);
  if (bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ADD_FAILURE() << "cannot bind";
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ADD_FAILURE() << "cannot connect";
}

Client::~Client() {
  leave();
}

void Client::leave() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

void Client::send(const std::string& bytes) const {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;  // it has hung up; what it said is to be read
    sent += static_cast<std::size_t>(count);
  }
}

bool Client::fill() {
  std::string piece(65536, '\0');
  const auto count = recv(socket_, piece.data(), piece.size(), 0);
  if (count <= 0) return false;
  buffer_.append(piece, 0, static_cast<std::size_t>(count));
  return true;
}

std::string Client::read_until(const std::string& text) {
  while (buffer_.find(text) == std::string::npos) {
    if (!fill()) {
      ADD_FAILURE() << "'" << text << "' did not come: " << buffer_;
      break;
    }
  }
  return buffer_;
}

std::string Client::read_until_end() {
  while (fill()) {
  }
  return buffer_;
}

std::size_t Client::receive_slowly(std::size_t size, std::size_t pieces, std::chrono::milliseconds span) {
  auto next = std::chrono::steady_clock::now();
  for (std::size_t wanted = size / pieces; buffer_.size() < size; wanted += size / pieces) {
    next += span / static_cast<int>(pieces);
    EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() >= next; }));
    while (buffer_.size() < wanted) {
      if (!fill()) return buffer_.size();
    }
  }
  return std::min(buffer_.size(), size);
}

bool Client::is_ended() {
  char byte = 0;
  return buffer_.empty() && recv(socket_, &byte, 1, 0) == 0;
}

Answer Client::receive() {
  Answer answer;
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return answer;
  }
  const auto head = buffer_.substr(0, end);
  buffer_.erase(0, end + 4);
  answer.status = std::stoi(head.substr(9));
  for (auto at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
    const auto colon = head.find(": ", at);
    auto name = head.substr(at + 2, colon - at - 2);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = head.substr(colon + 2, head.find("\r\n", at + 2) - colon - 2);
  }
  const auto need = [&](std::size_t size) {
    while (buffer_.size() < size) {
      if (!fill()) return false;
    }
    return true;
  };
  if (answer.headers.contains("content-length")) {
    const auto size = std::stoul(answer.headers["content-length"]);
    if (!need(size)) return {};
    answer.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
  }
  while (answer.headers.contains("transfer-encoding")) {
    std::size_t line = 0;
    while ((line = buffer_.find("\r\n")) == std::string::npos) {
      if (!fill()) return {};
    }
    const auto size = std::stoul(buffer_.substr(0, line), nullptr, 16);
    if (!need(line + 2 + size + 2)) return {};
    answer.body += buffer_.substr(line + 2, size);
    buffer_.erase(0, line + 2 + size + 2);
    if (size == 0) break;
  }
  return answer;
}

Result<Identity> FakeAuthenticator::authenticate(std::string_view token, std::stop_token stop) {
  ++asked;
  if (token.starts_with("fresh")) return remembered("good").value();
  if (token == "stuck") {
    ++stuck;
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait(lock, stop, [] { return false; });
  }
  if (token == "down" || token == "stuck") return fail(ErrorKind::kUnavailable, "no connection");
  if (auto known = remembered(token)) return std::move(*known);
  return fail(ErrorKind::kDenied, "not known");
}

std::optional<Identity> FakeAuthenticator::remembered(std::string_view token) {
  if (token == "bot1" || token == "bot2") {
    return Identity{.user = fmt::format("system:serviceaccount:team:{}", token), .namespace_ = "team"};
  }
  if (token != "good" && token != "ben") return std::nullopt;
  return Identity{.user = token == "good" ? "ana" : "ben", .uid = {}, .groups = {}, .namespace_ = "ns", .expires = {}};
}

std::uint16_t HttpTest::port() {
  if (http) return http->port();
  app_options.times = times;
  app = std::make_unique<App>(app_options, runs, sweeps, authenticator, nullptr, clock, metrics);
  server_options.workers = 4;
  server_options.on_refusal = [this](std::string_view reason) { app->refused(reason); };
  auto started = Server::start(
      server_options, nullptr, [this](const auto& request, const auto& exchange) { app->serve(request, exchange); },
      [this](const auto& request, const auto& exchange) { return at_once && app->serve_at_once(request, exchange); },
      app->gate());
  if (!started) throw std::runtime_error(started.error().message);
  http = std::move(*started);
  return http->port();
}

std::string HttpTest::request(const std::string& method, const std::string& target, const std::string& body,
                              const std::string& more, const std::string& token) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n", method, target);
  if (!token.empty()) text += fmt::format("Authorization: Bearer {}\r\n", token);
  if (!body.empty()) text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  return text + more + "\r\n" + body;
}

std::string HttpTest::mcp(const std::string& method, json params, const std::string& more) {
  const json message{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}};
  return request("POST", "/mcp", message.dump(), more);
}

std::string HttpTest::modern(const std::string& method, json params, const std::string& more) {
  params["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2026-07-28";
  params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json::object();
  auto headers = fmt::format("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {}\r\n", method);
  if (params.contains("name")) headers += fmt::format("Mcp-Name: {}\r\n", params["name"].get<std::string>());
  return mcp(method, std::move(params), headers + more);
}

}  // namespace modelrun::gateway
