#include "cli/object_watch.h"

#include <algorithm>

#include "api/json_access.h"
#include "base/mutex.h"

namespace modelrun::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 250ms;
constexpr auto kLongestPause = 5000ms;

bool can_be_retried(const Error& error) {
  return is_transient(error.kind) || error.kind == ErrorKind::kGone;
}

class Watching final : public Watched {
 public:
  Watching(kube::Client& client, const WatchedObject& object, const std::function<bool(const kube::Json&)>& on_change)
      : client_(client), object_(object), on_change_(on_change) {}

  [[nodiscard]] bool done() const override { return done_; }
  [[nodiscard]] bool seen() const override { return !uid_.empty(); }

  // Reads the object, and the resourceVersion from which watch() begins.
  Result<void> list(const std::stop_token& stop) override {
    auto page = client_.list(object_.resource, {.namespace_ = object_.namespace_, .field_selector = selector()}, stop);
    RETURN_IF_ERROR(page);
    if (page->items.empty()) {
      return fail(ErrorKind::kNotFound, "{} {}: {}", object_.resource.plural, key(),
                  seen() ? "it was deleted" : "there is no such object");
    }
    version_ = page->resource_version;
    return take(page->items.front());
  }

  // Watches until the server ends the watch (success), on_change() has returned false (success, done()), or an error.
  Result<void> watch(const std::stop_token& stop) override {
    Result<void> taken;
    const auto on_event = [&](kube::WatchEvent&& event) {
      version_ = api::text_at(api::member(event.object, "metadata"), "resourceVersion");
      if (event.type == kube::EventType::kBookmark) return true;
      if (event.type == kube::EventType::kDeleted) {
        taken = fail(ErrorKind::kNotFound, "{} {}: it was deleted", object_.resource.plural, key());
      } else {
        taken = take(event.object);
      }
      return taken && !done_;
    };
    const kube::WatchOptions options{.namespace_ = object_.namespace_,
                                     .field_selector = selector(),
                                     .resource_version = version_,
                                     .timeout = kWatchTimeout};
    auto watched = client_.watch(object_.resource, options, kWatchIdle, on_event, stop);
    return taken ? watched : taken;
  }

 private:
  [[nodiscard]] std::string selector() const { return "metadata.name=" + object_.name; }
  [[nodiscard]] std::string key() const { return object_.namespace_ + "/" + object_.name; }

  Result<void> take(const kube::Json& object) {
    const std::string uid = api::text_at(api::member(object, "metadata"), "uid");
    if (seen() && uid != uid_) {
      return fail(ErrorKind::kNotFound, "{} {}: it was deleted, and another one has its name now",
                  object_.resource.plural, key());
    }
    uid_ = uid;
    done_ = !on_change_(object);
    return {};
  }

  kube::Client& client_;
  const WatchedObject& object_;
  const std::function<bool(const kube::Json&)>& on_change_;
  std::string uid_;
  std::string version_;
  bool done_ = false;
};

}  // namespace

Result<void> keep_watching(Watched& watched, const std::function<void(const Error&)>& on_trouble,
                           const std::stop_token& stop) {
  auto delay = kFirstPause;
  bool listed = false;  // whether the next step is a watch; a list otherwise
  while (true) {
    const bool watch = listed;
    auto result = watch ? watched.watch(stop) : watched.list(stop);
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
    if (result && watched.done()) return {};
    listed = result.has_value();
    if (result) {
      if (watch) delay = kFirstPause;
      continue;
    }
    if (!can_be_retried(result.error()) || !watched.seen()) return result;
    // It is normal that a watch expires (kGone) or is idle for too long (kTimeout): the user need not hear of it.
    const auto kind = result.error().kind;
    if (!watch || (kind != ErrorKind::kGone && kind != ErrorKind::kTimeout)) on_trouble(result.error());
    pause(delay, stop);
    delay = std::min(delay * 2, kLongestPause);
  }
}

Result<void> watch_object(kube::Client& client, const WatchedObject& object,
                          const std::function<bool(const kube::Json&)>& on_change,
                          const std::function<void(const Error&)>& on_trouble, std::stop_token stop) {
  Watching watching(client, object, on_change);
  return keep_watching(watching, on_trouble, stop);
}

Deadline::Deadline(std::stop_token outer, std::chrono::seconds limit)
    : outer_(std::move(outer), [this] { source_.request_stop(); }), timer_([this, limit](const std::stop_token& stop) {
        pause(limit, stop);
        if (!stop.stop_requested()) source_.request_stop();
      }) {}

Deadline::~Deadline() = default;

void pause(std::chrono::milliseconds span, std::stop_token stop) {
  Mutex mutex;
  CondVar changed;
  MutexLock lock(mutex);
  changed.wait_for(mutex, stop, span, [] { return false; });
}

}  // namespace modelrun::cli
