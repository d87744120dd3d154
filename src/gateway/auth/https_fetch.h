// Fetches the documents of a token issuer over HTTPS.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace modelrun::gateway {

// Fetches an https URL and returns the body of the answer. Blocks. Any status but 2xx is an error.
using Fetch = std::function<Result<std::string>(const std::string& url, std::stop_token stop)>;

struct FetchLimits {
  std::size_t bytes = std::size_t{1} << 20U;  // of the body of an answer, whatever its status
  std::chrono::milliseconds time{5'000};      // for the whole exchange, even if bytes keep arriving
};

// Returns a Fetch that uses the HTTP client of kube/cpprest. It is thread-safe and follows no redirects. `ca_file`
// names a PEM file, which is read at each fetch; its certificates are then the only authorities that are trusted.
// When empty, the system's are. A fetch fails with kInvalid if that file cannot be read or used, with kTimeout and
// kTooLarge beyond `limits`, with kUnavailable for a status that is not 2xx, and else with the errors of
// kube::Transport, of which kCancelled means that `stop` was requested. REQUIRES: is_https_url(url) (oidc.h) for each
// URL that is fetched.
Fetch https_fetch(std::string ca_file, FetchLimits limits = {});

}  // namespace modelrun::gateway
