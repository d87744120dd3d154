// JWTs as bearer tokens: the issuer's keys, fetched and kept.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "gateway/auth.h"
#include "gateway/jwt.h"

namespace modelrun::gateway {

// Fetches a URL; blocks.
using Fetch = std::function<Result<std::string>(const std::string& url, std::stop_token stop)>;

// By way of the one HTTP client there is, with the system's trusted certificates.
Fetch https_fetch();

// Thread-safe. The clock must outlive it. Keys are fetched when the first token comes, again every ten minutes, and
// when a token names one that is not there; never more than once in thirty seconds, whatever is asked. Keys that were
// had stay good while the issuer cannot be reached.
class JwtAuthenticator final : public Authenticator {
 public:
  JwtAuthenticator(JwtIssuer issuer, Fetch fetch, const Clock& clock)
      : issuer_(std::move(issuer)), fetch_(std::move(fetch)), clock_(clock) {}
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;

 private:
  // The keys, as fresh as they must be. `missing`: one was not there.
  Result<nlohmann::json> keys(bool missing, const std::stop_token& stop);

  const JwtIssuer issuer_;
  const Fetch fetch_;
  const Clock& clock_;
  std::mutex mutex_;               // guards all that follows; held while keys are fetched, so that one fetch serves all
  nlohmann::json keys_;            // null: none yet
  std::optional<Time> fetched_;    // the last success
  std::optional<Time> attempted_;  // the last try
};

}  // namespace modelrun::gateway
