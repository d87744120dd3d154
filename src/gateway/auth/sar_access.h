// Access by SubjectAccessReview or LocalSubjectAccessReview: the API server's authorizers (as a rule RBAC) decide what
// a caller is allowed to do.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/timed_cache.h"
#include "gateway/auth/identity.h"
#include "kube/client.h"

namespace modelrun::gateway {

// Thread-safe. Keeps a reference to the client, which must outlive it. Both answers, "allowed" and "not allowed", are
// remembered for `remembered`, by user, uid, groups and action; failures are not. A change of the caller's rights
// thus takes effect after that time at the latest. A question without a user or a namespace is answered "not allowed"
// without asking. If the gateway itself may not create the reviews, allowed() fails with kUnavailable.
class SarAccess final : public Access {
 public:
  // Which review asks. The local one is created in the namespace that the question is about, so that the gateway needs
  // no right over the whole cluster.
  enum class Review { kCluster, kLocal };

  explicit SarAccess(kube::Client& client, Review review = Review::kCluster,
                     std::chrono::milliseconds remembered = std::chrono::seconds(10))
      : client_(client), review_(review), known_(remembered, kMaxKnown) {}
  Result<bool> allowed(const Identity& who, const ResourceAttributes& action, std::stop_token stop) override;
  std::optional<bool> remembered(const Identity& who, const ResourceAttributes& action) override;

 private:
  static constexpr std::size_t kMaxKnown = 50'000;
  kube::Client& client_;
  const Review review_;
  TimedCache<bool> known_;
};

// Allows everything. Used when authentication is off.
class AllowAll final : public Access {
 public:
  Result<bool> allowed(const Identity&, const ResourceAttributes&, std::stop_token) override { return true; }
  std::optional<bool> remembered(const Identity&, const ResourceAttributes&) override { return true; }
};

// Allows nothing outside of the given namespaces, without asking; asks `inner` about all others. With it a gateway that
// watches some namespaces answers about any other as it does about one that the caller may not see. Thread-safe.
class ScopedAccess final : public Access {
 public:
  // `inner` must not be null, and `namespaces` not empty.
  ScopedAccess(std::unique_ptr<Access> inner, std::vector<std::string> namespaces)
      : inner_(std::move(inner)), namespaces_(namespaces.begin(), namespaces.end()) {}
  Result<bool> allowed(const Identity& who, const ResourceAttributes& action, std::stop_token stop) override {
    if (!namespaces_.contains(action.namespace_)) return false;
    return inner_->allowed(who, action, std::move(stop));
  }
  std::optional<bool> remembered(const Identity& who, const ResourceAttributes& action) override {
    if (!namespaces_.contains(action.namespace_)) return false;
    return inner_->remembered(who, action);
  }

 private:
  const std::unique_ptr<Access> inner_;
  const std::set<std::string, std::less<>> namespaces_;
};

}  // namespace modelrun::gateway
