// Limits the rate of requests, with one token bucket for each name (a user, or a group of addresses).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"

namespace modelrun::net {

struct RateOptions {
  double per_second = 20;  // tokens that a bucket gains; must be positive
  double burst = 60;       // tokens that a bucket can hold; a new one is full
  // The number of buckets that are kept. To make room for another one, all buckets that must be full again are
  // dropped; if there is none, all buckets are.
  std::size_t max_names = 10'000;
};

// Thread-safe; does not block.
class RateLimit {
 public:
  using Point = std::chrono::steady_clock::time_point;

  explicit RateLimit(RateOptions options) : options_(options) {}
  // Takes one token from the bucket of `name`. Returns false, and takes nothing, if the bucket holds less than one.
  bool take(std::string_view name, Point now = std::chrono::steady_clock::now());
  // Whether take() would return true. Takes nothing.
  [[nodiscard]] bool has(std::string_view name, Point now = std::chrono::steady_clock::now()) const;
  // Gives back a token that take() took.
  void give_back(std::string_view name);

 private:
  struct Bucket {
    double level = 0;
    Point at;
  };
  void make_room(Point now) REQUIRES(mutex_);
  [[nodiscard]] double level_at(const Bucket& bucket, Point now) const;

  const RateOptions options_;
  mutable Mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::net
