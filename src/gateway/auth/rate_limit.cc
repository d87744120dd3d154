#include "gateway/auth/rate_limit.h"

#include <algorithm>

#include "base/mutex.h"

namespace modelrun::gateway {

bool RateLimit::take(std::string_view name, Point now) {
  const MutexLock lock(mutex_);
  const std::string key(name);
  if (buckets_.size() >= options_.max_names && !buckets_.contains(key)) make_room(now);
  auto& bucket = buckets_.try_emplace(key, Bucket{options_.burst, now}).first->second;
  const double passed = std::max(0.0, std::chrono::duration<double>(now - bucket.at).count());
  bucket.level = std::min(options_.burst, bucket.level + passed * options_.per_second);
  bucket.at = now;
  if (bucket.level < 1) return false;
  bucket.level -= 1;
  return true;
}

void RateLimit::make_room(Point now) {
  const auto full = std::chrono::duration<double>(options_.burst / options_.per_second);
  std::erase_if(buckets_, [&](const auto& entry) { return now - entry.second.at >= full; });
  if (buckets_.size() >= options_.max_names) buckets_.clear();
}

}  // namespace modelrun::gateway
