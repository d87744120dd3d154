// The HTTP/1.1 server: connections, TLS, limits and time-outs. It knows nothing of the gateway's routes; a Handler
// answers the requests.
//
//   auto server = Server::start(options, &certificate, handler);
//   if (!server) return std::unexpected(server.error());
//   ...
//   (*server)->stop();
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "gateway/http/http.h"
#include "net/connection_limits.h"

namespace modelrun::gateway {

struct Certificate {
  std::string chain_pem;  // begins with the server's own certificate
  std::string key_pem;
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // an IP address
  std::uint16_t port = 0;             // 0: any free port; see port()
  int io_threads = 2;                 // threads that read, write and call the AtOnce function
  int workers = 16;                   // threads that call the Handler
  // Requests that a worker handles or that wait for a worker; one more is answered with 503. A request whose handler
  // has returned, such as a call that waits, does not count.
  int max_requests = 1'024;
  // With too many, an idle connection makes room for a new one (net/connection_table.h); if there is none, the new one
  // is closed at once.
  net::ConnectionLimits connections{.total = 4'096, .per_peer = 512};
  std::size_t max_header_bytes = 16U << 10U;  // of one request; more is answered with 431
  std::size_t max_body_bytes = 4U << 20U;     // of one request; more is answered with 413 (see also BodyPermit)
  // Of the bodies of all requests that are read or handled, and of those of one owner (BodyPermit, else the address);
  // a request with more is answered with 503. Bytes count when they have come, not when they are announced.
  std::size_t max_bodies_bytes = 64U << 20U;
  std::size_t max_bodies_bytes_per_owner = 16U << 20U;
  // Of all answers that wait to be sent, and of those of one owner (HttpExchange::charge_to(), else the address). An
  // answer beyond is replaced by 503, a stream is ended.
  std::size_t max_answers_bytes = 128U << 20U;
  std::size_t max_answers_bytes_per_owner = 32U << 20U;
  std::size_t max_unsent_bytes = 256U << 10U;  // of one event stream: see HttpExchange::send_if_read()
  std::size_t max_stream_bytes = 8U << 20U;    // of one event stream that wait to be sent; with more it is ended
  int send_buffer_bytes = 128 << 10;           // of one connection, in the kernel (SO_SNDBUF); 0: the system chooses
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};  // without a request on a connection
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};   // for each kBodyProgress bytes of a body
  std::chrono::milliseconds write_timeout{30'000};  // without progress: the client has taken no byte for so long
  std::chrono::milliseconds stop_grace{20'000};     // how long stop() lets requests in progress continue

  // Called for each connection that is turned away, with a name of net::TurnedAway, and for each request or client
  // that is given up because of a limit: "requests", "bodies", "answers", "slow_header", "slow_body", "slow_reader".
  // Must not block. May be empty.
  std::function<void(std::string_view reason)> on_refusal{};
  // Called with 1 when a connection begins and with -1 when it has ended. Must not block. May be empty.
  std::function<void(int change)> on_connection{};
};

// A body of which so much comes within body_timeout is waited for.
inline constexpr std::size_t kBodyProgress = std::size_t{16} << 10U;

// Owns its threads and sockets. All methods are thread-safe.
class Server {
 public:
  // Starts the threads and listens; the port is open when it returns. Serves TLS if `certificate` is not null (its
  // texts are not referred to afterwards), else plain HTTP. `at_once` and `gate` may be empty. Whatever the functions
  // refer to must live until stop() has returned. Fails with kInvalid for an unusable certificate or an address that is
  // no IP address, and with kUnavailable if the address cannot be bound.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, const Certificate* certificate, Handler handler,
                                               AtOnce at_once = {}, BodyGate gate = {});
  ~Server();  // calls stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  // Uses `certificate` for all connections accepted from now on. Fails with kInvalid if it is unusable; the present
  // one then stays. REQUIRES: the server was started with a certificate.
  Result<void> set_certificate(const Certificate& certificate);

  // Stops listening, lets requests in progress finish for stop_grace, then fires their stop tokens (client_left()
  // stays false), closes every connection, waits until nobody holds an exchange, and joins the threads. Blocks as
  // long as that takes: it must not be called by a handler. A second call waits for the first one and then does
  // nothing.
  void stop();

  struct Stats {
    std::size_t connections = 0;
    std::size_t requests = 0;      // exchanges that somebody still holds
    std::size_t body_bytes = 0;    // of the bodies that are read or handled
    std::size_t answer_bytes = 0;  // of the answers that wait to be sent
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::gateway
