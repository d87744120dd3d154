// How long ago each run ended, by a clock that nobody can set.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "runtime/steady_clock.h"

namespace modelrun::controller {

// Of runs that have ended and whose Job is kept for a while. Thread-safe. Keeps a reference to the clock.
class EndTimes {
 public:
  explicit EndTimes(const runtime::SteadyClock& clock) : clock_(clock) {}

  // How long ago the run ended. With the first call for the run that is `by_wall_clock`, which other machines may have
  // had a part in, but at least zero; from then on it grows with the steady clock.
  Duration since_end(const std::string& uid, Duration by_wall_clock) {
    const MutexLock lock(mutex_);
    const auto now = clock_.now();
    const auto ended = now - std::max(by_wall_clock, Duration::zero());
    return std::chrono::duration_cast<Duration>(now - ended_.try_emplace(uid, ended).first->second);
  }
  void forget(const std::string& uid) {
    const MutexLock lock(mutex_);
    ended_.erase(uid);
  }

 private:
  const runtime::SteadyClock& clock_;
  mutable Mutex mutex_;
  std::map<std::string, runtime::SteadyClock::Point> ended_ GUARDED_BY(mutex_);  // by run UID
};

}  // namespace modelrun::controller
