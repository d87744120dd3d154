#include "runtime/watcher.h"

#include <utility>

#include "api/object_meta.h"
#include "base/large_document.h"
#include "base/log.h"
#include "base/mutex.h"

namespace modelrun::runtime {
namespace {

// A watch that lasted this long counts as successful, even if it delivered no event.
constexpr std::chrono::seconds kSteady{10};

// So long after its last large event a watch is begun anew: its connection keeps a buffer for the largest one.
constexpr std::chrono::seconds kLargeBufferKept{10};

std::string version_of(const kube::Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return {};
  const auto version = metadata->find("resourceVersion");
  return version != metadata->end() && version->is_string() ? version->get<std::string>() : std::string{};
}

// What failed and, when a right is missing, what to do about it.
std::string explain(const Error& error, const std::string& namespace_) {
  // A 401 is kDenied too, and no Role helps against it.
  if (error.kind != ErrorKind::kDenied || error.message.find(": 403 ") == std::string::npos) return error.message;
  if (namespace_.empty()) {
    return error.message +
           "; let a ClusterRole allow this in all namespaces, or let the process watch some namespaces only "
           "(--watch-namespaces; the chart's value watchNamespaces sets the flag and makes the Roles)";
  }
  return fmt::format(
      "{}; let a Role in namespace {} allow this (the chart's value watchNamespaces makes it), or leave the namespace "
      "out of --watch-namespaces",
      error.message, namespace_);
}

}  // namespace

Watcher::Watcher(kube::Client& client, WatcherOptions options, WatchSink& sink, SteadyClock& clock, Metrics* metrics)
    : client_(client),
      options_(std::move(options)),
      sink_(sink),
      clock_(clock),
      metrics_(metrics),
      backoff_(options_.backoff, options_.seed),
      random_(options_.seed) {}

Watcher::~Watcher() {
  stop();
}

void Watcher::start() {
  thread_ = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
}

void Watcher::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Watcher::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    auto result = state_ == State::kList ? list(stop) : watch(stop);
    if (stop.stop_requested()) return;
    if (!result) after_failure(result.error(), stop);
  }
}

bool ListTurns::take(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  if (!given_back_.wait(mutex_, stop, [this]() REQUIRES(mutex_) { return !taken_; })) return false;
  taken_ = true;
  return true;
}

void ListTurns::give_back() {
  {
    const MutexLock lock(mutex_);
    taken_ = false;
  }
  given_back_.notify_one();
}

Result<void> Watcher::list(std::stop_token stop) {
  if (options_.turns == nullptr) return list_now(std::move(stop));
  if (!options_.turns->take(stop)) return {};
  auto listed = list_now(std::move(stop));
  options_.turns->give_back();
  return listed;
}

Result<void> Watcher::list_now(std::stop_token stop) {
  // A list without resourceVersion is consistent: it is at least as new as anything that this process has seen or
  // written, through any API server.
  kube::ListOptions options{.namespace_ = options_.namespace_,
                            .label_selector = options_.label_selector,
                            .field_selector = options_.field_selector,
                            .limit = page_expired_ ? 0 : options_.page_size};
  sink_.replace_begin();
  std::string version;
  do {
    auto page = client_.list_each(options_.resource, options, [this](kube::Json&& item) { sink_.upsert(item); }, stop);
    if (!page) {
      page_expired_ = page.error().kind == ErrorKind::kGone && !options.continue_token.empty();
      return std::unexpected(page.error());
    }
    version = page->resource_version;
    options.continue_token = page->continue_token;
  } while (!options.continue_token.empty() && !stop.stop_requested());
  if (stop.stop_requested()) return {};
  page_expired_ = false;
  sink_.replace_done(api::parse_resource_version(version));
  resource_version_ = version;
  state_ = State::kWatch;
  set_error({});
  set_synced();
  return {};
}

