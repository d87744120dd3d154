#include "gateway/auth/auth.h"

#include "api/service_account.h"

namespace modelrun::gateway {

std::string share_of(const Identity& caller) {
  const auto namespace_ = api::service_account_namespace(caller.user);
  return namespace_.empty() ? caller.user : fmt::format("{}{}", api::kServiceAccountUserPrefix, namespace_);
}

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

}  // namespace modelrun::gateway
