// Identities of tokens that were good a moment ago.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/encoding.h"
#include "gateway/identity.h"

namespace modelrun::gateway {

// Thread-safe. Keeps digests, no token. So long a revoked token may still be good.
class TokenCache {
 public:
  explicit TokenCache(std::chrono::milliseconds remembered = std::chrono::seconds(10)) : remembered_(remembered) {}

  // Nothing either when the identity has expired at `wall`.
  [[nodiscard]] std::optional<Identity> find(std::string_view token, Time wall) {
    const auto digest = sha256_hex(token);
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(digest);
    if (found == known_.end() || std::chrono::steady_clock::now() >= found->second.until) return std::nullopt;
    const auto& identity = found->second.identity;
    return identity.expires && wall >= *identity.expires ? std::nullopt : std::optional(identity);
  }

  void put(std::string_view token, const Identity& identity) {
    const auto digest = sha256_hex(token);
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMax) std::erase_if(known_, [&](const auto& entry) { return entry.second.until <= now; });
    if (known_.size() < kMax) known_[digest] = {identity, now + remembered_};
  }

 private:
  static constexpr std::size_t kMax = 10'000;
  struct Entry {
    Identity identity;
    std::chrono::steady_clock::time_point until;
  };
  const std::chrono::milliseconds remembered_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> known_;  // guarded by mutex_
};

}  // namespace modelrun::gateway
