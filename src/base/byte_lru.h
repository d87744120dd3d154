// Values in memory, up to a number of bytes; those that were used least recently go first.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace modelrun {

// Holds about `max_bytes`, by the sizes that put() is told, and no value of more than `max_value` bytes. Not
// thread-safe. A pointer that find() returns is valid until the next call of put().
template <class Value>
class ByteLru {
 public:
  struct Entry {
    std::string key;
    Value value;
    std::size_t bytes = 0;
  };

  ByteLru(std::size_t max_bytes, std::size_t max_value) : max_bytes_(max_bytes), max_value_(max_value) {}

  // Null if there is no value of that key; else the value becomes the newest.
  Entry* find(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &entries_.front();
  }

  // Adds the value, in place of what the key has, and drops the oldest ones. A value that is too large, which would
  // push too many others out, is not kept; what the key has stays then.
  void put(std::string key, Value value, std::size_t bytes) {
    if (bytes > max_value_) return;
    if (find(key) != nullptr) drop(entries_.begin());
    bytes_ += bytes;
    entries_.push_front({std::move(key), std::move(value), bytes});
    by_key_[entries_.front().key] = entries_.begin();
    while (bytes_ > max_bytes_) drop(std::prev(entries_.end()));
  }

 private:
  using Place = std::list<Entry>::iterator;
  void drop(Place place) {
    bytes_ -= place->bytes;
    by_key_.erase(place->key);
    entries_.erase(place);
  }

  const std::size_t max_bytes_, max_value_;
  std::list<Entry> entries_;                            // newest first
  std::unordered_map<std::string_view, Place> by_key_;  // the keys point into Entry::key
  std::size_t bytes_ = 0;
};

}  // namespace modelrun
