// Bearer tokens in HTTP (RFC 6750).
#pragma once

#include <optional>
#include <string_view>

namespace modelrun::net {

// The token of "Bearer TOKEN"; nothing for anything else, nor for one of more than 16 KiB.
std::optional<std::string_view> parse_bearer(std::string_view authorization);

}  // namespace modelrun::net
