#include "gateway/auth.h"

#include <algorithm>

namespace modelrun::gateway {
namespace {

constexpr std::size_t kMaxToken = 16U << 10U;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_token_char(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

}  // namespace

Result<Identity> AuthenticatorChain::authenticate(std::string_view token, std::stop_token stop) {
  for (const auto& link : links_) {
    auto identity = link->authenticate(token, stop);
    if (identity || identity.error().kind != ErrorKind::kNotFound) return identity;
  }
  return fail(ErrorKind::kDenied, "this token is of no kind that is accepted here");
}

std::optional<Identity> AuthenticatorChain::remembered(std::string_view token) {
  for (const auto& link : links_) {
    if (auto identity = link->remembered(token)) return identity;
  }
  return std::nullopt;
}

std::optional<std::string_view> parse_bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size() || authorization.size() > kMaxToken) return std::nullopt;
  if (!std::ranges::equal(authorization.substr(0, kScheme.size()), kScheme, {}, lower)) return std::nullopt;
  const auto token = authorization.substr(kScheme.size());
  return std::ranges::all_of(token, is_token_char) ? std::optional(token) : std::nullopt;
}

}  // namespace modelrun::gateway
