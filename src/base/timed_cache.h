// Remembers answers for a short time, such as the identity behind a token.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"

namespace modelrun {

// At most `max` values by key, each for `remembered` after the time that put() is told. put() forgets the values that
// have expired once in `remembered`, so that the cache holds what came lately and not what fits; and, when it is full,
// once a second (or in an eighth of `remembered` if that is shorter). A new key is not kept if there is no room.
// Thread-safe.
template <class Value>
class TimedCache {
 public:
  using Point = std::chrono::steady_clock::time_point;

  TimedCache(std::chrono::milliseconds remembered, std::size_t max) : remembered_(remembered), max_(max) {}

  // Nullopt when there is no value, or it has expired.
  [[nodiscard]] std::optional<Value> find(const std::string& key) const {
    const MutexLock lock(mutex_);
    const auto found = values_.find(key);
    if (found == values_.end() || std::chrono::steady_clock::now() >= found->second.until) return std::nullopt;
    return found->second.value;
  }

  // `asked`: when the question was asked that `value` answers; the answer cannot be newer. If the key has the answer to
  // a later question, that one stays.
  void put(const std::string& key, Value value, Point asked) {
    const MutexLock lock(mutex_);
    const Point until = asked + remembered_;
    if (const auto known = values_.find(key); known != values_.end()) {
      if (known->second.until <= until) known->second = Entry{std::move(value), until};
      return;
    }
    const auto pause = values_.size() < max_
                           ? remembered_
                           : std::min<std::chrono::milliseconds>(remembered_ / 8, std::chrono::seconds(1));
    if (asked >= last_sweep_ + pause) {
      last_sweep_ = asked;
      std::erase_if(values_, [&](const auto& entry) { return entry.second.until <= asked; });
    }
    if (values_.size() < max_) values_.emplace(key, Entry{std::move(value), until});
  }

  // Values that are held, expired ones included.
  [[nodiscard]] std::size_t size() const {
    const MutexLock lock(mutex_);
    return values_.size();
  }

 private:
  struct Entry {
    Value value;
    Point until;
  };
  const std::chrono::milliseconds remembered_;
  const std::size_t max_;
  mutable Mutex mutex_;
  std::unordered_map<std::string, Entry> values_ GUARDED_BY(mutex_);
  Point last_sweep_ GUARDED_BY(mutex_){};
};

}  // namespace modelrun
