// The HTTP/1.1 server: connections, limits and time-outs. What is answered is the Handler's business.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "gateway/http.h"

namespace modelrun::gateway {

struct Certificate {
  std::string chain_pem;
  std::string key_pem;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any; port() tells
  int io_threads = 2;
  int workers = 16;  // threads that handle requests
  // Requests that are with a worker or wait for one; one more is answered 503. Those that only wait for a run, and so
  // hold no worker, do not count.
  int max_requests = 1'024;
  std::size_t max_connections = 4'096;
  std::size_t max_header_bytes = 16U << 10U;
  std::size_t max_body_bytes = 1U << 20U;
  std::size_t max_bodies_bytes = 64U << 20U;   // of all requests together
  std::size_t max_unsent_bytes = 256U << 10U;  // of one stream; then send() blocks
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};  // between requests
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds write_timeout{30'000};  // without progress
  std::chrono::milliseconds stop_grace{20'000};     // requests that are under way get this long when the server stops
};

// Owns its threads and sockets. All methods are thread-safe.
class Server {
 public:
  // Listens when it returns; over TLS when there is a certificate. kInvalid for a bad certificate, kUnavailable when
  // the address cannot be had.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, const Certificate* certificate, Handler handler,
                                               AtOnce at_once = {});
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  // For connections made from now on. On failure the old one stays. REQUIRES: started with a certificate.
  Result<void> set_certificate(const Certificate& certificate);

  // Stops listening, lets requests finish for stop_grace, then ends them (client_left() stays false), closes every
  // connection, waits until nobody holds an exchange, and joins the threads. A second call waits for the first.
  void stop();

  struct Stats {
    std::size_t connections = 0;
    std::size_t requests = 0;  // whose answers are not complete
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::gateway
