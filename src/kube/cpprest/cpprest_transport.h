// The Transport that speaks HTTPS by way of cpprestsdk's client. No other folder includes that library.
#pragma once

#include <memory>

#include "kube/config.h"
#include "kube/transport.h"

namespace modelrun::kube {

// Thread-safe once made. Keeps connections open between requests; streams have connections of their own. The first call
// in a process starts the library's two threads, which end with the process. Errors: kInvalid when the server's URL,
// the CA or the client certificate cannot be used. Destroying it cancels what is in flight.
Result<std::unique_ptr<Transport>> make_cpprest_transport(const Config& config);

}  // namespace modelrun::kube
