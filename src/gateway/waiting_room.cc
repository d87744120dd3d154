#include "gateway/waiting_room.h"

namespace modelrun::gateway {

WaitingRoom::WaitingRoom() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

WaitingRoom::~WaitingRoom() {
  thread_.request_stop();
  thread_.join();
}

void WaitingRoom::enter(const std::string& uid, std::chrono::milliseconds span, const std::stop_token& stop,
                        Wake wake) {
  Id id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = ++last_;
  }
  // Made without the lock, since it may call at once; who is not there yet is called below.
  auto on_stop = std::make_unique<std::stop_callback<std::function<void()>>>(stop, [this, id] {
    const std::lock_guard lock(mutex_);
    if (!waiters_.contains(id)) return;
    called_ids_.push_back(id);
    called_.notify_one();
  });
  const std::lock_guard lock(mutex_);
  const auto until = Clock::now() + span;
  by_run_.emplace(uid, id);
  by_time_.emplace(until, id);
  waiters_.emplace(id, Waiter{uid, until, std::move(wake), std::move(on_stop)});
  if (stop.stop_requested()) called_ids_.push_back(id);
  // The thread sleeps until the first time that it knew of.
  if (stop.stop_requested() || by_time_.begin()->second == id) called_.notify_one();
}

void WaitingRoom::changed(std::string_view uid) {
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = by_run_.equal_range(std::string(uid));
  if (begin == end) return;
  for (auto each = begin; each != end; ++each) called_ids_.push_back(each->second);
  called_.notify_one();
}

void WaitingRoom::take(Id id, std::vector<Waiter>& due) {
  const auto found = waiters_.find(id);
  if (found == waiters_.end()) return;  // called twice
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

std::vector<WaitingRoom::Waiter> WaitingRoom::take_due() {
  std::vector<Waiter> due;
  for (const Id id : std::exchange(called_ids_, {})) take(id, due);
  const auto now = Clock::now();
  while (!by_time_.empty() && by_time_.begin()->first <= now) take(by_time_.begin()->second, due);
  return due;
}

void WaitingRoom::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    auto due = take_due();
    if (due.empty()) {
      const auto called = [this] { return !called_ids_.empty(); };
      // The first time may be another one after each wake-up, so this is a single wait and the loop looks again.
      if (by_time_.empty()) {
        called_.wait(lock, stop, [this] { return !by_time_.empty() || !called_ids_.empty(); });
      } else {
        const auto first = by_time_.begin()->first;
        called_.wait_until(lock, stop, first,
                           [&] { return called() || by_time_.empty() || by_time_.begin()->first < first; });
      }
      continue;
    }
    // Without the lock: a wake may enter again, and the end of a stop_callback waits for a call of it under way.
    lock.unlock();
    for (const auto& waiter : due) waiter.wake();
    due.clear();
    lock.lock();
  }
}

}  // namespace modelrun::gateway
