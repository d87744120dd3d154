// Token buckets by name: how much one caller may ask for.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace modelrun::gateway {

struct RateOptions {
  double per_second = 20;
  double burst = 60;
  std::size_t max_names = 10'000;  // when there are more, buckets that are full again are dropped; if none is, all are
};

// Thread-safe.
class RateLimit {
 public:
  using Point = std::chrono::steady_clock::time_point;

  explicit RateLimit(RateOptions options) : options_(options) {}
  // Takes one from `name`'s bucket; false when there is none.
  bool take(std::string_view name, Point now = std::chrono::steady_clock::now());

 private:
  struct Bucket {
    double level = 0;
    Point at;
  };
  void make_room(Point now);

  const RateOptions options_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // guarded by mutex_
};

}  // namespace modelrun::gateway
