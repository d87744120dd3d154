// Authentication by JWTs of one issuer: fetches the issuer's keys (a JWK set, RFC 7517), keeps them, and verifies
// tokens.
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "gateway/auth/auth.h"
#include "gateway/auth/https_fetch.h"
#include "gateway/auth/jwt.h"

namespace modelrun::gateway {

// Thread-safe. Keeps a reference to the clock, which must outlive it.
//
// Keys are fetched when the first token arrives, when they are older than `issuer.refresh`, and when a token names a
// key that is missing. There are at least thirty seconds between two attempts (five while no keys are known yet), or
// `issuer.refresh` if that is shorter, whatever tokens arrive. If the issuer cannot be reached, the present keys stay
// valid for up to a day after the last successful fetch. One caller fetches and blocks meanwhile; others use the
// present keys, or wait up to two seconds if there are none or they need a missing one.
//
// authenticate() fails with kNotFound if the token is no JWT or names another issuer, with kDenied if it does not
// pass verify_jwt() or its key stays missing, and with kUnavailable if there are no valid keys or the wait for them
// ran out. Identities are not remembered: remembered() always returns nullopt.
class JwtAuthenticator final : public Authenticator {
 public:
  JwtAuthenticator(JwtIssuer issuer, Fetch fetch, const Clock& clock)
      : issuer_(std::move(issuer)), fetch_(std::move(fetch)), clock_(clock) {}
  Result<Identity> authenticate(std::string_view token, std::stop_token stop) override;

 private:
  using Keys = std::shared_ptr<const nlohmann::json>;
  // Returns the keys and fetches them first if that is due. `missing` says that the caller needs a key that is not
  // among them. Fails with kUnavailable if there are no valid keys, or if another caller still fetches keys that this
  // one needs.
  Result<Keys> keys(bool missing, const std::stop_token& stop);
  [[nodiscard]] bool may_fetch(Time now) const REQUIRES(mutex_);  // mutex_ is held
  // Fetches the keys, after OpenID Connect Discovery if the issuer has no `jwks_url`.
  [[nodiscard]] Result<nlohmann::json> fetch_keys() const;

  const JwtIssuer issuer_;
  const Fetch fetch_;
  const Clock& clock_;
  Mutex mutex_;  // not held while keys are fetched
  CondVar changed_;
  bool fetching_ GUARDED_BY(mutex_) = false;
  Keys keys_ GUARDED_BY(mutex_);                      // null: none yet
  std::optional<Time> fetched_ GUARDED_BY(mutex_);    // when the last successful fetch began; set if keys_ is
  std::optional<Time> attempted_ GUARDED_BY(mutex_);  // when the last fetch began
};

}  // namespace modelrun::gateway
