// Resolves host names, with a time limit.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"

namespace modelrun {

// Resolves a host name to numeric addresses. An implementation must be thread-safe and must return soon after `stop`
// is requested or `timeout` has passed. Tests replace it.
using Lookup = std::function<Result<std::vector<std::string>>(const std::string& host,
                                                              std::chrono::milliseconds timeout, std::stop_token stop)>;

// The Lookup of the system (getaddrinfo). Thread-safe; blocks up to `timeout`. getaddrinfo cannot be interrupted, so
// it runs on a thread of its own. When the caller stops waiting, that thread is left behind and ends by the time-outs
// of the system's resolver.
//
// Errors: kUnavailable when the name cannot be resolved, kTimeout, kCancelled.
// A name that does not exist is kUnavailable and not kNotFound, because it may exist later.
Result<std::vector<std::string>> system_lookup(const std::string& host, std::chrono::milliseconds timeout,
                                               std::stop_token stop);

}  // namespace modelrun
