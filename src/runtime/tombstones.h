// Remembers deletions for a while, so that late news of a deleted object is recognised.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "kube/object_meta.h"
#include "runtime/steady_clock.h"

namespace modelrun::runtime {

// Not thread-safe. Forgets after ten minutes, and the oldest first when there are more than 10,000.
class Tombstones {
 public:
  static constexpr std::chrono::minutes kKeep{10};
  static constexpr std::size_t kMax = 10'000;

  // `clock` null: real time. Must outlive this.
  explicit Tombstones(const SteadyClock* clock = nullptr) : clock_(clock) {}

  void add(std::string_view key, std::string_view uid, std::uint64_t resource_version);
  // The object described by `meta` is known to be deleted, or is older than one of the same name that is.
  [[nodiscard]] bool covers(const kube::ObjectMeta& meta) const;
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
  std::unordered_map<std::string, Grave> graves_;  // the latest of each key
  std::deque<Line> line_;                          // oldest first
  std::uint64_t next_serial_ = 0;
};

}  // namespace modelrun::runtime
