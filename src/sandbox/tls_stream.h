// One TLS connection over a non-blocking socket. Every wait has a deadline and can be interrupted. An implementation
// detail of https_client.cc.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "sandbox/https_client.h"

namespace modelrun::sandbox {

// All calls block. They fail with kUnavailable (connection or TLS failed), kTimeout (one wait took longer than `idle`),
// kCancelled (`stop` is readable) or the errno of a system call as errno_error() maps it. Not thread-safe.
class TlsStream {
 public:
  // Connects to `endpoint` and performs the handshake. The server's certificate must be issued for `name`, which is
  // also sent as SNI. `stop` (a descriptor, -1 for none) and `idle` also apply to every later call; `stop` must stay
  // open. Fails with kInternal, too, when OpenSSL cannot set up the connection.
  static Result<TlsStream> open(SSL_CTX* context, const Endpoint& endpoint, const std::string& name, int stop,
                                std::chrono::milliseconds idle);

  // Sends all of `bytes`.
  Result<void> write(std::string_view bytes);
  // Reads at least one byte and returns the number of bytes read. Returns 0 only when the peer has ended the stream
  // with close_notify; a connection that ends without it is kUnavailable, because the data may have been truncated.
  Result<std::size_t> read(std::span<char> into);

 private:
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  TlsStream() = default;
  // Waits until the socket is ready for what OpenSSL needs after its call returned `result`.
  Result<void> wait(int result);

  UniqueFd socket_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  int stop_ = -1;
  std::chrono::milliseconds idle_{0};
};

}  // namespace modelrun::sandbox
