// The Transport that speaks HTTP and HTTPS with the client of cpprestsdk. No other folder includes that library.
#pragma once

#include <memory>

#include "kube/config.h"
#include "kube/transport.h"

namespace modelrun::kube {

// Makes a transport for the server and the credentials of `config`, which it copies. It does not connect yet.
// kInvalid when the server's URL, the CA or the client certificate cannot be used; kInternal when OpenSSL has no
// memory.
//
// The transport is thread-safe. It keeps connections open between requests; streams have connections of their own. No
// call may be in progress when it is destroyed. It sends a request again by itself only when the server has surely
// not executed it: when a pooled connection turns out to be closed, and once with a new token after 401.
//
// The library has two threads, which end with the process: a worker, which the first call of this function starts,
// and Boost.Asio's resolver. The worker carries out all exchanges of all transports.
Result<std::unique_ptr<Transport>> make_cpprest_transport(const Config& config);

}  // namespace modelrun::kube
