// A small HTTP/1.1 server for /healthz, /readyz and /metrics. Not for the world: bounded, unencrypted, GET only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::runtime {

struct HttpAnswer {
  int status = 200;
  std::string body{};
  std::string content_type = "text/plain; charset=utf-8";
};

// `target` is the request target with its query, as it came: "/readyz?verbose".
using HttpHandler = std::function<HttpAnswer(std::string_view target)>;

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // "0.0.0.0" or "::" for all interfaces
  std::uint16_t port = 0;             // 0: any free one
  int max_connections = 32;           // more are closed at once
  std::size_t max_header_bytes = 8192;
  std::chrono::milliseconds header_timeout{5'000};
  std::chrono::milliseconds idle_timeout{30'000};
};

// Owns one thread, which calls the handler; the handler must be quick. Exceptions of the handler become 500.
class HttpServer {
 public:
  // Listens when it returns. kExists or kUnavailable when the port cannot be had, kInvalid for a bad address.
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpHandler handler);
  ~HttpServer();  // closes all connections and joins
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace modelrun::runtime
