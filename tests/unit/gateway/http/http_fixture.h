// The whole gateway on a loopback socket: a real server and App over an API server in memory.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "gateway/app.h"
#include "gateway/http/server.h"
#include "unit/gateway/fixture.h"
#include "unit/runtime/eventually.h"

namespace modelrun::gateway {

struct Answer {
  int status = 0;                              // 0: the connection ended without one
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // chunks put together

  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
};

// One blocking connection. Nothing in it waits longer than ten seconds.
class Client {
 public:
  explicit Client(std::uint16_t port, const char* own_address = "127.0.0.1");
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& bytes) const;
  Answer receive();
  // Until `text` has come, in a stream whose end has not; what has come so far.
  std::string read_until(const std::string& text);
  // Until the server ends the connection; what has come.
  std::string read_until_end();
  // Reads until `size` bytes have come, in `pieces` pieces that take `span` altogether; how many came.
  std::size_t receive_slowly(std::size_t size, std::size_t pieces, std::chrono::milliseconds span);
  // True when the server ends the connection without another byte.
  bool is_ended();
  void leave();

 private:
  bool fill();
  std::string buffer_;
  int socket_ = -1;
};

// "good" is the caller of GatewayTest, "ben" another one, "bot1" and "bot2" are service accounts of one namespace,
// "down" cannot be checked, "stuck" takes until the client leaves. "fresh…" is good too, and never remembered.
class FakeAuthenticator final : public Authenticator {
 public:
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;
  std::optional<Identity> remembered(std::string_view token) override;
  std::atomic<int> stuck = 0;
  std::atomic<int> asked = 0;
};

class HttpTest : public GatewayTest {
 protected:
  ~HttpTest() override { close(); }
  // Starts it with the options below.
  std::uint16_t port();
  void close() {
    if (http) http->stop();
  }

  static std::string request(const std::string& method, const std::string& target, const std::string& body = {},
                             const std::string& more = {}, const std::string& token = "good");
  static std::string mcp(const std::string& method, nlohmann::json params = nlohmann::json::object(),
                         const std::string& more = {});
  // The same in the later era.
  static std::string modern(const std::string& method, nlohmann::json params = nlohmann::json::object(),
                            const std::string& more = {});
  Answer ask(const std::string& bytes) {
    Client connection(port());
    connection.send(bytes);
    return connection.receive();
  }
  // Until a run is there; its object.
  nlohmann::json wait_for_run() {
    EXPECT_TRUE(eventually([&] { return !server.all(kube::kModelRuns).empty(); }));
    return server.all(kube::kModelRuns).front();
  }
  bool cancelled() { return server.all(kube::kModelRuns).front()["spec"].value("cancel", false); }
  bool idle() {
    return eventually([&] { return http->stats().requests == 0; });
  }

  bool at_once = true;  // else every request goes to a worker
  AppOptions app_options;
  ServerOptions server_options;
  FakeAuthenticator authenticator;
  runtime::Metrics metrics;
  std::unique_ptr<App> app;
  std::unique_ptr<Server> http;
};

}  // namespace modelrun::gateway
