// How an issuer's documents are fetched.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "base/error.h"

namespace modelrun::gateway {

// Fetches an https URL; blocks. Only a 2xx answer is a success.
using Fetch = std::function<Result<std::string>(const std::string& url, std::stop_token stop)>;

struct FetchLimits {
  std::size_t bytes = std::size_t{1} << 20U;
  std::chrono::milliseconds time{5'000};  // for the whole exchange, however the server spreads it
};

// By way of the one HTTP client there is. `ca_file`: PEM, read each time, the only authority that is trusted then;
// empty: the system's. No redirect is followed.
Fetch https_fetch(std::string ca_file, FetchLimits limits = {});

}  // namespace modelrun::gateway
