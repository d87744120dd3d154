// Remembers deletions for a while, so that a late message about a deleted object is recognised as outdated.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/object_meta.h"
#include "runtime/steady_clock.h"

namespace modelrun::runtime {

// Not thread-safe. add() forgets deletions that are older than ten minutes, and the oldest ones beyond 10,000.
class Tombstones {
 public:
  static constexpr std::chrono::minutes kKeep{10};
  static constexpr std::size_t kMax = 10'000;

  // `clock` must outlive this object; null means real time.
  explicit Tombstones(const SteadyClock* clock = nullptr) : clock_(clock) {}

  // Records that the object with this key and UID is deleted as of `resource_version`.
  void add(std::string_view key, std::string_view uid, std::uint64_t resource_version);
  // True when the object that `meta` describes is known to be deleted, or is older than the recorded deletion of an
  // object with the same key.
  [[nodiscard]] bool covers(const api::ObjectMeta& meta) const;
  [[nodiscard]] std::size_t size() const { return graves_.size(); }

 private:
  struct Grave {
    std::string uid;
    std::uint64_t resource_version = 0;
    std::uint64_t serial = 0;
  };
  struct Line {
    SteadyClock::Point when;
    std::uint64_t serial = 0;
    std::string key;
  };
  [[nodiscard]] SteadyClock::Point now() const;
  void forget_old();

  const SteadyClock* clock_;
  std::unordered_map<std::string, Grave> graves_;  // the latest deletion for each key
  std::deque<Line> line_;                          // oldest first
  std::uint64_t next_serial_ = 0;
};

}  // namespace modelrun::runtime
