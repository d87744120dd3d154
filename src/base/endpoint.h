// Parses "ADDRESS:PORT", the form in which command-line flags name where a server listens.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace modelrun {

struct Endpoint {
  std::string address;  // without the brackets of an IPv6 address
  std::uint16_t port = 0;
};

// Parses for example "0.0.0.0:9443" or "[::1]:80". The port is what follows the last colon: a decimal number from 0
// to 65535. Returns kInvalid when the port is missing or not such a number, or when the address is empty. The address
// is not checked any further: listening on it fails later if it is not an IP address.
Result<Endpoint> parse_endpoint(const std::string& text);

}  // namespace modelrun
