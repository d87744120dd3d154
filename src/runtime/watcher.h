// Keeps a sink in step with one resource type: list, then watch, then list again when history is lost.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "kube/client.h"
#include "runtime/backoff.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"

namespace modelrun::runtime {

// Takes what the watcher sees. All calls come from the watcher's one thread. A replace may be begun again without
// having been done, when a list broke off halfway.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  virtual void replace_begin() = 0;
  virtual void upsert(const kube::Json& object) = 0;
  virtual void removed(const kube::Json& object) = 0;
  // Whatever has not been upserted since replace_begin is gone, as of `resource_version`: what the sink knows to be
  // newer than that (a write of its own) stays.
  virtual void replace_done(std::uint64_t resource_version) = 0;
};

struct WatcherOptions {
  kube::Resource resource{};
  std::string namespace_{};  // empty: all
  std::string label_selector{};
  std::string field_selector{};
  int page_size = 500;
  // The server is asked to end each watch after a random time in this range, so that replicas spread out.
  std::chrono::seconds watch_min{300};
  std::chrono::seconds watch_max{600};
  // A watch without a byte (bookmarks come every minute) for this long is half-open: connect again.
  std::chrono::milliseconds idle_timeout{150'000};
  BackoffOptions backoff;
  std::uint64_t seed = std::random_device{}();
};

// One thread. Neither the client, the sink, the clock nor the metrics are owned; all must outlive it.
// The states: list --(all pages)--> watch --(ended, broken)--> watch from the last resourceVersion
//             watch --(410)--> list;   list or watch --(error)--> wait, then the same again.
class Watcher {
 public:
  Watcher(kube::Client& client, WatcherOptions options, WatchSink& sink, SteadyClock& clock,
          Metrics* metrics = nullptr);
  ~Watcher();  // stops and joins
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // Starts the thread. Call once.
  void start();
  // Joins; takes milliseconds, whatever the watcher waits for. Nothing reaches the sink afterwards.
  void stop();
  // The loop itself, for callers with a thread of their own. Returns when `stop` is requested.
  void run(std::stop_token stop);

  // The sink holds everything that existed at some moment after the start. Stays true while a watch reconnects.
  [[nodiscard]] bool synced() const { return synced_.load(std::memory_order_acquire); }
  // False when `stop` is requested or `timeout` passes first.
  bool wait_synced(SteadyClock::Span timeout, std::stop_token stop);
  // Why the last list or watch failed; empty while all is well. For /readyz.
  [[nodiscard]] std::string last_error() const;

 private:
  enum class State { kList, kWatch };

  Result<void> list(std::stop_token stop);
  Result<void> watch(std::stop_token stop);
  bool take(const kube::WatchEvent& event);
  void after_failure(const Error& error, std::stop_token stop);
  void set_synced();
  void set_error(std::string message);

  kube::Client& client_;
  const WatcherOptions options_;
  WatchSink& sink_;
  SteadyClock& clock_;
  Metrics* const metrics_;

  // Of the loop's thread alone.
  State state_ = State::kList;
  std::string resource_version_;
  bool page_expired_ = false;  // the last list lost its continue token: ask for one big page
  bool progressed_ = false;    // the current watch has delivered something
  Backoff backoff_;
  std::minstd_rand random_;

  std::atomic<bool> synced_{false};
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string last_error_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace modelrun::runtime
