// The run server: sources out, orders out, results in. HTTP/1.1 over TLS; the contract is in api/sandbox.h.
//
// Order of the checks of a request: leading (503), path and method (404, 405), bearer token (401), namespace (403),
// then the body, then the handler. So nothing is read from, or held for, a stranger but one header.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "runserver/handler.h"

namespace modelrun::runserver {

struct ServerOptions {
  std::string address = "0.0.0.0";
  std::uint16_t port = 8443;  // 0: any; port() tells
  int io_threads = 2;
  int work_threads = 4;  // authenticate() and decoding of results
  std::size_t max_connections = 2'000;
  std::size_t max_header_bytes = 16U << 10U;
  std::size_t max_queued_work = 1'000;  // requests waiting for a work thread; more are answered 503

  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};    // between requests of a connection
  std::chrono::milliseconds header_timeout{10'000};  // from the first byte of a request to the end of its header
  std::chrono::milliseconds body_timeout{60'000};
  std::chrono::milliseconds handler_timeout{60'000};  // claim and submit; then 503
  std::chrono::milliseconds write_timeout{30'000};    // without progress
  std::chrono::milliseconds control_wait{25'000};     // then 204
  std::chrono::milliseconds stop_grace{5'000};        // open requests get this long when the server stops
};

// Owns its threads and sockets. All methods are thread-safe. `authenticator` and `handler` must outlive the server;
// they are not called after stop() has returned (calls that have begun end first).
class Server {
 public:
  // Listens when it returns. kInvalid for a bad certificate or key, kUnavailable when the address cannot be had.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, const std::string& certificate_chain_pem,
                                               const std::string& key_pem, Authenticator& authenticator,
                                               Handler& handler);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  // For connections made from now on; the open ones keep theirs. On failure the old one stays.
  Result<void> set_certificate(const std::string& certificate_chain_pem, const std::string& key_pem);

  // Stops listening, answers waiting control requests 204, lets the other requests finish for stop_grace, then closes
  // every connection and joins the threads. A second call waits for the first.
  void stop();

  struct Stats {
    std::size_t connections = 0;            // open now
    std::uint64_t requests = 0;             // answered
    std::uint64_t refused_connections = 0;  // over max_connections
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::runserver
