// "ADDRESS:PORT", as command lines give it.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace modelrun {

struct Endpoint {
  std::string address;  // without brackets
  std::uint16_t port = 0;
};

// "0.0.0.0:9443", "[::1]:80". Whether the address is one is for whoever listens there to find out.
Result<Endpoint> parse_endpoint(const std::string& text);

}  // namespace modelrun
