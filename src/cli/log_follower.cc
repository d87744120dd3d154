#include "cli/log_follower.h"

#include "api/json_access.h"
#include "api/sandbox.h"
#include "base/mutex.h"
#include "cli/object_watch.h"

namespace modelrun::cli {
namespace {

// A model may print nothing for as long as it may run: at most 24 hours (spec.timeoutSeconds).
constexpr std::chrono::hours kLogIdle{25};
constexpr int kTries = 3;

// Whether the pod's model container has started, so that it has a log.
bool has_started(const kube::Json& pod) {
  const auto& statuses = api::member(api::member(pod, "status"), "containerStatuses");
  if (!statuses.is_array()) return false;
  for (const auto& status : statuses) {
    if (api::text_at(status, "name") != api::kModelContainer) continue;
    const auto& state = api::member(status, "state");
    return state.contains("running") || state.contains("terminated");
  }
  return false;
}

}  // namespace

kube::LogOptions LogView::options(bool follow) const {
  return {.container = std::string(api::kModelContainer),
          .tail_lines = tail,
          .follow = follow,
          .since_seconds = since,
          .timestamps = timestamps};
}

void LogFollower::follow(const std::string& pod) {
  if (pod == pod_) return;
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  pod_ = pod;
  {
    const MutexLock lock(mutex_);
    ended_ = false;
    error_.reset();
  }
  thread_ = std::jthread([this, pod](const std::stop_token& stop) { print(pod, stop); });
}

LogFollower::Ending LogFollower::finish(std::chrono::milliseconds grace) {
  if (!thread_.joinable()) return {false, Error{ErrorKind::kNotFound, "no pod was seen"}};
  {
    MutexLock lock(mutex_);
    changed_.wait_for(mutex_, session_.stop, grace, [this]() REQUIRES(mutex_) { return ended_; });
  }
  thread_.request_stop();
  thread_.join();
  const MutexLock lock(mutex_);
  return {printed_, error_};
}

void LogFollower::print(const std::string& pod, const std::stop_token& stop) {
  const auto options = view_.options(/*follow=*/true);
  const auto on_data = [this](std::string_view piece) {
    printed_ = true;
    to_err_ ? session_.console.err(piece) : session_.console.out(piece);
    return true;
  };
  Result<void> result;
  for (int i = 0; i < kTries; ++i) {
    result = session_.client.pod_log_stream(session_.namespace_, pod, options, kLogIdle, on_data, stop);
    // kInvalid is HTTP 400 here: the container has not started yet.
    if (result || result.error().kind != ErrorKind::kInvalid || stop.stop_requested()) break;
    result = wait_for_container(pod, stop);
    if (!result) break;
  }
  const MutexLock lock(mutex_);
  ended_ = true;
  if (!result) error_ = result.error();
  changed_.notify_all();
}

Result<void> LogFollower::wait_for_container(const std::string& pod, const std::stop_token& stop) {
  return watch_object(
      session_.client, {kube::kPods, session_.namespace_, pod},
      [](const kube::Json& object) { return !has_started(object); }, [](const Error&) {}, stop);
}

}  // namespace modelrun::cli
