// Which addresses git may connect to. A name is resolved once, every address is checked, and the checked ones are
// pinned for git (http.curloptResolve), so that a second answer of the name server cannot lead elsewhere (DNS
// rebinding).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace modelrun::source {

enum class AddressKind {
  kPublic,   // unicast on the public internet
  kPrivate,  // loopback, RFC 1918, RFC 6598, fc00::/7: where a git server of one's own network may be
  kNever,    // link-local, the clouds' metadata services, multicast, unspecified, reserved, documentation
};

// Of a numeric IPv4 or IPv6 address without brackets. IPv6 forms that carry an IPv4 address are of its kind (mapped,
// NAT64) or kNever (compatible, 6to4, Teredo); so is anything that is not an address.
AddressKind address_kind(std::string_view address);

// Resolves a name to numeric addresses. Thread-safe; must return soon after `stop` or the time-out.
using Lookup = std::function<Result<std::vector<std::string>>(const std::string& host,
                                                              std::chrono::milliseconds timeout, std::stop_token stop)>;

// The system's resolver. getaddrinfo cannot be interrupted, so it runs on a thread of its own that is left behind when
// the caller stops waiting; the resolver's own time-outs end it. kNotFound is reported as kUnavailable: a name that is
// missing now may be there later.
Result<std::vector<std::string>> system_lookup(const std::string& host, std::chrono::milliseconds timeout,
                                               std::stop_token stop);

// Resolves and checks. kDenied as soon as one of the addresses is kNever, or kPrivate without `allow_private`; never
// empty.
Result<std::vector<std::string>> resolve_checked(const Lookup& lookup, const std::string& host, bool allow_private,
                                                 std::chrono::milliseconds timeout, std::stop_token stop);

}  // namespace modelrun::source
