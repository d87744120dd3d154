// Who a bearer token belongs to.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gateway/identity.h"

namespace modelrun::gateway {

// Thread-safe. Blocks. No token ever stands in an error or a log.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // kNotFound: no token of this kind, ask the next; kDenied: of this kind, but not valid, expired or revoked;
  // kUnavailable, kTimeout, kThrottled: could not be checked now.
  virtual Result<Identity> authenticate(std::string_view token, std::stop_token stop) = 0;
  // Whose token it was a moment ago, if it has not expired since; does not block. Nothing: it would have to be checked.
  virtual std::optional<Identity> remembered(std::string_view /*token*/) { return std::nullopt; }
};

// Asks one after the other until one knows the token's kind. kDenied when none does.
class AuthenticatorChain final : public Authenticator {
 public:
  explicit AuthenticatorChain(std::vector<std::unique_ptr<Authenticator>> links) : links_(std::move(links)) {}
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;
  std::optional<Identity> remembered(std::string_view token) override;

 private:
  std::vector<std::unique_ptr<Authenticator>> links_;
};

}  // namespace modelrun::gateway
