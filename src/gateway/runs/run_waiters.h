// Wakes the calls that wait for a run or a sweep. One thread does it for all of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace modelrun::gateway {

// Thread-safe; no method blocks. Owns one thread, and makes all calls of `wake` on it. Runs and sweeps are named by
// their UIDs.
class RunWaiters {
 public:
  using Wake = std::function<void()>;

  RunWaiters();
  ~RunWaiters();  // waits for a call under way; those that still wait are not called
  RunWaiters(const RunWaiters&) = delete;
  RunWaiters& operator=(const RunWaiters&) = delete;

  // Calls `wake` once: at the next changed(uid), after `span`, or when `stop` fires, whichever is first. `wake` must
  // be short, since all waiting calls share the thread; it may call enter() again. Changes before enter() do not
  // count, so look at it after entering.
  void enter(const std::string& uid, std::chrono::milliseconds span, const std::stop_token& stop, Wake wake);
  // Wakes all that have entered for `uid`.
  void changed(std::string_view uid);

 private:
  using Clock = std::chrono::steady_clock;
  using Id = std::uint64_t;
  struct Waiter {
    std::string uid;
    Clock::time_point until;
    Wake wake;
    std::unique_ptr<std::stop_callback<std::function<void()>>> on_stop;
  };
  // They move the waiters that are to be called out of the tables.
  void take(Id id, std::vector<Waiter>& due) REQUIRES(mutex_);
  std::vector<Waiter> take_due() REQUIRES(mutex_);

  void work(const std::stop_token& stop);

  Mutex mutex_;
  CondVar called_;
  Id last_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<Id, Waiter> waiters_ GUARDED_BY(mutex_);
  std::unordered_multimap<std::string, Id> by_run_ GUARDED_BY(mutex_);
  std::set<std::pair<Clock::time_point, Id>> by_time_ GUARDED_BY(mutex_);
  std::vector<Id> called_ids_ GUARDED_BY(mutex_);

  std::jthread thread_;  // last: it uses everything above
};

}  // namespace modelrun::gateway
