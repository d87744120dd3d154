// Service-account tokens of this cluster, by TokenReview.
#pragma once

#include <string>
#include <string_view>

#include "gateway/auth.h"
#include "gateway/token_cache.h"
#include "kube/client.h"

namespace modelrun::gateway {

struct ReviewOptions {
  std::string audience = "modelrun.dev/gateway";  // the token must be made for us: never one that is good elsewhere
  std::string issuer;                             // the cluster's own; tokens of others are not shown to it. Empty: all
};

// A claim of a JWT, not verified; empty when it is no JWT or has no such text.
std::string unverified_issuer(std::string_view token);

// Thread-safe. Client and clock must outlive it.
class TokenReview final : public Authenticator {
 public:
  TokenReview(kube::Client& client, ReviewOptions options, const Clock& clock)
      : client_(client), options_(std::move(options)), clock_(clock) {}
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;

 private:
  kube::Client& client_;
  const ReviewOptions options_;
  const Clock& clock_;
  TokenCache cache_;
};

}  // namespace modelrun::gateway
