// A small HTTP/1.1 client for the run server: POST over TLS to one fixed address, one connection a request.
// No name look-up, no redirects, no proxies, no keep-alive: nothing that could take the token elsewhere.
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

// "10.0.0.1:8443" or "[fd00::1]:8443".
struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};
Result<Endpoint> parse_endpoint(std::string_view text);

struct HttpRequest {
  std::string path;
  std::string token;             // Authorization: Bearer; never logged
  std::string content_encoding;  // empty: none
  std::string body;
};

struct HttpHead {
  int status = 0;
  std::string digest;  // header api::kDigestHeader
};

// Reads the body of a response; 0 at its end. kUnavailable when the connection breaks before the announced end.
using BodyReader = std::function<Result<std::size_t>(std::span<char>)>;
using ResponseHandler = std::function<Result<void>(const HttpHead& head, const BodyReader& body)>;

// Thread-safe after create(). Errors: kUnavailable (no connection, broken, TLS failed), kTimeout, kCancelled (`stop`
// became readable), kInvalid (not HTTP), or what the handler returned.
class HttpsClient {
 public:
  // `name` must be in the server's certificate, which must lead to one of the certificates in `ca_pem`.
  static Result<HttpsClient> create(const Endpoint& endpoint, const std::string& name, const std::string& ca_pem);

  // `idle`: the longest wait for the peer at any step.
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
