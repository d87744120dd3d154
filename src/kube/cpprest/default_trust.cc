#include "kube/cpprest/default_trust.h"

#include <dlfcn.h>
#include <openssl/ssl.h>

constinit thread_local bool modelrun::kube::without_default_trust = false;

// Replaces OpenSSL's function of this name for the shared libraries of this process too, because the dynamic linker
// looks for symbols in the program first.
extern "C" int SSL_CTX_set_default_verify_paths(SSL_CTX* context) {
  if (modelrun::kube::without_default_trust) return 1;
  using Function = int (*)(SSL_CTX*);
  static const auto original = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "SSL_CTX_set_default_verify_paths"));
  return original == nullptr ? 0 : original(context);
}
