// API tokens: "mrt_" and 256 random bits. Of each a Secret in the gateway's namespace keeps the SHA-256, the subject,
// its groups, the namespace of its projects and when it expires; the token itself is shown once, to whoever made it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/auth.h"
#include "gateway/token_cache.h"
#include "kube/client.h"

namespace modelrun::gateway {

inline constexpr std::string_view kTokenPrefix = "mrt_";
// Before subject and groups of every API token, so that none can take the name of somebody else's.
inline constexpr std::string_view kTokenUserPrefix = "modelrun-token:";

// The name follows from the token, so that finding it takes no list.
std::string token_secret_name(std::string_view token_sha256);

// Pure. The Secret for a token that is being made, and what it says when it is read again. kDenied: expired, or not the
// Secret of this token; kInvalid: not such a Secret.
struct TokenGrant {
  std::string subject;
  std::vector<std::string> groups;
  std::string namespace_;
  std::optional<Time> expires;
};
nlohmann::json token_secret(std::string_view namespace_, std::string_view token_sha256, const TokenGrant& grant);
Result<Identity> token_identity(const nlohmann::json& secret, std::string_view token_sha256, Time now);

// Thread-safe. Client and clock must outlive it.
class ApiTokens final : public Authenticator {
 public:
  ApiTokens(kube::Client& client, std::string secrets_namespace, const Clock& clock)
      : client_(client), namespace_(std::move(secrets_namespace)), clock_(clock) {}
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;

 private:
  kube::Client& client_;
  const std::string namespace_;
  const Clock& clock_;
  TokenCache cache_;
};

}  // namespace modelrun::gateway
