// Fake clocks whose time changes only when a test calls advance().
#pragma once

#include <atomic>
#include <chrono>
#include <iterator>
#include <set>

#include "base/clock.h"
#include "base/mutex.h"
#include "runtime/steady_clock.h"

namespace modelrun::fakes {

// Thread-safe. The time starts at 2026-01-01T00:00:00Z.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return start_ + Duration{passed_.load()}; }
  void advance(Duration span) { passed_ += span.count(); }

 private:
  Time start_ = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
  std::atomic<Duration::rep> passed_{0};
};

// Thread-safe. The time starts one hour after the clock's epoch. wait() polls: a waiting thread notices advance()
// after about a millisecond of real time.
class ManualSteadyClock final : public runtime::SteadyClock {
 public:
  [[nodiscard]] Point now() const override { return Point{Span{passed_.load()}}; }
  void advance(Span span) { passed_ += span.count(); }

  bool wait(Mutex& mutex, CondVar& changed, std::optional<Point> deadline, std::stop_token stop,
            const std::function<bool()>& ready) REQUIRES(mutex) override {
    if (deadline) remember(*deadline);
    while (!ready() && !stop.stop_requested() && !(deadline && now() >= *deadline)) {
      changed.wait_for(mutex, stop, std::chrono::milliseconds{1}, ready);
    }
    if (deadline) forget(*deadline);
    return ready();
  }

  // Returns the number of threads that wait for a deadline in the future. A test polls this before it calls advance()
  // again, so that the clock does not run ahead of threads that have not yet noticed the previous call.
  [[nodiscard]] int waiting() const {
    const MutexLock lock(mutex_);
    return static_cast<int>(std::distance(deadlines_.upper_bound(now()), deadlines_.end()));
  }

 private:
  void remember(Point deadline) {
    const MutexLock lock(mutex_);
    deadlines_.insert(deadline);
  }
  void forget(Point deadline) {
    const MutexLock lock(mutex_);
    deadlines_.erase(deadlines_.find(deadline));
  }

  std::atomic<Span::rep> passed_{std::chrono::duration_cast<Span>(std::chrono::hours{1}).count()};
  mutable Mutex mutex_;
  std::multiset<Point> deadlines_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::fakes
