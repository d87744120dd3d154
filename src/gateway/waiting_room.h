// Wakes calls that wait for a run, without a thread each.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace modelrun::gateway {

// Thread-safe. Owns one thread, which makes all the calls.
class WaitingRoom {
 public:
  using Wake = std::function<void()>;

  WaitingRoom();
  ~WaitingRoom();  // those who still wait are not called
  WaitingRoom(const WaitingRoom&) = delete;
  WaitingRoom& operator=(const WaitingRoom&) = delete;

  // Calls `wake` once: when changed(uid) comes, after `span`, or when `stop` fires. `wake` must be short, as everybody
  // shares the thread; it may enter again. A change that came before is not seen: look at the run after entering.
  void enter(const std::string& uid, std::chrono::milliseconds span, const std::stop_token& stop, Wake wake);
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
  // Under mutex_.
  void take(Id id, std::vector<Waiter>& due);
  std::vector<Waiter> take_due();

  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any called_;
  // All guarded by mutex_.
  Id last_ = 0;
  std::unordered_map<Id, Waiter> waiters_;
  std::unordered_multimap<std::string, Id> by_run_;
  std::set<std::pair<Clock::time_point, Id>> by_time_;
  std::vector<Id> called_ids_;

  std::jthread thread_;  // last: it uses everything above
};

}  // namespace modelrun::gateway
