// What a server of ours offers to its clients: TLS 1.2 or later, one certificate, no tickets.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "base/error.h"

namespace modelrun::net {

// PEM; the chain begins with the server's own certificate. kInvalid: they cannot be used, or do not belong together.
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const std::string& chain, const std::string& key);

}  // namespace modelrun::net
