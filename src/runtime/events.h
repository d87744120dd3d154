// Sends Kubernetes Events (events.k8s.io/v1) from a thread of its own, so that no reconcile waits for one.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "api/object_meta.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "kube/client.h"
#include "kube/resource.h"
#include "runtime/metrics.h"

namespace modelrun::runtime {

enum class EventKind { kNormal, kWarning };

struct EventOptions {
  std::string controller = "modelrun.dev/operator";  // reportingController
  std::string instance{};                            // reportingInstance: the pod's name; empty: `controller`
  std::size_t queue = 256;                           // events waiting to be sent; further ones are dropped
  std::size_t remembered = 512;                      // sent events that a repetition can be counted in
};

// Takes events. Thread-safe.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // Notes an event about `object`; does not block on the API server. `reason` and `action` are CamelCase words. In
  // `note`, bytes that are not UTF-8 are replaced; it is cut to 1,024 bytes. The event goes to the object's
  // namespace, or to "default" for a cluster-wide object.
  virtual void event(const kube::Resource& resource, const api::ObjectMeta& object, EventKind kind,
                     std::string_view reason, std::string_view action, std::string note) = 0;
};

// Thread-safe. Owns one thread. Keeps references to client, clock and metrics, which must outlive it; `metrics` may
// be null. Events are best effort: one that the queue has no room for, or that the API server does not take at the
// first try, is dropped, counted, and not sent again.
//
// An event that repeats an earlier one (same object, kind, reason, action and note) within six minutes of its last
// occurrence is counted in the series of the earlier event. The series is written when the count reaches a power of
// two.
class EventRecorder final : public EventSink {
 public:
  EventRecorder(kube::Client& client, EventOptions options, const Clock& clock, Metrics* metrics = nullptr);
  ~EventRecorder() override;  // stop()
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  void event(const kube::Resource& resource, const api::ObjectMeta& object, EventKind kind, std::string_view reason,
             std::string_view action, std::string note) override;

  // Waits, for at most `timeout` of real time, until the queued events are sent, then ends the thread and joins it.
  // What is still queued is dropped, as are events that come later. May be called again.
  void stop(std::chrono::milliseconds timeout = std::chrono::milliseconds{2'000});
  // Blocks until no event is queued or being sent. For tests.
  void flush();
  // Returns how many events were dropped.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct Item {
    kube::Json event;  // the whole object to create
    std::string key;   // equal for repetitions
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
  void drop_locked() REQUIRES(mutex_);

  kube::Client& client_;
  const EventOptions options_;
  const Clock& clock_;
  Metrics* const metrics_;

  // Used by the thread only. The most recent event comes first.
  std::list<Sent> recent_;
  std::unordered_map<std::string, std::list<Sent>::iterator> by_key_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Item> queue_ GUARDED_BY(mutex_);
  bool sending_ GUARDED_BY(mutex_) = false;
  bool closing_ GUARDED_BY(mutex_) = false;
  std::uint64_t dropped_ GUARDED_BY(mutex_) = 0;
  std::uint64_t serial_ GUARDED_BY(mutex_) = 0;
  std::jthread thread_;
};

}  // namespace modelrun::runtime
