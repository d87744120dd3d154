// The TLS settings that all connections of one transport share. Private to kube/cpprest.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/mutex.h"
#include "kube/config.h"

namespace modelrun::kube {

// Thread-safe. cpprestsdk makes an SSL context for every connection; apply() replaces each of them by one shared
// context. That is cheaper, and the shared context trusts only the CAs of the Config (the system's trust store if it
// has none). TLS 1.2 is the lowest version. Whether certificates are verified at all is a setting of cpprestsdk's
// client.
class TlsSettings {
 public:
  // kInvalid when the CA, or the client certificate with its key, cannot be used; kInternal when OpenSSL has no
  // memory.
  static Result<std::shared_ptr<TlsSettings>> make(const Config& config);

  // Sets the client certificate for connections that are made from now on. Does nothing if the certificate is the
  // present one. Fails like make(), and then the present one stays in use.
  Result<void> use_certificate(const std::string& cert_pem, const std::string& key_pem);
  // Replaces the context that cpprestsdk has made for one connection by the shared one.
  void apply(boost::asio::ssl::context& context);

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  using ContextPtr = std::unique_ptr<SSL_CTX, Free>;

  explicit TlsSettings(std::string ca_pem) : ca_pem_(std::move(ca_pem)) {}
  [[nodiscard]] Result<ContextPtr> build(const std::string& cert_pem, const std::string& key_pem) const;

  const std::string ca_pem_;
  Mutex mutex_;
  std::string cert_pem_ GUARDED_BY(mutex_);
  ContextPtr context_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::kube
