// Authenticates the pods that call the run server: asks the API server, by a TokenReview with the audience of the run
// server (api::kTokenAudience), which pod a token belongs to.
#pragma once

#include <chrono>
#include <string>

#include "base/timed_cache.h"
#include "kube/client.h"
#include "runserver/handler.h"

namespace modelrun::op {

// Succeeds unless the API server forbids the operator to create TokenReviews; then fails with kDenied and says what to
// do. Any other failure is a success, since it says nothing about rights. Blocks.
Result<void> may_review_tokens(kube::Client& client, std::stop_token stop);

// Thread-safe. A positive answer is remembered for ten seconds, under the SHA-256 of the token, because a pod makes
// several requests within its first ten seconds. A revoked token stays valid for up to that time. A refusal is
// remembered for five seconds. Keeps a reference to the client, which must outlive it.
class TokenAuthenticator final : public runserver::PodAuthenticator {
 public:
  explicit TokenAuthenticator(kube::Client& client) : client_(client) {}
  // Blocks. kDenied when the token is not accepted, not for the audience, or not bound to a pod. kUnavailable when the
  // operator itself may not create TokenReviews, so that pods try again. Otherwise fails like
  // kube::Client::token_review.
  Result<runserver::PodIdentity> authenticate(std::string_view bearer_token, std::stop_token stop) override;
  std::optional<Result<runserver::PodIdentity>> remembered(std::string_view bearer_token) override;

 private:
  static constexpr std::size_t kMaxKnown = 10'000;
  kube::Client& client_;
  // By the token's digest. What is refused has a table of its own, so that it cannot fill that of the others.
  TimedCache<runserver::PodIdentity> known_{std::chrono::seconds(10), kMaxKnown};
  TimedCache<bool> refused_{std::chrono::seconds(5), kMaxKnown};
  TimedCache<bool> logged_{std::chrono::minutes(1), 1};  // that the right to create TokenReviews is missing
};

}  // namespace modelrun::op
