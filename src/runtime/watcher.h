// Keeps a sink up to date with the objects of one resource type: lists them, then watches for changes, and lists
// again when the watch cannot be resumed because the server has dropped that part of the history (410 Gone).
// Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "base/mutex.h"
#include "kube/client.h"
#include "runtime/backoff.h"
#include "runtime/metrics.h"
#include "runtime/steady_clock.h"

namespace modelrun::runtime {

// Receives the objects that a Watcher sees. All calls come from the watcher's thread. A list appears as
// replace_begin(), one upsert() for each object, and replace_done(). When a list fails halfway, replace_begin() is
// called again without replace_done() for the first.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  virtual void replace_begin() = 0;
  virtual void upsert(const kube::Json& object) = 0;
  // The object was deleted; `object` is its last state.
  virtual void removed(const kube::Json& object) = 0;
  // The list is complete: objects that have not been upserted since replace_begin() do not exist any more as of
  // `resource_version`. An object that the sink knows to be newer (from the answer to a write) must stay.
  virtual void replace_done(std::uint64_t resource_version) = 0;
};

// Lets watchers that share it list one after the other. Thread-safe; it must outlive them.
class ListTurns {
 public:
  // Waits for the turn. Returns false, without it, when `stop` is requested.
  bool take(const std::stop_token& stop);
  void give_back();

 private:
  Mutex mutex_;
  CondVar given_back_;
  bool taken_ GUARDED_BY(mutex_) = false;
};

struct WatcherOptions {
  kube::Resource resource{};
  std::string namespace_{};  // empty: all namespaces
  std::string label_selector{};
  std::string field_selector{};
  int page_size = 500;
  // The server is asked to end each watch after a random time in this range, so that replicas do not all reconnect at
  // once.
  std::chrono::seconds watch_min{300};
  std::chrono::seconds watch_max{600};
  // When no byte has arrived on a watch for this long, its connection is taken for dead and a new one is made. A
  // server sends bookmarks about every minute.
  std::chrono::milliseconds idle_timeout{150'000};
  BackoffOptions backoff;
  ListTurns* turns = nullptr;  // each list waits for its turn; null: it does not wait
  // Called on the watcher's thread at the end of each complete list, after synced() has become true; may be empty.
  std::function<void()> on_synced{};
  std::uint64_t seed = std::random_device{}();
};

// Owns one thread. Keeps references to client, sink, clock and metrics, which must outlive it; `metrics` may be null.
// Errors are logged and retried with back-off; they are never final. The states:
//   list  --(all pages read)------------------------> watch
//   watch --(ended by the server, or broken)--------> watch, from the last resourceVersion
//   watch --(seconds after a large event)-----------> watch, from the last resourceVersion, over another connection
//   watch --(410, or an event that is not decoded)--> wait, then list
//   list or watch --(any other error)---------------> wait, then the same again
class Watcher {
 public:
  Watcher(kube::Client& client, WatcherOptions options, WatchSink& sink, SteadyClock& clock,
          Metrics* metrics = nullptr);
  ~Watcher();  // stops and joins
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // Starts the thread. Call once.
  void start();
  // Stops the thread and joins it, which takes milliseconds even when the watcher waits for the server. The sink is
  // not called afterwards.
  void stop();
  // Runs the loop on the calling thread, instead of start(). Returns when `stop` is requested.
  void run(std::stop_token stop);

  // True once the first list is complete: the sink has then received all objects that existed at some moment after
  // the start. It stays true when a watch reconnects or the list is repeated. Thread-safe.
  [[nodiscard]] bool synced() const { return synced_.load(std::memory_order_acquire); }
  // Blocks until synced(). Returns false when `stop` is requested or `timeout` passes first. Thread-safe.
  bool wait_synced(SteadyClock::Span timeout, std::stop_token stop);
  // The message of the error that made the last list or watch fail, with what to do when a right is missing; empty when
  // the last one succeeded. For logs and /readyz. Thread-safe.
  [[nodiscard]] std::string last_error() const;

 private:
  enum class State { kList, kWatch };

  Result<void> list(std::stop_token stop);
  Result<void> list_now(std::stop_token stop);
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

  // Used by the loop's thread only.
  State state_ = State::kList;
  std::string resource_version_;
  bool history_lost_ = false;                // and no watch has worked since
  bool page_expired_ = false;                // a continue token expired in the last list: list without pages
  bool progressed_ = false;                  // the current watch has delivered something
  std::optional<SteadyClock::Point> large_;  // when the current watch has delivered its last large event
  Backoff backoff_;
  std::minstd_rand random_;

  std::atomic<bool> synced_{false};
  mutable Mutex mutex_;
  CondVar changed_;
  std::string last_error_ GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace modelrun::runtime
