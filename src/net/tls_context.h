// The TLS settings that the servers of this project share.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "base/error.h"

namespace modelrun::net {

// Returns a server context for TLS 1.2 or later with one certificate, without renegotiation, compression and session
// tickets (RFC 5077), and without a cache of sessions: nothing is kept of a connection that has ended. `chain` is PEM
// and begins with the server's own certificate; `key` is the unencrypted private key in PEM. Both are copied. Any
// number of connections, on any threads, may share the context. Returns kInvalid when one of the two cannot be used or
// when the key is not that of the certificate.
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const std::string& chain, const std::string& key);

}  // namespace modelrun::net
