// Access by SubjectAccessReview: Kubernetes' own RBAC answers.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

#include "gateway/identity.h"
#include "kube/client.h"

namespace modelrun::gateway {

// Thread-safe. Answers are remembered for ten seconds, by the whole identity and question; failures are not. The client
// must outlive it.
class SarAccess final : public Access {
 public:
  explicit SarAccess(kube::Client& client, std::chrono::milliseconds remembered = std::chrono::seconds(10))
      : client_(client), remembered_(remembered) {}
  Result<bool> allowed(const Identity& who, const Action& action, std::stop_token stop) override;
  std::optional<bool> remembered(const Identity& who, const Action& action) override;

 private:
  std::optional<bool> known(const std::string& key);
  struct Answer {
    bool allowed = false;
    std::chrono::steady_clock::time_point until;
  };
  kube::Client& client_;
  const std::chrono::milliseconds remembered_;
  std::mutex mutex_;
  std::unordered_map<std::string, Answer> known_;  // guarded by mutex_
};

// Yes to everything: authentication is off.
class AllowAll final : public Access {
 public:
  Result<bool> allowed(const Identity&, const Action&, std::stop_token) override { return true; }
  std::optional<bool> remembered(const Identity&, const Action&) override { return true; }
};

}  // namespace modelrun::gateway
