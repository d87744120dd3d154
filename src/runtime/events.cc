#include "runtime/events.h"

#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/printable.h"

namespace modelrun::runtime {
namespace {

constexpr std::size_t kNoteBytes = 1024;       // the API's limit
constexpr std::size_t kNameBytes = 200;        // of the object's name in the event's name, which may have 253
constexpr std::chrono::minutes kSeriesAge{6};  // as in client-go

std::string api_version(const kube::Resource& resource) {
  return resource.group.empty() ? std::string{resource.version}
                                : fmt::format("{}/{}", resource.group, resource.version);
}

bool power_of_two(std::int64_t count) {
  return (count & (count - 1)) == 0;
}

}  // namespace

EventRecorder::EventRecorder(kube::Client& client, EventOptions options, const Clock& clock, Metrics* metrics)
    : client_(client), options_(std::move(options)), clock_(clock), metrics_(metrics) {
  thread_ = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
}

EventRecorder::~EventRecorder() {
  stop();
}

void EventRecorder::event(const kube::Resource& resource, const api::ObjectMeta& object, EventKind kind,
                          std::string_view reason, std::string_view action, std::string note) {
  const Time now = clock_.now();
  note = printable(note, kNoteBytes);
  const std::string type = kind == EventKind::kWarning ? "Warning" : "Normal";
  const std::string space = object.namespace_.empty() ? "default" : object.namespace_;
  std::string key = fmt::format("{}\n{}\n{}\n{}\n{}", object.uid, type, reason, action, note);
  kube::Json regarding{{"apiVersion", api_version(resource)}, {"kind", resource.kind}, {"name", object.name}};
  regarding["uid"] = object.uid;
  if (!object.namespace_.empty()) regarding["namespace"] = object.namespace_;
  const MutexLock lock(mutex_);
  if (closing_ || queue_.size() >= options_.queue) return drop_locked();
  // Makes the name of the event unique: time and serial number within this process, the instance among replicas.
  const auto unique = sha256_hex(fmt::format("{} {} {}", options_.instance, now.time_since_epoch().count(), ++serial_));
  kube::Json event{
      {"metadata",
       {{"namespace", space}, {"name", fmt::format("{}.{}", object.name.substr(0, kNameBytes), unique.substr(0, 16))}}},
      {"eventTime", format_rfc3339(now)},
      {"reportingController", options_.controller},
      {"reportingInstance", options_.instance.empty() ? options_.controller : options_.instance},
      {"action", action},
      {"reason", reason},
      {"type", type},
      {"note", std::move(note)},
      {"regarding", std::move(regarding)}};
  queue_.push_back({std::move(event), std::move(key)});
  changed_.notify_all();
}

void EventRecorder::run(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (changed_.wait(mutex_, stop, [this]() REQUIRES(mutex_) { return !queue_.empty(); })) {
    Item item = std::move(queue_.front());
    queue_.pop_front();
    sending_ = true;
    lock.unlock();
    deliver(item, stop);
    lock.lock();
    sending_ = false;
    changed_.notify_all();
  }
}

void EventRecorder::deliver(const Item& item, std::stop_token stop) {
  const Time now = clock_.now();
  const auto known = by_key_.find(item.key);
  if (known != by_key_.end() && known->second->last + kSeriesAge > now) {
    recent_.splice(recent_.begin(), recent_, known->second);
    if (repeat(recent_.front(), now, stop)) return;
  }
  create(item, now, stop);
}

void EventRecorder::create(const Item& item, Time now, std::stop_token stop) {
  auto created = client_.create(kube::kEvents, item.event, std::move(stop));
  if (!created) {
    // Events are best effort. There is no second try, so that a server that refuses them is not loaded further.
    log::debug("event not sent", {{"error", created.error().message}});
    const MutexLock lock(mutex_);
    return drop_locked();
  }
  const auto& metadata = item.event.at("metadata");
  remember({item.key, metadata.at("namespace"), metadata.at("name"), 1, now});
}

bool EventRecorder::repeat(Sent& sent, Time now, std::stop_token stop) {
  ++sent.count;
  sent.last = now;
  if (!power_of_two(sent.count)) return true;
  const kube::Json patch{{"series", {{"count", sent.count}, {"lastObservedTime", format_rfc3339(now)}}}};
  auto patched =
      client_.patch(kube::kEvents, sent.namespace_, sent.name, kube::PatchType::kMerge, patch, {}, std::move(stop));
  // kNotFound: the server has deleted the event (by default after an hour), so the caller creates a new one.
  return patched || patched.error().kind != ErrorKind::kNotFound;
}

void EventRecorder::remember(Sent sent) {
  const auto known = by_key_.find(sent.key);
  if (known != by_key_.end()) {
    recent_.erase(known->second);
    by_key_.erase(known);
  }
  recent_.push_front(std::move(sent));
  by_key_[recent_.front().key] = recent_.begin();
  if (recent_.size() <= options_.remembered) return;
  by_key_.erase(recent_.back().key);
  recent_.pop_back();
}

void EventRecorder::drop_locked() {
  ++dropped_;
  if (metrics_ != nullptr) metrics_->event_dropped();
}

void EventRecorder::flush() {
  MutexLock lock(mutex_);
  changed_.wait(mutex_, [this]() REQUIRES(mutex_) { return queue_.empty() && !sending_; });
}

void EventRecorder::stop(std::chrono::milliseconds timeout) {
  {
    MutexLock lock(mutex_);
    closing_ = true;
    changed_.wait_for(mutex_, timeout, [this]() REQUIRES(mutex_) { return queue_.empty() && !sending_; });
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::uint64_t EventRecorder::dropped() const {
  const MutexLock lock(mutex_);
  return dropped_;
}

}  // namespace modelrun::runtime
