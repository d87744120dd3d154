// Which Host and Origin are served: the guard against pages that make a browser talk to a gateway it can reach. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modelrun::gateway {

// "example.com:8443" and "[::1]:80" without the port, in lower case; nothing for what is no host.
std::optional<std::string> host_of(std::string_view authority);

struct OriginPolicy {
  std::vector<std::string> hosts;  // in lower case, without ports; loopback names always are among them

  [[nodiscard]] bool host_allowed(std::string_view host_header) const;
  // An Origin of one of the hosts, with http or https. "null" is none.
  [[nodiscard]] bool origin_allowed(std::string_view origin_header) const;
};

bool is_loopback(std::string_view address);

}  // namespace modelrun::gateway
