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
#include <memory>
#include <string>

#include "base/error.h"
#include "gateway/http/http.h"

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
  // has returned, such as a call that waits for a run, does not count.
  int max_requests = 1'024;
  std::size_t max_connections = 4'096;        // one more is closed at once
  std::size_t max_header_bytes = 16U << 10U;  // of one request; more is answered with 431
  std::size_t max_body_bytes = 1U << 20U;     // of one request; more is answered with 413
  // Of all requests that are read or handled, taken together; more is answered with 503. A chunked body counts as
  // max_body_bytes.
  std::size_t max_bodies_bytes = 64U << 20U;
  std::size_t max_unsent_bytes = 256U << 10U;  // of one event stream; HttpExchange::send() blocks from then on
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};  // without a request on a connection
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  // For one write: a whole answer, or everything that a stream had to send when the write began.
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds stop_grace{20'000};  // how long stop() lets requests in progress continue
};

// Owns its threads and sockets. All methods are thread-safe.
class Server {
 public:
  // Starts the threads and listens; the port is open when it returns. Serves TLS if `certificate` is not null (its
  // texts are not referred to afterwards), else plain HTTP. `at_once` may be empty. Whatever the functions refer to
  // must live until stop() has returned. Fails with kInvalid for an unusable certificate or an address that is no IP
  // address, and with kUnavailable if the address cannot be bound.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, const Certificate* certificate, Handler handler,
                                               AtOnce at_once = {});
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
    std::size_t requests = 0;  // exchanges that somebody still holds
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::gateway
