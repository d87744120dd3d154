// A small HTTP/1.1 server for /healthz, /readyz and /metrics. It is meant for kubelet and Prometheus, not for the
// public: it has no TLS and no authentication, answers only GET and HEAD (405 to others), and accepts no request
// bodies.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::runtime {

struct ProbeAnswer {
  int status = 200;
  std::string body{};
  std::string content_type = "text/plain; charset=utf-8";
};

// `target` is the request target with its query, as received: "/readyz?verbose". HEAD requests get the same answer
// without the body.
using ProbeHandler = std::function<ProbeAnswer(std::string_view target)>;

struct ProbeServerOptions {
  std::string address = "127.0.0.1";                // "0.0.0.0" or "::" for all interfaces
  std::uint16_t port = 0;                           // 0: any free port
  int max_connections = 32;                         // further connections are closed at once
  std::size_t max_header_bytes = 8192;              // larger headers are answered 413
  std::chrono::milliseconds header_timeout{5'000};  // for a connection's first request, and for writing an answer
  std::chrono::milliseconds idle_timeout{30'000};   // for each following request, from the end of the answer before it
};

// Owns one thread, which serves all connections and calls the handler, so the handler must return soon. What the
// handler uses must outlive the server. A std::exception from the handler is logged and answered 500.
class ProbeServer {
 public:
  // Starts the server; it is listening when this returns. kExists when the port is in use, kUnavailable when it
  // cannot be listened on for another reason, kInvalid when `address` is not an IP address.
  static Result<std::unique_ptr<ProbeServer>> start(ProbeServerOptions options, ProbeHandler handler);
  ~ProbeServer();  // closes all connections and joins the thread
  ProbeServer(const ProbeServer&) = delete;
  ProbeServer& operator=(const ProbeServer&) = delete;

  // The port that the server listens on.
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  explicit ProbeServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::runtime
