// Authentication by API tokens. Each token has a Secret, whose format is described in api/api_token.h.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "gateway/auth/auth.h"
#include "gateway/auth/token_cache.h"
#include "kube/client.h"

namespace modelrun::gateway {

// Returns the identity that `secret` grants to the token with this SHA-256 (64 hex digits). Fails with kDenied if the
// token has expired at `now` or the Secret belongs to another token, and with kInvalid if the object is no valid
// Secret of an API token. Pure.
Result<Identity> token_identity(const nlohmann::json& secret, std::string_view token_sha256, Time now);

// Checks tokens against the Secrets in one namespace. Thread-safe. Keeps references to the client and the clock,
// which must outlive it. Identities are remembered for ten seconds, so a token stays valid for up to ten seconds
// after its Secret was deleted; a refusal is remembered for kRefusalRemembered. authenticate() fails with kNotFound for
// a token without the prefix of API tokens, with kDenied for one that is malformed, unknown or expired, and with
// kUnavailable if the Secret cannot be read.
class ApiTokens final : public Authenticator {
 public:
  ApiTokens(kube::Client& client, std::string secrets_namespace, const Clock& clock)
      : client_(client), namespace_(std::move(secrets_namespace)), clock_(clock) {}
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;
  std::optional<Identity> remembered(std::string_view token) override;

 private:
  kube::Client& client_;
  const std::string namespace_;
  const Clock& clock_;
  TokenCache cache_;
  RefusedTokens refused_{kRefusalRemembered, kMaxRefused};
};

}  // namespace modelrun::gateway
