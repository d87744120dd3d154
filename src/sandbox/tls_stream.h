// One TLS connection over a non-blocking socket; every wait has a deadline and can be interrupted. Used by
// https_client.cc.
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

class TlsStream {
 public:
  // Connects and shakes hands. `stop` and `idle` hold for every later call too.
  static Result<TlsStream> open(SSL_CTX* context, const Endpoint& endpoint, const std::string& name, int stop,
                                std::chrono::milliseconds idle);

  Result<void> write(std::string_view bytes);
  // 0 only after the peer has said that it is done (close_notify); a bare end of the connection is kUnavailable.
  Result<std::size_t> read(std::span<char> into);

 private:
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  TlsStream() = default;
  // Waits for what OpenSSL said it needs after `result`.
  Result<void> wait(int result);

  UniqueFd socket_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  int stop_ = -1;
  std::chrono::milliseconds idle_{0};
};

}  // namespace modelrun::sandbox
