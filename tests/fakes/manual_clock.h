// Clocks that stand still until a test moves them.
#pragma once

#include <atomic>
#include <chrono>
#include <iterator>
#include <mutex>
#include <set>

#include "base/clock.h"
#include "runtime/steady_clock.h"

namespace modelrun::fakes {

// Thread-safe. Begins at 2026-01-01T00:00:00Z.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return start_ + Duration{passed_.load()}; }
  void advance(Duration span) { passed_ += span.count(); }

 private:
  Time start_ = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
  std::atomic<Duration::rep> passed_{0};
};

// Thread-safe. Waiters notice advance() within a millisecond of real time.
class ManualSteadyClock final : public runtime::SteadyClock {
 public:
  [[nodiscard]] Point now() const override { return Point{Span{passed_.load()}}; }
  void advance(Span span) { passed_ += span.count(); }

  bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable_any& changed, std::optional<Point> deadline,
            std::stop_token stop, const std::function<bool()>& ready) override {
    if (deadline) remember(*deadline);
    while (!ready() && !stop.stop_requested() && !(deadline && now() >= *deadline)) {
      changed.wait_for(lock, stop, std::chrono::milliseconds{1}, ready);
    }
    if (deadline) forget(*deadline);
    return ready();
  }

  // How many threads wait for a deadline that has not come yet. A test spins on this before it advances, so that the
  // clock never runs ahead of threads that have not noticed the last move.
  [[nodiscard]] int waiting() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::distance(deadlines_.upper_bound(now()), deadlines_.end()));
  }

 private:
  void remember(Point deadline) {
    const std::lock_guard lock(mutex_);
    deadlines_.insert(deadline);
  }
  void forget(Point deadline) {
    const std::lock_guard lock(mutex_);
    deadlines_.erase(deadlines_.find(deadline));
  }

  std::atomic<Span::rep> passed_{std::chrono::duration_cast<Span>(std::chrono::hours{1}).count()};
  mutable std::mutex mutex_;
  std::multiset<Point> deadlines_;  // guarded by mutex_
};

}  // namespace modelrun::fakes
