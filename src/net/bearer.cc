#include "net/bearer.h"

#include <algorithm>

#include "base/text.h"

namespace modelrun::net {
namespace {

constexpr std::size_t kMaxSize = 16U << 10U;

// The characters of b64token (RFC 6750 section 2.1). A JWT is a b64token, too.
bool is_token_char(char c) {
  return (lower_case(c) >= 'a' && lower_case(c) <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<std::string_view> parse_bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size() || authorization.size() > kMaxSize) return std::nullopt;
  if (!equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const auto token = authorization.substr(kScheme.size());
  return std::ranges::all_of(token, is_token_char) ? std::optional(token) : std::nullopt;
}

}  // namespace modelrun::net
