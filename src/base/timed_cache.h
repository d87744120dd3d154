// Remembers answers for a short time, such as the identity behind a token.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"

namespace modelrun {

// At most `max` values by key, each for `remembered` after the time that put() is told. When it is full, values that
// have expired make room; if none has, the new value is not kept. Thread-safe.
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

  // `asked`: when the question was asked that `value` answers; the answer cannot be newer.
  void put(const std::string& key, Value value, Point asked) {
    const MutexLock lock(mutex_);
    if (values_.size() >= max_) std::erase_if(values_, [&](const auto& entry) { return entry.second.until <= asked; });
    if (values_.size() < max_) values_.insert_or_assign(key, Entry{std::move(value), asked + remembered_});
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
};

}  // namespace modelrun
