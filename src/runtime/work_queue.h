// A queue of keys that wait to be worked on, modelled on client-go's workqueue
// (k8s.io/client-go/util/workqueue): a key is never worked on by two threads at once, and a key
// that is added is never lost. Unlike there, namespaces take turns: however many keys one of them has ready, another
// namespace's first key is handed out after one of them at most.
//
//   while (auto key = queue.get(stop)) {
//     if (work(*key)) queue.forget(*key); else queue.add_rate_limited(*key);
//     queue.done(*key);
//   }
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <queue>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "runtime/backoff.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"

namespace modelrun::runtime {

struct WorkQueueOptions {
  std::string name = "queue";  // label value in the metrics
  BackoffOptions rate{
      .initial = std::chrono::milliseconds{5}, .max = std::chrono::milliseconds{60'000}, .factor = 2.0, .jitter = 0.2};
  std::uint64_t seed = std::random_device{}();
};

// Thread-safe; only get() blocks. Keeps references to the clock and the metrics, which must outlive it; `metrics` may
// be null. The namespace of a key is what stands before its first '/' (all of it if there is none). The keys of one
// namespace are handed out in the order in which they became ready.
class WorkQueue {
 public:
  WorkQueue(WorkQueueOptions options, SteadyClock& clock, Metrics* metrics = nullptr);
  // The metric of its depth is 0 from then on.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  // Makes `key` ready for the next free worker. A key that is ready already is not added again. A key that is being
  // worked on becomes ready again at done(). A pending delay of the key is dropped, since the earlier work serves
  // both.
  void add(std::string_view key);
  // Like add(), but after `delay`; of several delays of a key the earliest counts. Does nothing when the key is to be
  // worked on sooner anyway. A delay of zero or less is add().
  void add_after(std::string_view key, SteadyClock::Span delay);
  // Like add_after(), with a delay that grows exponentially with each call for this key until forget(), by
  // WorkQueueOptions::rate. Returns the delay.
  SteadyClock::Span add_rate_limited(std::string_view key);
  // To be called after a success: the next add_rate_limited() for the key begins with the shortest delay again.
  void forget(std::string_view key);
  // How often add_rate_limited() was called for the key since the last forget(); counts up to 64.
  [[nodiscard]] std::uint32_t failures(std::string_view key) const;

  // Blocks until a key is ready and returns it; nullopt when `stop` is requested. The caller must call done() for the
  // key when it has finished with it.
  std::optional<std::string> get(std::stop_token stop);
  // Like get(), but returns nullopt at once when no key is ready. For simulations.
  std::optional<std::string> try_get();
  // To be called once for each key that get() or try_get() has returned.
  void done(std::string_view key);

  // The number of keys that are ready, without those that are delayed or being worked on.
  [[nodiscard]] std::size_t depth() const;
  // The number of keys with a pending delay.
  [[nodiscard]] std::size_t delayed() const;
  // True when no key is ready, delayed or being worked on.
  [[nodiscard]] bool idle() const;
  // When the first delayed key becomes due; nullopt when there is none.
  [[nodiscard]] std::optional<SteadyClock::Point> next_due() const;

 private:
  struct Delay {
    SteadyClock::Point due;
    std::string key;
    friend bool operator>(const Delay& a, const Delay& b) { return a.due > b.due; }
  };

  void add_locked(std::string_view key) REQUIRES(mutex_);
  void make_ready_locked(std::string key) REQUIRES(mutex_);
  void add_after_locked(std::string_view key, SteadyClock::Span delay) REQUIRES(mutex_);
  void move_due_locked() REQUIRES(mutex_);
  std::optional<std::string> take_locked() REQUIRES(mutex_);
  void report_depth_locked() const REQUIRES(mutex_);

  const WorkQueueOptions options_;
  SteadyClock& clock_;
  Metrics* const metrics_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::unordered_map<std::string, std::deque<std::string>> ready_ GUARDED_BY(mutex_);  // by namespace; none is empty
  std::deque<std::string> turns_ GUARDED_BY(mutex_);  // the namespaces of ready_, each once, the next one first
  std::size_t ready_count_ GUARDED_BY(mutex_) = 0;    // keys in ready_
  std::unordered_map<std::string, SteadyClock::Point> dirty_
      GUARDED_BY(mutex_);  // keys to be worked on, and since when
  std::unordered_set<std::string> processing_ GUARDED_BY(mutex_);
  std::unordered_map<std::string, SteadyClock::Point> due_ GUARDED_BY(mutex_);  // when each delayed key becomes due
  std::priority_queue<Delay, std::vector<Delay>, std::greater<>> delays_
      GUARDED_BY(mutex_);  // an entry that differs from due_ is void
  std::unordered_map<std::string, std::uint32_t> failures_ GUARDED_BY(mutex_);
  std::minstd_rand random_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::runtime
