// Asks the API server whose token it is (TokenReview), with our audience.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "kube/client.h"
#include "runserver/handler.h"

namespace modelrun::op {

// Thread-safe. A yes is remembered for ten seconds, under the token's digest: a pod makes several requests within its
// first.
class TokenAuthenticator final : public runserver::Authenticator {
 public:
  explicit TokenAuthenticator(kube::Client& client) : client_(client) {}
  Result<runserver::PodIdentity> authenticate(std::string_view bearer_token, std::stop_token stop) override;

 private:
  struct Known {
    runserver::PodIdentity pod;
    std::chrono::steady_clock::time_point until;
  };
  kube::Client& client_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;  // guarded by mutex_
};

}  // namespace modelrun::op
