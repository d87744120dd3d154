// JWTs as bearer tokens: the issuer's keys, fetched and kept.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "gateway/auth.h"
#include "gateway/https_fetch.h"
#include "gateway/jwt.h"

namespace modelrun::gateway {

// Thread-safe. The clock must outlive it. Keys are fetched when the first token comes, again after `issuer.refresh`,
// and when a token names one that is not there; never more than once in thirty seconds (or `refresh`, if that is
// shorter), whatever is asked. Keys that were had stay good while the issuer cannot be reached, for a day at most.
// While one caller fetches, others go by the keys that are there.
class JwtAuthenticator final : public Authenticator {
 public:
  JwtAuthenticator(JwtIssuer issuer, Fetch fetch, const Clock& clock)
      : issuer_(std::move(issuer)), fetch_(std::move(fetch)), clock_(clock) {}
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;

 private:
  using Keys = std::shared_ptr<const nlohmann::json>;
  // The keys, as fresh as they must be. `missing`: one was not there. kUnavailable: there are none, or they are being
  // fetched and the caller needs the new ones.
  Result<Keys> keys(bool missing, const std::stop_token& stop);
  [[nodiscard]] bool may_fetch(Time now) const;  // mutex_ is held
  // Discovery, where no URL was given, and the keys.
  [[nodiscard]] Result<nlohmann::json> fetch_keys() const;

  const JwtIssuer issuer_;
  const Fetch fetch_;
  const Clock& clock_;
  std::mutex mutex_;  // guards all that follows; not held while keys are fetched
  std::condition_variable_any changed_;
  bool fetching_ = false;
  Keys keys_;                      // null: none yet
  std::optional<Time> fetched_;    // the last success
  std::optional<Time> attempted_;  // the last try
};

}  // namespace modelrun::gateway
