// API tokens (api/api_token.h) as bearer tokens.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "gateway/auth.h"
#include "gateway/token_cache.h"
#include "kube/client.h"

namespace modelrun::gateway {

// Pure. Who a token with this digest belongs to, by its Secret. kDenied: expired, or the Secret is not this token's;
// kInvalid: it is no such Secret.
Result<Identity> token_identity(const nlohmann::json& secret, std::string_view token_sha256, Time now);

// Thread-safe. Client and clock must outlive it. A token whose Secret was deleted is good for ten seconds more.
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
};

}  // namespace modelrun::gateway
