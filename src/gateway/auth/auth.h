// Authentication: the interface that finds the identity that a bearer token belongs to, and a chain of
// implementations.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gateway/auth/identity.h"

namespace modelrun::gateway {

// Checks bearer tokens of one kind. Implementations are thread-safe. Tokens never appear in errors or logs.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // Returns the identity that `token` proves. May block. Fails with kNotFound if the token is of another kind, which
  // another authenticator may know; with kDenied if it is of this kind but not valid, expired or revoked; with any
  // other kind (as a rule kUnavailable) if it cannot be checked at present.
  virtual Result<Identity> authenticate(std::string_view token, std::stop_token stop) = 0;
  // The identity that an earlier check of `token` found, if it is still in memory and has not expired. Returns
  // nullopt if the token must be checked by authenticate(). Does not block.
  virtual std::optional<Identity> remembered(std::string_view /*token*/) { return std::nullopt; }
};

// Asks each link in turn and returns the first result that is not kNotFound. Fails with kDenied if no link knows the
// token's kind. The links must not be null.
class AuthenticatorChain final : public Authenticator {
 public:
  explicit AuthenticatorChain(std::vector<std::unique_ptr<Authenticator>> links) : links_(std::move(links)) {}
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;
  std::optional<Identity> remembered(std::string_view token) override;

 private:
  std::vector<std::unique_ptr<Authenticator>> links_;
};

}  // namespace modelrun::gateway
