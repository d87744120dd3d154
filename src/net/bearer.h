// Bearer tokens in the Authorization header of HTTP requests (RFC 6750 section 2.1). Thread-safe.
#pragma once

#include <optional>
#include <string_view>

namespace modelrun::net {

// Returns the token of a header value "Bearer TOKEN". The scheme is case-insensitive, exactly one space follows it,
// and the token consists of the characters of b64token. Returns nullopt for any other value and for a value of more
// than 16 KiB (16,384 bytes, with the scheme). The result refers to the memory of `authorization`.
std::optional<std::string_view> parse_bearer(std::string_view authorization);

}  // namespace modelrun::net
