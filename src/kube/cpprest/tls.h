// The TLS settings that all connections of one transport share. Private to kube/cpprest.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "kube/config.h"

namespace modelrun::kube {

// Thread-safe. cpprestsdk makes an SSL context for every connection; here each of them is the same one, which is
// cheaper and trusts our CA alone.
class TlsSettings {
 public:
  // kInvalid when the CA or the certificate with its key cannot be used.
  static Result<std::shared_ptr<TlsSettings>> make(const Config& config);

  // Takes another client certificate for the connections made from now on. Does nothing if it is the same.
  Result<void> use_certificate(const std::string& cert_pem, const std::string& key_pem);
  // Replaces the context that cpprestsdk has made for one connection.
  void apply(boost::asio::ssl::context& context);

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  using ContextPtr = std::unique_ptr<SSL_CTX, Free>;

  explicit TlsSettings(std::string ca_pem) : ca_pem_(std::move(ca_pem)) {}
  [[nodiscard]] Result<ContextPtr> build(const std::string& cert_pem, const std::string& key_pem) const;

  const std::string ca_pem_;
  std::mutex mutex_;  // guards all that follows
  std::string cert_pem_;
  ContextPtr context_;
};

// While one lives, OpenSSL's SSL_CTX_set_default_verify_paths does nothing on this thread. cpprestsdk calls it for
// every new connection, which reads the system's whole CA bundle, if there is one: 49 ms measured, for a context that
// TlsSettings::apply throws away.
class WithoutDefaultTrust {
 public:
  WithoutDefaultTrust();
  ~WithoutDefaultTrust();
  WithoutDefaultTrust(const WithoutDefaultTrust&) = delete;
  WithoutDefaultTrust& operator=(const WithoutDefaultTrust&) = delete;
};

}  // namespace modelrun::kube
