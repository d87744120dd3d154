// Remembers for a short time which identity a token has proved, so that not every request needs a call to the API
// server.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/encoding.h"
#include "base/timed_cache.h"
#include "gateway/auth/identity.h"

namespace modelrun::gateway {

// Tokens that were refused, by their SHA-256, so that one that is shown again and again is not looked up each time.
using RefusedTokens = TimedCache<bool>;
inline constexpr std::chrono::seconds kRefusalRemembered{5};
inline constexpr std::size_t kMaxRefused = 10'000;  // while all of them are fresh, further ones are not remembered

// Thread-safe. Holds the SHA-256 of each token, never the token. A revoked token stays valid for up to `remembered`.
// Holds at most 10,000 entries; while all of them are fresh, further tokens are not remembered.
class TokenCache {
 public:
  explicit TokenCache(std::chrono::milliseconds remembered = std::chrono::seconds(10)) : known_(remembered, kMax) {}

  // The identity that was put() for `token`. Returns nullopt if there is none, if it is older than `remembered`, or
  // if the identity has expired at `wall`, the present wall-clock time.
  [[nodiscard]] std::optional<Identity> find(std::string_view token, Time wall) const {
    auto identity = known_.find(sha256_hex(token));
    if (identity && identity->expires && wall >= *identity->expires) return std::nullopt;
    return identity;
  }

  void put(std::string_view token, const Identity& identity) {
    known_.put(sha256_hex(token), identity, std::chrono::steady_clock::now());
  }

 private:
  static constexpr std::size_t kMax = 10'000;
  TimedCache<Identity> known_;
};

}  // namespace modelrun::gateway
