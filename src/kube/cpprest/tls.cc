#include "kube/cpprest/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/mutex.h"

namespace modelrun::kube {
namespace {

template <class T, void (*F)(T*)>
struct Freer {
  void operator()(T* pointer) const { F(pointer); }
};
using BioPtr = std::unique_ptr<BIO, Freer<BIO, BIO_free_all>>;
using CertPtr = std::unique_ptr<X509, Freer<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;

BioPtr reader(const std::string& pem) {
  return BioPtr{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
}

std::string openssl_reason() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "no certificate in it" : reason;
}

Result<void> trust(SSL_CTX* context, const std::string& ca_pem) {
  if (ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  // A CA file may hold only an intermediate certificate. Go's verifier, which kubectl uses, accepts that as a root,
  // so it is accepted here too.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  const auto bio = reader(ca_pem);
  int count = 0;
  while (const CertPtr cert{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(store, cert.get());
    ++count;
  }
  if (count == 0) return fail(ErrorKind::kInvalid, "CA certificate: {}", openssl_reason());
  ERR_clear_error();  // OpenSSL records the end of the file as an error
  return {};
}

Result<void> present(SSL_CTX* context, const std::string& cert_pem, const std::string& key_pem) {
  const auto bio = reader(cert_pem);
  const CertPtr leaf{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return fail(ErrorKind::kInvalid, "client certificate: {}", openssl_reason());
  }
  while (const CertPtr next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    SSL_CTX_add1_chain_cert(context, next.get());
  }
  ERR_clear_error();
  const auto key_bio = reader(key_pem);
  const KeyPtr key{PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr)};
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return fail(ErrorKind::kInvalid, "client key: {}", openssl_reason());
  }
  return {};
}

}  // namespace

Result<TlsSettings::ContextPtr> TlsSettings::build(const std::string& cert_pem, const std::string& key_pem) const {
  ContextPtr context{SSL_CTX_new(TLS_client_method())};
  if (!context) return fail(ErrorKind::kInternal, "TLS: {}", openssl_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Frees the record buffers, which take 34 KiB, while a connection is idle.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  RETURN_IF_ERROR(trust(context.get(), ca_pem_));
  if (!cert_pem.empty()) {
    RETURN_IF_ERROR(present(context.get(), cert_pem, key_pem));
  }
  return context;
}

Result<std::shared_ptr<TlsSettings>> TlsSettings::make(const Config& config) {
  std::shared_ptr<TlsSettings> settings{new TlsSettings(config.ca_pem)};
  auto context = settings->build(config.client_cert_pem, config.client_key_pem);
  RETURN_IF_ERROR(context);
  const MutexLock lock(settings->mutex_);
  settings->cert_pem_ = config.client_cert_pem;
  settings->context_ = std::move(*context);
  return settings;
}

Result<void> TlsSettings::use_certificate(const std::string& cert_pem, const std::string& key_pem) {
  const MutexLock lock(mutex_);
  if (cert_pem == cert_pem_) return {};
  auto context = build(cert_pem, key_pem);
  RETURN_IF_ERROR(context);
  context_ = std::move(*context);
  cert_pem_ = cert_pem;
  return {};
}

void TlsSettings::apply(boost::asio::ssl::context& context) {
  const MutexLock lock(mutex_);
  SSL_CTX_up_ref(context_.get());
  context = boost::asio::ssl::context(context_.get());
}

}  // namespace modelrun::kube
