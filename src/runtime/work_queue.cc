#include "runtime/work_queue.h"

#include <utility>

#include "base/mutex.h"

namespace modelrun::runtime {
namespace {

std::string namespace_of(const std::string& key) {
  return key.substr(0, key.find('/'));
}

}  // namespace

WorkQueue::WorkQueue(WorkQueueOptions options, SteadyClock& clock, Metrics* metrics)
    : options_(std::move(options)), clock_(clock), metrics_(metrics), random_(options_.seed) {}

WorkQueue::~WorkQueue() {
  if (metrics_ != nullptr) metrics_->queue_depth(options_.name, 0);
}

void WorkQueue::add(std::string_view key) {
  const MutexLock lock(mutex_);
  add_locked(key);
}

void WorkQueue::add_after(std::string_view key, SteadyClock::Span delay) {
  const MutexLock lock(mutex_);
  add_after_locked(key, delay);
}

SteadyClock::Span WorkQueue::add_rate_limited(std::string_view key) {
  const MutexLock lock(mutex_);
  std::uint32_t& failures = failures_[std::string{key}];
  const auto base = backoff_delay(options_.rate, failures);
  if (failures < 64) ++failures;
  std::uniform_real_distribution<double> spread(1.0, 1.0 + options_.rate.jitter);
  const auto delay = std::min(std::chrono::duration_cast<SteadyClock::Span>(base * spread(random_)),
                              SteadyClock::Span{options_.rate.max});
  add_after_locked(key, delay);
  return delay;
}

void WorkQueue::forget(std::string_view key) {
  const MutexLock lock(mutex_);
  failures_.erase(std::string{key});
}

std::uint32_t WorkQueue::failures(std::string_view key) const {
  const MutexLock lock(mutex_);
  const auto found = failures_.find(std::string{key});
  return found == failures_.end() ? 0 : found->second;
}

std::optional<std::string> WorkQueue::get(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    move_due_locked();
    if (auto key = take_locked()) return key;
    const auto next = delays_.empty() ? std::nullopt : std::optional{delays_.top().due};
    // Also wakes up when an earlier delay has been added, to compute the deadline again.
    clock_.wait(mutex_, changed_, next, stop, [&]() REQUIRES(mutex_) {
      return !turns_.empty() || (!delays_.empty() && (!next || delays_.top().due < *next));
    });
  }
  return std::nullopt;
}

std::optional<std::string> WorkQueue::try_get() {
  const MutexLock lock(mutex_);
  move_due_locked();
  return take_locked();
}

void WorkQueue::done(std::string_view key) {
  const MutexLock lock(mutex_);
  const std::string name{key};
  processing_.erase(name);
  if (dirty_.contains(name)) make_ready_locked(name);
}

std::size_t WorkQueue::depth() const {
  const MutexLock lock(mutex_);
  return ready_count_;
}

std::size_t WorkQueue::delayed() const {
  const MutexLock lock(mutex_);
  return due_.size();
}

bool WorkQueue::idle() const {
  const MutexLock lock(mutex_);
  return dirty_.empty() && processing_.empty() && due_.empty();
}

std::optional<SteadyClock::Point> WorkQueue::next_due() const {
  const MutexLock lock(mutex_);
  std::optional<SteadyClock::Point> next;
  for (const auto& [key, due] : due_) {
    if (!next || due < *next) next = due;
  }
  return next;
}

void WorkQueue::add_locked(std::string_view key) {
  std::string name{key};
  due_.erase(name);
  if (!dirty_.try_emplace(name, clock_.now()).second) return;
  if (processing_.contains(name)) return;  // done() makes it ready
  make_ready_locked(std::move(name));
}

void WorkQueue::make_ready_locked(std::string key) {
  auto name_space = namespace_of(key);
  auto& keys = ready_[name_space];
  if (keys.empty()) turns_.push_back(std::move(name_space));
  keys.push_back(std::move(key));
  ++ready_count_;
  report_depth_locked();
  changed_.notify_one();
}

void WorkQueue::add_after_locked(std::string_view key, SteadyClock::Span delay) {
  if (delay <= SteadyClock::Span::zero()) return add_locked(key);
  const std::string name{key};
  // A dirty key is in ready_, or it is being worked on and becomes ready at done(). Both are sooner than the delay.
  if (dirty_.contains(name)) return;
  const auto due = clock_.now() + delay;
  const auto [held, added] = due_.try_emplace(name, due);
  if (!added && held->second <= due) return;
  held->second = due;
  delays_.push({due, name});
  // Any of the waiters may take the key, so all of them must compute their deadline again.
  changed_.notify_all();
}

void WorkQueue::move_due_locked() {
  const auto now = clock_.now();
  while (!delays_.empty()) {
    const Delay& first = delays_.top();
    const auto held = due_.find(first.key);
    const bool valid = held != due_.end() && held->second == first.due;
    if (valid && first.due > now) return;
    const std::string key = first.key;
    delays_.pop();
    if (valid) add_locked(key);
  }
}

std::optional<std::string> WorkQueue::take_locked() {
  if (turns_.empty()) return std::nullopt;
  auto name_space = std::move(turns_.front());
  turns_.pop_front();
  const auto keys = ready_.find(name_space);
  std::string key = std::move(keys->second.front());
  keys->second.pop_front();
  --ready_count_;
  if (keys->second.empty()) {
    ready_.erase(keys);
  } else {
    turns_.push_back(std::move(name_space));
  }
  const auto since = dirty_.find(key);
  if (metrics_ != nullptr) metrics_->queue_waited(options_.name, clock_.now() - since->second);
  dirty_.erase(since);
  processing_.insert(key);
  report_depth_locked();
  return key;
}

void WorkQueue::report_depth_locked() const {
  if (metrics_ != nullptr) metrics_->queue_depth(options_.name, ready_count_);
}

}  // namespace modelrun::runtime
