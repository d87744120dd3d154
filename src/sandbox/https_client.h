// A small HTTP/1.1 client for the run server. It sends POST requests over TLS to one fixed address and opens a new
// connection for each request. It has no name resolution, redirects, proxies or keep-alive, so that nothing can send
// the bearer token to another host.
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "sandbox/io.h"

namespace modelrun::sandbox {

// A socket address with its size, ready for connect(2).
struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};
// Parses IP:PORT, for example "10.0.0.1:8443" or "[fd00::1]:8443". Fails with kInvalid for anything else. Pure.
Result<Endpoint> parse_endpoint(std::string_view text);

struct HttpRequest {
  std::string path;              // begins with '/'
  std::string token;             // sent as `Authorization: Bearer`; never logged
  std::string content_encoding;  // sent as `Content-Encoding`; empty for none
  std::string body;
};

struct HttpHead {
  int status = 0;
  std::string digest;          // the header api::kDigestHeader; empty when absent
  bool retry_at_once = false;  // the header api::kRetryHeader says so
};

// Reads the next bytes of a response's body into the span and returns their number, which is 0 only at the end of the
// body (or for an empty span). Fails as HttpsClient::post() does; kUnavailable when the connection ends too early.
using BodyReader = std::function<Result<std::size_t>(std::span<char>)>;
// Takes a response. `body` is valid during the call only, and need not be read to its end.
using ResponseHandler = std::function<Result<void>(const HttpHead& head, const BodyReader& body)>;

// Thread-safe after create(): any number of threads may call post() at the same time.
//
//   auto client = HttpsClient::create(endpoint, "run-server.example", ca_pem);
//   auto done = client->post({.path = "/v1/x", .token = token}, stop.fd(), std::chrono::seconds(10),
//                            [](const HttpHead& head, const BodyReader& body) -> Result<void> { ... });
class HttpsClient {
 public:
  // `name` is what the server's certificate must be issued for; it is also sent as SNI and as the Host header.
  // `ca_pem` holds one or more PEM certificates, and the server's certificate must chain to one of them. TLS 1.2 is
  // the minimum. Does not connect. Fails with kInvalid for an empty `name` or a `ca_pem` without certificates,
  // kInternal when OpenSSL fails.
  static Result<HttpsClient> create(const Endpoint& endpoint, const std::string& name, const std::string& ca_pem);

  // Sends one request and calls `handler` once, on this thread, as soon as the response's head has arrived, whatever
  // its status is. Returns what the handler returns. Blocks. `idle` limits each single wait for the peer (connect,
  // handshake, send, receive), not their sum. `stop` is a descriptor that interrupts every wait once it is readable;
  // -1 for none. Fails without calling the handler with kUnavailable (no connection, connection broken, TLS failed),
  // kTimeout (`idle` has passed), kCancelled (`stop` is readable), kInvalid (the response is not HTTP) or kInternal
  // (a system call or OpenSSL failed).
  Result<void> post(const HttpRequest& request, int stop, std::chrono::milliseconds idle,
                    const ResponseHandler& handler) const;

 private:
  struct ContextDeleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  HttpsClient(Endpoint endpoint, std::string name, SSL_CTX* context)
      : endpoint_(endpoint), name_(std::move(name)), context_(context) {}

  Endpoint endpoint_;
  std::string name_;
  std::unique_ptr<SSL_CTX, ContextDeleter> context_;
};

}  // namespace modelrun::sandbox
