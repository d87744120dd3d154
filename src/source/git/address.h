// Decides which IP addresses git may connect to. A host name is resolved once and every address is checked. The
// checked addresses are then pinned for git (http.curloptResolve, see git.h), so that a second answer of the name
// server cannot lead to another address (DNS rebinding).
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/lookup.h"

namespace modelrun::source {

enum class AddressKind {
  kPublic,   // unicast on the public internet
  kPrivate,  // loopback, RFC 1918, RFC 6598, fc00::/7: a git server of one's own network may be here
  kNever,    // link-local, metadata services of clouds (in any range), multicast, unspecified, reserved, documentation
};

// Classifies a numeric IPv4 or IPv6 address, which is given without brackets. An IPv4-mapped or NAT64 (64:ff9b::/96)
// address has the kind of the IPv4 address in it. The other IPv6 forms that carry an IPv4 address (compatible, 6to4,
// Teredo) are kNever. Text that is not an address is kNever too. Pure.
AddressKind address_kind(std::string_view address);

// Resolves `host` by `lookup` and checks every address. Returns at least one address. Errors: those of `lookup`;
// kUnavailable when there is no address; kDenied when any of the addresses is kNever, or is kPrivate and
// `allow_private` is false. One bad address refuses the host, even if the others are good.
Result<std::vector<std::string>> resolve_checked(const Lookup& lookup, const std::string& host, bool allow_private,
                                                 std::chrono::milliseconds timeout, std::stop_token stop);

}  // namespace modelrun::source
