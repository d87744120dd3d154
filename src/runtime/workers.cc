#include "runtime/workers.h"

#include <exception>
#include <utility>

#include "base/log.h"

namespace modelrun::runtime {
namespace {

ReconcileResult contained(const Reconcile& reconcile, const std::string& key, std::stop_token stop) {
  try {
    return reconcile(key, std::move(stop));
  } catch (const std::exception& error) {
    return failed({ErrorKind::kInternal, fmt::format("exception: {}", error.what())});
  } catch (...) {
    return failed({ErrorKind::kInternal, "exception of an unknown type"});
  }
}

void log_failure(const std::string& name, const std::string& key, const Error& error, SteadyClock::Span delay) {
  const auto level = error.kind == ErrorKind::kConflict    ? log::Level::kDebug
                     : error.kind == ErrorKind::kCancelled ? log::Level::kDebug
                     : error.kind == ErrorKind::kInternal  ? log::Level::kError
                                                           : log::Level::kWarn;
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(delay);
  log::write(level, "reconcile failed, will try again",
             {{"controller", name},
              {"key", key},
              {"kind", std::string{to_string(error.kind)}},
              {"error", error.message},
              {"retry_in", fmt::format("{}ms", wait.count())}});
}

}  // namespace

void work_one(const std::string& name, WorkQueue& queue, const std::string& key, const Reconcile& reconcile,
              std::stop_token stop, SteadyClock& clock, Metrics* metrics) {
  if (metrics != nullptr) metrics->working(name, 1);
  const auto begin = clock.now();
  const ReconcileResult outcome = contained(reconcile, key, std::move(stop));
  std::string_view result = "done";
  if (const auto* failure = std::get_if<Failed>(&outcome)) {
    result = failure->error.kind == ErrorKind::kConflict ? "conflict" : "failed";
    log_failure(name, key, failure->error, queue.add_rate_limited(key));
  } else if (const auto* later = std::get_if<RequeueAfter>(&outcome)) {
    result = "requeue";
    queue.forget(key);
    queue.add_after(key, later->delay);
  } else {
    queue.forget(key);
  }
  queue.done(key);
  if (metrics == nullptr) return;
  metrics->reconciled(name, result, clock.now() - begin);
  metrics->working(name, -1);
}

Workers::Workers(std::string name, int threads, WorkQueue& queue, Reconcile reconcile, SteadyClock& clock,
                 Metrics* metrics)
    : name_(std::move(name)),
      count_(threads),
      queue_(queue),
      reconcile_(std::move(reconcile)),
      clock_(clock),
      metrics_(metrics) {}

Workers::~Workers() {
  stop();
}

void Workers::start() {
  if (metrics_ != nullptr) metrics_->workers(name_, count_);
  for (int i = 0; i < count_; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) {
      while (auto key = queue_.get(stop)) work_one(name_, queue_, *key, reconcile_, stop, clock_, metrics_);
    });
  }
}

void Workers::stop() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();  // joins
  if (metrics_ != nullptr) metrics_->workers(name_, 0);
}

}  // namespace modelrun::runtime
