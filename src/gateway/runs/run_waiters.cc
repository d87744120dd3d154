#include "gateway/runs/run_waiters.h"

#include "base/mutex.h"

namespace modelrun::gateway {

RunWaiters::RunWaiters() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

RunWaiters::~RunWaiters() {
  thread_.request_stop();
  thread_.join();
}

void RunWaiters::enter(const std::string& uid, std::chrono::milliseconds span, const std::stop_token& stop, Wake wake) {
  Id id = 0;
  {
    const MutexLock lock(mutex_);
    id = ++last_;
  }
  // Made without the lock: if `stop` has fired already, the constructor calls the function at once. The waiter is not
  // in the table at that time, so this case is handled below.
  auto on_stop = std::make_unique<std::stop_callback<std::function<void()>>>(stop, [this, id] {
    const MutexLock lock(mutex_);
    if (!waiters_.contains(id)) return;
    called_ids_.push_back(id);
    called_.notify_one();
  });
  const MutexLock lock(mutex_);
  const auto until = Clock::now() + span;
  by_run_.emplace(uid, id);
  by_time_.emplace(until, id);
  waiters_.emplace(id, Waiter{uid, until, std::move(wake), std::move(on_stop)});
  if (stop.stop_requested()) called_ids_.push_back(id);
  // If this waiter is the first in time now, the thread sleeps too long: wake it.
  if (stop.stop_requested() || by_time_.begin()->second == id) called_.notify_one();
}

void RunWaiters::changed(std::string_view uid) {
  const MutexLock lock(mutex_);
  const auto [begin, end] = by_run_.equal_range(std::string(uid));
  if (begin == end) return;
  for (auto each = begin; each != end; ++each) called_ids_.push_back(each->second);
  called_.notify_one();
}

void RunWaiters::take(Id id, std::vector<Waiter>& due) {
  const auto found = waiters_.find(id);
  if (found == waiters_.end()) return;  // two events have called it, and it was taken at the first
  const auto [begin, end] = by_run_.equal_range(found->second.uid);
  for (auto each = begin; each != end; ++each) {
    if (each->second != id) continue;
    by_run_.erase(each);
    break;
  }
  by_time_.erase({found->second.until, id});
  due.push_back(std::move(found->second));
  waiters_.erase(found);
}

std::vector<RunWaiters::Waiter> RunWaiters::take_due() {
  std::vector<Waiter> due;
  for (const Id id : std::exchange(called_ids_, {})) take(id, due);
  const auto now = Clock::now();
  while (!by_time_.empty() && by_time_.begin()->first <= now) take(by_time_.begin()->second, due);
  return due;
}

void RunWaiters::work(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    auto due = take_due();
    if (due.empty()) {
      const auto called = [this]() REQUIRES(mutex_) { return !called_ids_.empty(); };
      // Another waiter may be the first in time after each wake-up, so wait once and let the loop look again.
      if (by_time_.empty()) {
        called_.wait(mutex_, stop, [this]() REQUIRES(mutex_) { return !by_time_.empty() || !called_ids_.empty(); });
      } else {
        const auto first = by_time_.begin()->first;
        called_.wait_until(mutex_, stop, first, [&]() REQUIRES(mutex_) {
          return called() || by_time_.empty() || by_time_.begin()->first < first;
        });
      }
      continue;
    }
    // Without the lock: `wake` may call enter(), and the destructor of a stop_callback waits for its function if that
    // is running, which needs the lock.
    lock.unlock();
    for (const auto& waiter : due) waiter.wake();
    due.clear();
    lock.lock();
  }
}

}  // namespace modelrun::gateway
