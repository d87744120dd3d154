// Access by SubjectAccessReview: the API server's authorizers (as a rule RBAC) decide what a caller is allowed to do.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/
#pragma once

#include <chrono>
#include <string>

#include "base/timed_cache.h"
#include "gateway/auth/identity.h"
#include "kube/client.h"

namespace modelrun::gateway {

// Thread-safe. Keeps a reference to the client, which must outlive it. Both answers, "allowed" and "not allowed", are
// remembered for `remembered`, by user, uid, groups and action; failures are not. A change of the caller's rights
// thus takes effect after that time at the latest. A question without a user or a namespace is answered "not allowed"
// without asking. If the gateway itself may not create SubjectAccessReviews, allowed() fails with kUnavailable.
class SarAccess final : public Access {
 public:
  explicit SarAccess(kube::Client& client, std::chrono::milliseconds remembered = std::chrono::seconds(10))
      : client_(client), known_(remembered, kMaxKnown) {}
  Result<bool> allowed(const Identity& who, const ResourceAttributes& action, std::stop_token stop) override;
  std::optional<bool> remembered(const Identity& who, const ResourceAttributes& action) override;

 private:
  static constexpr std::size_t kMaxKnown = 50'000;
  kube::Client& client_;
  TimedCache<bool> known_;
};

// Allows everything. Used when authentication is off.
class AllowAll final : public Access {
 public:
  Result<bool> allowed(const Identity&, const ResourceAttributes&, std::stop_token) override { return true; }
  std::optional<bool> remembered(const Identity&, const ResourceAttributes&) override { return true; }
};

}  // namespace modelrun::gateway
