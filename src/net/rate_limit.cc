#include "net/rate_limit.h"

#include <algorithm>

#include "base/mutex.h"

namespace modelrun::net {

double RateLimit::level_at(const Bucket& bucket, Point now) const {
  const double passed = std::max(0.0, std::chrono::duration<double>(now - bucket.at).count());
  return std::min(options_.burst, bucket.level + passed * options_.per_second);
}

bool RateLimit::take(std::string_view name, Point now) {
  const MutexLock lock(mutex_);
  const std::string key(name);
  if (buckets_.size() >= options_.max_names && !buckets_.contains(key)) make_room(now);
  auto& bucket = buckets_.try_emplace(key, Bucket{options_.burst, now}).first->second;
  bucket.level = level_at(bucket, now);
  bucket.at = now;
  if (bucket.level < 1) return false;
  bucket.level -= 1;
  return true;
}

bool RateLimit::has(std::string_view name, Point now) const {
  const MutexLock lock(mutex_);
  const auto found = buckets_.find(std::string(name));
  return found == buckets_.end() || level_at(found->second, now) >= 1;
}

void RateLimit::give_back(const std::string& name) {
  const MutexLock lock(mutex_);
  const auto found = buckets_.find(name);
  if (found != buckets_.end()) found->second.level = std::min(options_.burst, found->second.level + 1);
}

void RateLimit::make_room(Point now) {
  const auto full = std::chrono::duration<double>(options_.burst / options_.per_second);
  std::erase_if(buckets_, [&](const auto& entry) { return now - entry.second.at >= full; });
  if (buckets_.size() >= options_.max_names) buckets_.clear();
}

}  // namespace modelrun::net