Result<void> Watcher::watch(std::stop_token stop) {
  std::uniform_int_distribution<std::chrono::seconds::rep> spread(options_.watch_min.count(),
                                                                  options_.watch_max.count());
  const kube::WatchOptions options{.namespace_ = options_.namespace_,
                                   .label_selector = options_.label_selector,
                                   .field_selector = options_.field_selector,
                                   .resource_version = resource_version_,
                                   .timeout = std::chrono::seconds{spread(random_)}};
  progressed_ = false;
  large_.reset();
  const auto begin = clock_.now();
  auto result = client_.watch(
      options_.resource, options, options_.idle_timeout, [this](kube::WatchEvent&& event) { return take(event); },
      stop);
  if (stop.stop_requested()) return {};
  const auto lasted = clock_.now() - begin;
  if (progressed_ || lasted >= kSteady) {
    backoff_.reset();
    history_lost_ = false;
  }
  if (!result) {
    // It is normal that a watch delivers events and later breaks or falls silent. It is resumed without a delay.
    const auto kind = result.error().kind;
    const bool broken_off = kind == ErrorKind::kUnavailable || kind == ErrorKind::kTimeout;
    if (metrics_ != nullptr) metrics_->watch_restarted(options_.resource.plural, to_string(kind));
    if (broken_off && progressed_) return {};
    return result;
  }
  if (metrics_ != nullptr) metrics_->watch_restarted(options_.resource.plural, "ended");
  // Waits before the next try when the server ended the watch at once, so as not to overload it.
  if (!progressed_ && lasted < kSteady) clock_.sleep(backoff_.next(), stop);
  set_error({});
  return {};
}

bool Watcher::take(const kube::WatchEvent& event) {
  auto version = version_of(event.object);
  switch (event.type) {
    case kube::EventType::kAdded:
    case kube::EventType::kModified:
      sink_.upsert(event.object);
      break;
    case kube::EventType::kDeleted:
      sink_.removed(event.object);
      break;
    case kube::EventType::kBookmark:
    case kube::EventType::kError:  // not delivered: the client turns it into an Error
      break;
  }
  if (!version.empty()) resource_version_ = std::move(version);
  if (!progressed_) set_error({});
  progressed_ = true;
  if (event.bytes > kLargeDocumentBytes) large_ = clock_.now();
  // Looked at with each event; bookmarks come about every minute.
  return !large_ || clock_.now() - *large_ < kLargeBufferKept;
}

void Watcher::after_failure(const Error& error, std::stop_token stop) {
  if (error.kind == ErrorKind::kGone || error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kTooLarge) {
    // The server has dropped the history, or sent what cannot be decoded: starts again with a list. The delay below
    // has jitter, because all replicas and all watchers notice a loss of history at the same moment.
    state_ = State::kList;
    resource_version_.clear();
  }
  // A lost history does not mean that the server is in trouble, so the delay that has grown while the server was away
  // starts anew. If that happens again before a watch has worked, the delay grows as after other failures.
  if (error.kind == ErrorKind::kGone && !std::exchange(history_lost_, true)) backoff_.reset();
  const auto delay = backoff_.next();
  auto message = explain(error, options_.namespace_);
  set_error(message);
  const auto level = error.kind == ErrorKind::kGone ? log::Level::kInfo : log::Level::kWarn;
  log::write(level, state_ == State::kList ? "will list again" : "will watch again",
             {{"resource", std::string{options_.resource.plural}},
              {"error", std::move(message)},
              {"retry_in", fmt::format("{}ms", delay.count())}});
  clock_.sleep(delay, std::move(stop));
}

bool Watcher::wait_synced(SteadyClock::Span timeout, std::stop_token stop) {
  MutexLock lock(mutex_);
  return clock_.wait(mutex_, changed_, clock_.now() + timeout, std::move(stop),
                     [this]() REQUIRES(mutex_) { return synced(); });
}

std::string Watcher::last_error() const {
  const MutexLock lock(mutex_);
  return last_error_;
}

void Watcher::set_synced() {
  {
    const MutexLock lock(mutex_);
    synced_.store(true, std::memory_order_release);
  }
  changed_.notify_all();
  if (options_.on_synced) options_.on_synced();
}

void Watcher::set_error(std::string message) {
  const MutexLock lock(mutex_);
  last_error_ = std::move(message);
}

}  // namespace modelrun::runtime
