// Authentication by service-account tokens of this cluster, which the API server checks (TokenReview).
// Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "gateway/auth/auth.h"
#include "gateway/auth/token_cache.h"
#include "kube/client.h"
#include "kube/transport.h"

namespace modelrun::gateway {

struct ReviewOptions {
  // The audience that a token must have been issued for. It is the gateway's own, so that a token that is valid
  // elsewhere is not accepted here.
  std::string audience = "modelrun.dev/gateway";
  std::string issuer;  // of the cluster's service-account tokens; empty: found when the first token arrives
};

// Returns the issuer of the cluster's service-account tokens. Blocks.
using FindIssuer = std::function<Result<std::string>(std::stop_token stop)>;
// A FindIssuer that reads the OpenID Connect discovery document which the API server publishes, within five seconds.
// Fails with kUnavailable if the server refuses the request or the document names no issuer, and else with the errors
// of kube::Transport.
Result<std::string> published_issuer(kube::Transport& server, std::stop_token stop);

// The claim `iss` of a JWT whose signature has not been verified. Empty if `token` is no JWT or `iss` is no string.
std::string unverified_issuer(std::string_view token);

// Thread-safe. Keeps references to the client and the clock, which must outlive it. A token is sent to the API server
// only if its issuer is the cluster's, so tokens meant for others are not disclosed to it. Identities are remembered
// for ten seconds; a revoked token stays valid for up to that time. A refusal is remembered for kRefusalRemembered.
//
// authenticate() fails with kNotFound if the token is no JWT or has another issuer; with kDenied if it has expired or
// has no `exp`, if the API server refuses it or did not check the audience, or if its user is no service account; and
// with kUnavailable if the cluster's issuer is not known or the review failed.
class TokenReview final : public Authenticator {
 public:
  // If `options` has no issuer, `find_issuer` is called when a token arrives, at most once in ten seconds, until it
  // succeeds. Whatever it refers to must outlive this object.
  TokenReview(kube::Client& client, ReviewOptions options, const Clock& clock, FindIssuer find_issuer = {})
      : client_(client),
        audience_(std::move(options.audience)),
        clock_(clock),
        find_issuer_(std::move(find_issuer)),
        issuer_(std::move(options.issuer)) {}
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;
  std::optional<Identity> remembered(std::string_view token) override;

 private:
  // The cluster's issuer. Fails with kUnavailable if it is not known and cannot be found at present. May block.
  Result<std::string> issuer(const std::stop_token& stop);

  kube::Client& client_;
  const std::string audience_;
  const Clock& clock_;
  const FindIssuer find_issuer_;
  TokenCache cache_;
  RefusedTokens refused_{kRefusalRemembered, kMaxRefused};
  Mutex mutex_;  // not held while find_issuer_ runs
  CondVar changed_;
  bool finding_ GUARDED_BY(mutex_) = false;           // find_issuer_ runs
  std::string issuer_ GUARDED_BY(mutex_);             // empty: not known yet
  std::optional<Time> attempted_ GUARDED_BY(mutex_);  // when find_issuer_ was last called
};

}  // namespace modelrun::gateway
