#include "controller/owed_events.h"

#include <algorithm>

#include "runtime/backoff.h"

namespace modelrun::controller {
namespace {

constexpr runtime::BackoffOptions kOfOneEvent{.initial = std::chrono::seconds(1), .max = std::chrono::minutes(5)};
constexpr runtime::BackoffOptions kOfTheSink{.initial = std::chrono::seconds(1), .max = std::chrono::minutes(1)};
// While the call is under way that shows whether the sink is back.
constexpr std::chrono::seconds kProbeWait{1};

}  // namespace

Duration OwedEvents::owed_for(const std::string& uid, Duration by_wall_clock) {
  const MutexLock lock(mutex_);
  const auto now = clock_.now();
  const auto since = now - std::max(by_wall_clock, Duration::zero());
  return std::chrono::duration_cast<Duration>(now - owed_.try_emplace(uid, Owed{since}).first->second.since);
}

Duration OwedEvents::failed(const std::string& uid) {
  const MutexLock lock(mutex_);
  const auto found = owed_.find(uid);
  if (found == owed_.end()) return Duration::zero();
  const Duration delay = runtime::backoff_delay(kOfOneEvent, found->second.failures);
  if (found->second.failures < 64) ++found->second.failures;
  std::uniform_int_distribution<Duration::rep> more(0, delay.count() / 2);
  return delay + Duration(more(random_));
}

void OwedEvents::accept(const std::string& uid, Time at) {
  const MutexLock lock(mutex_);
  if (const auto found = owed_.find(uid); found != owed_.end()) found->second.accepted = at;
}

std::optional<Time> OwedEvents::accepted(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto found = owed_.find(uid);
  return found == owed_.end() ? std::nullopt : found->second.accepted;
}

void OwedEvents::forget(const std::string& uid) {
  const MutexLock lock(mutex_);
  owed_.erase(uid);
}

OwedEvents::Counts OwedEvents::counts() const {
  const MutexLock lock(mutex_);
  Counts counts{.owed = owed_.size()};
  const auto now = clock_.now();
  for (const auto& [uid, owed] : owed_) {
    counts.oldest = std::max(counts.oldest, std::chrono::duration_cast<Duration>(now - owed.since));
  }
  return counts;
}

Duration SinkPace::begin() {
  const MutexLock lock(mutex_);
  const auto now = clock_.now();
  if (now < not_before_) return std::chrono::ceil<Duration>(not_before_ - now);
  if (!is_down()) return Duration::zero();
  if (probing_) return kProbeWait;
  probing_ = true;
  return Duration::zero();
}

bool SinkPace::succeeded() {
  const MutexLock lock(mutex_);
  const bool was_down = is_down();
  if (was_down) not_before_ = {};  // else it is what the sink has asked for
  failures_ = 0;
  probing_ = false;
  return was_down;
}

bool SinkPace::failed(std::optional<Duration> retry_after) {
  const MutexLock lock(mutex_);
  const bool was_down = is_down();
  probing_ = false;
  failures_ = std::min(failures_ + 1, kFailuresAllowed + 64);
  Duration wait = retry_after.value_or(Duration::zero());
  if (is_down()) {
    const auto further = static_cast<std::uint32_t>(failures_ - kFailuresAllowed);
    wait = std::max<Duration>(wait, runtime::backoff_delay(kOfTheSink, further));
    if (!was_down) down_since_ = clock_.now();
  }
  not_before_ = std::max(not_before_, clock_.now() + wait);
  return is_down() && !was_down;
}

void SinkPace::leave() {
  const MutexLock lock(mutex_);
  probing_ = false;
}

Duration SinkPace::down_for() const {
  const MutexLock lock(mutex_);
  return is_down() ? std::chrono::duration_cast<Duration>(clock_.now() - down_since_) : Duration::zero();
}

}  // namespace modelrun::controller
