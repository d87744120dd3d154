// Which Host and Origin headers are accepted. This protects a gateway that only the user's browser can reach against
// web pages of other sites that send it requests (DNS rebinding and cross-site requests). All functions are pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelrun::gateway {

// Returns the host of "example.com:8443" or "[::1]:80" in lower case, without the port; an IPv6 address keeps its
// brackets. Returns nullopt if the text is not a host with an optional port.
std::optional<std::string> host_of(std::string_view authority);

struct OriginPolicy {
  // In the form that host_of() returns. "localhost", "127.0.0.1" and "[::1]" are allowed even if they are not listed.
  std::vector<std::string> hosts;

  // True if the value of a Host header names an allowed host, with any port.
  [[nodiscard]] bool host_allowed(std::string_view host_header) const;
  // True if the value of an Origin header is http or https with an allowed host, with any port. The Origin "null" is
  // not allowed.
  [[nodiscard]] bool origin_allowed(std::string_view origin_header) const;
};

// Whether an IP address, without brackets, is a loopback address: 127.0.0.0/8 or "::1". REQUIRES: a valid IP address;
// names such as "localhost" give false.
bool is_loopback(std::string_view address);

}  // namespace modelrun::gateway
