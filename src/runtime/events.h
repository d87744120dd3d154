// Kubernetes Events (events.k8s.io/v1), sent aside so that no reconcile ever waits for one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "kube/client.h"
#include "kube/object_meta.h"
#include "kube/resource.h"
#include "runtime/metrics.h"

namespace modelrun::runtime {

enum class EventKind { kNormal, kWarning };

struct EventOptions {
  std::string controller = "modelrun.dev/operator";  // reportingController
  std::string instance{};                            // reportingInstance: the pod's name
  std::size_t queue = 256;                           // events that wait to be sent; more are dropped and counted
  std::size_t remembered = 512;                      // events that a repetition is added to
};

// Thread-safe; one thread of its own. Client, clock and metrics must outlive it. Repetitions of an event within six
// minutes (same object, kind, reason, action and note) are counted in its series, written when the count doubles.
class EventRecorder {
 public:
  EventRecorder(kube::Client& client, EventOptions options, const Clock& clock, Metrics* metrics = nullptr);
  ~EventRecorder();  // stop()
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  // Never waits. `reason` and `action` are CamelCase words; `note` is cut to 1,024 bytes.
  void event(const kube::Resource& resource, const kube::ObjectMeta& object, EventKind kind, std::string_view reason,
             std::string_view action, std::string note);

  // Sends what is queued, for at most `timeout` of real time, then ends the thread.
  void stop(std::chrono::milliseconds timeout = std::chrono::milliseconds{2'000});
  // Waits until nothing is queued or being sent.
  void flush();
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct Item {
    kube::Json event;  // ready to be created
    std::string key;
  };
  struct Sent {
    std::string key;
    std::string namespace_;
    std::string name;
    std::int64_t count = 1;
    Time last{};
  };

  void run(std::stop_token stop);
  void deliver(const Item& item, std::stop_token stop);
  void create(const Item& item, Time now, std::stop_token stop);
  bool repeat(Sent& sent, Time now, std::stop_token stop);
  void remember(Sent sent);
  void drop_locked();  // mutex_ is held

  kube::Client& client_;
  const EventOptions options_;
  const Clock& clock_;
  Metrics* const metrics_;

  // Of the thread alone: the latest first.
  std::list<Sent> recent_;
  std::unordered_map<std::string, std::list<Sent>::iterator> by_key_;

  mutable std::mutex mutex_;  // guards all that follows
  std::condition_variable_any changed_;
  std::deque<Item> queue_;
  bool sending_ = false;
  bool closing_ = false;
  std::uint64_t dropped_ = 0;
  std::uint64_t serial_ = 0;
  std::jthread thread_;
};

}  // namespace modelrun::runtime
