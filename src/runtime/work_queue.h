// Keys that wait for work. After client-go's workqueue: one key is never worked twice at once, and never lost.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <queue>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/backoff.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"

namespace modelrun::runtime {

struct WorkQueueOptions {
  std::string name = "queue";  // the label in metrics
  BackoffOptions rate{
      .initial = std::chrono::milliseconds{5}, .max = std::chrono::milliseconds{60'000}, .factor = 2.0, .jitter = 0.2};
  std::uint64_t seed = std::random_device{}();
};

// Thread-safe. The clock and the metrics are not owned and must outlive it.
class WorkQueue {
 public:
  WorkQueue(WorkQueueOptions options, SteadyClock& clock, Metrics* metrics = nullptr);

  // Has `key` worked as soon as a worker is free: once, however often it was added meanwhile. While it is being worked,
  // it will be worked again afterwards. A pending delay is dropped, since the work that comes sooner serves both.
  void add(std::string_view key);
  // Later; the earliest of several delays holds.
  void add_after(std::string_view key, SteadyClock::Span delay);
  // After a delay that doubles with each call for this key until forget(). Returns the delay.
  SteadyClock::Span add_rate_limited(std::string_view key);
  // Success: the next add_rate_limited begins with the shortest delay.
  void forget(std::string_view key);
  // How often add_rate_limited was called since the last forget.
  [[nodiscard]] std::uint32_t failures(std::string_view key) const;

  // Waits for a key; nothing when `stop` is requested. done() must follow.
  std::optional<std::string> get(std::stop_token stop);
  // For simulators: does not wait.
  std::optional<std::string> try_get();
  void done(std::string_view key);

  // Keys that could be worked now, without those that are delayed or being worked.
  [[nodiscard]] std::size_t depth() const;
  [[nodiscard]] std::size_t delayed() const;
  // No key is waiting, delayed or being worked.
  [[nodiscard]] bool idle() const;
  // When the first delayed key becomes due.
  [[nodiscard]] std::optional<SteadyClock::Point> next_due() const;

 private:
  struct Delay {
    SteadyClock::Point due;
    std::string key;
    friend bool operator>(const Delay& a, const Delay& b) { return a.due > b.due; }
  };

  // All: mutex_ is held.
  void add_locked(std::string_view key);
  void add_after_locked(std::string_view key, SteadyClock::Span delay);
  void move_due_locked();
  std::optional<std::string> take_locked();
  void report_depth_locked() const;

  const WorkQueueOptions options_;
  SteadyClock& clock_;
  Metrics* const metrics_;

  mutable std::mutex mutex_;  // guards all that follows
  std::condition_variable_any changed_;
  std::deque<std::string> ready_;
  std::unordered_map<std::string, SteadyClock::Point> dirty_;  // to be worked, and since when
  std::unordered_set<std::string> processing_;
  std::unordered_map<std::string, SteadyClock::Point> due_;                // the holding delay of each delayed key
  std::priority_queue<Delay, std::vector<Delay>, std::greater<>> delays_;  // entries that due_ disagrees with are void
  std::unordered_map<std::string, std::uint32_t> failures_;
  std::minstd_rand random_;
};

}  // namespace modelrun::runtime
