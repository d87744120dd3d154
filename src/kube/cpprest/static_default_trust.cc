// In place of default_trust.cc in static programs. The linker's --wrap has every call of the function come here, those
// in the archives of libcpprest and OpenSSL included.
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdlib>

#include "kube/cpprest/default_trust.h"

constinit thread_local bool modelrun::kube::without_default_trust = false;

namespace {

// Debian's OpenSSL looks in /usr/lib/ssl, which only Debian's package openssl fills. Where it is not there, the bundle
// is in one of these places.
constexpr const char* kBundles[] = {
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // the same, newer
    "/etc/ssl/ca-bundle.pem",                             // SUSE
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Arch, Gentoo
    "/etc/ssl/cert.pem",                                  // Alpine
};

bool is_there(const char* path) {
  return ::access(path, R_OK) == 0;
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): the names that --wrap makes.
extern "C" int __real_SSL_CTX_set_default_verify_paths(SSL_CTX* context);

extern "C" int __wrap_SSL_CTX_set_default_verify_paths(SSL_CTX* context) {
  if (modelrun::kube::without_default_trust) return 1;
  const int done = __real_SSL_CTX_set_default_verify_paths(context);
  // Whoever sets these says where the certificates are.
  if (std::getenv(X509_get_default_cert_file_env()) != nullptr) return done;
  if (std::getenv(X509_get_default_cert_dir_env()) != nullptr) return done;
  if (is_there(X509_get_default_cert_file()) || is_there(X509_get_default_cert_dir())) return done;
  for (const char* bundle : kBundles) {
    if (is_there(bundle)) return SSL_CTX_load_verify_locations(context, bundle, nullptr);
  }
  return done;
}
// NOLINTEND(bugprone-reserved-identifier)
