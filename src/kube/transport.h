// The interface by which requests reach the API server. The implementation for HTTPS is in kube/cpprest; tests/fakes
// has others.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string_view>

#include "base/error.h"
#include "kube/request.h"

namespace modelrun::kube {

// Receives one piece of a body. The view is valid during the call only. Return false to end the stream. It is never
// called after stream() has returned.
using OnData = std::function<bool(std::string_view)>;

// Thread-safe. Both methods block. Any HTTP answer, including 404 or 500, is a Response. An Error means that there
// was no complete answer:
//   kUnavailable  there is no connection, or it broke
//   kTimeout      the answer, or the credential, did not come in time
//   kCancelled    `stop` was requested
//   kDenied       no credential could be obtained
//   kTooLarge     the body exceeds the implementation's limit (kube/cpprest: 64 MiB when the body is not streamed)
//   kInvalid      the request cannot be sent: its path is not a URI, or a plugin's client certificate cannot be used
// After kTimeout, and after kUnavailable from a broken connection, a write may have been carried out: read the object
// before repeating the write. A requested stop takes effect within milliseconds, except while the call waits for a
// credential that another thread is obtaining (TokenSource in config.h).
class Transport {
 public:
  virtual ~Transport() = default;

  // Returns the whole answer; kTimeout when it is not there `request.timeout` after the call.
  virtual Result<Response> send(const Request& request, std::stop_token stop) = 0;

  // Hands the body of a 2xx answer to `on_data` piece by piece, on the caller's thread. Returns the Response without
  // a body when the server ends the answer or `on_data` returns false. Any other answer is returned whole, and
  // `on_data` is not called. kTimeout when no byte arrives for `idle_timeout`, which counts for the headers too.
  // Ignores `request.timeout`.
  virtual Result<Response> stream(const Request& request, std::chrono::milliseconds idle_timeout, const OnData& on_data,
                                  std::stop_token stop) = 0;
};

}  // namespace modelrun::kube
