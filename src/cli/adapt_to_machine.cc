#include "cli/adapt_to_machine.h"

#include <nss.h>
#include <openssl/crypto.h>

namespace modelrun::cli {

void adapt_to_machine() {
  // glibc has these two built in. Others, such as mdns or resolve, are objects that it would load.
  __nss_configure_lookup("hosts", "files dns");
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
}

}  // namespace modelrun::cli
