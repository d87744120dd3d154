#include "net/rate_limit.h"

#include <algorithm>

#include "base/mutex.h"

namespace modelrun::net {

double RateLimit::level_at(const Bucket& bucket, Point now) const {
  const double passed = std::max(0.0, std::chrono::duration<double>(now - bucket.at).count());
  return std::min(options_.burst, bucket.level + passed * options_.per_second);
}

std::chrono::nanoseconds RateLimit::until_one(double level) const {
  constexpr double kDay = 86'400;
  if (level >= 1) return {};
  const auto seconds = std::chrono::duration<double>(std::min((1 - level) / options_.per_second, kDay));
  return std::chrono::ceil<std::chrono::nanoseconds>(seconds);
}

bool RateLimit::take(std::string_view name, Point now) {
  return reserve(name, {}, now).has_value();
}

std::optional<std::chrono::nanoseconds> RateLimit::reserve(std::string_view name, std::chrono::nanoseconds patience,
                                                           Point now) {
  const MutexLock lock(mutex_);
  const std::string key(name);
  if (buckets_.size() >= options_.max_names && !buckets_.contains(key)) make_room(now);
  auto& bucket = buckets_.try_emplace(key, Bucket{options_.burst, now}).first->second;
  bucket.level = level_at(bucket, now);
  bucket.at = now;
  const auto wait = until_one(bucket.level);
  if (wait > patience) return std::nullopt;
  bucket.level -= 1;
  return wait;
}

bool RateLimit::can_reserve(std::string_view name, std::chrono::nanoseconds patience, Point now) const {
  const MutexLock lock(mutex_);
  const auto found = buckets_.find(std::string(name));
  return found == buckets_.end() || until_one(level_at(found->second, now)) <= patience;
}

void RateLimit::give_back(const std::string& name, double tokens) {
  const MutexLock lock(mutex_);
  const auto found = buckets_.find(name);
  if (found != buckets_.end()) found->second.level = std::min(options_.burst, found->second.level + tokens);
}

void RateLimit::make_room(Point now) {
  std::erase_if(buckets_, [&](const auto& entry) { return level_at(entry.second, now) >= options_.burst; });
  if (buckets_.size() >= options_.max_names) buckets_.clear();
}

}  // namespace modelrun::net
