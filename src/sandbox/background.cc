#include "sandbox/background.h"

#include <poll.h>

#include "base/mutex.h"
#include "sandbox/note.h"

namespace modelrun::sandbox {
namespace {

constexpr std::chrono::seconds kBetweenFailures{1};
constexpr auto kForever = std::chrono::hours(24 * 365);

}  // namespace

SourceFetch::SourceFetch(const RunServerClient& server, std::optional<RetryPolicy> retry, bool points)
    : server_(server), retry_(retry), of_points_(points) {
  if (!valid()) return;
  thread_ = std::thread([this] {
    if (!wait_ready(start_.fd(), POLLIN, stop_.fd(), Monotonic::now() + kForever)) return;
    auto result = fetch();
    {
      const MutexLock lock(mutex_);
      result_ = std::move(result);
    }
    done_.raise();
  });
}

Result<void> SourceFetch::fetch() {
  RETURN_IF_ERROR(retry_ ? server_.fetch_source(*retry_, stop_.fd()) : server_.await_work(stop_.fd()));
  const auto work = server_.work();
  if (!of_points_ && !(work && work->points)) return {};
  auto points = server_.fetch_points(retry_.value_or(RetryPolicy{.total = kForever}), stop_.fd());
  RETURN_IF_ERROR(points);
  const MutexLock lock(mutex_);
  points_ = *std::move(points);
  return {};
}

const api::PointList* SourceFetch::points() const {
  const MutexLock lock(mutex_);
  return points_ ? &*points_ : nullptr;
}

SourceFetch::~SourceFetch() {
  stop_.raise();
  if (thread_.joinable()) thread_.join();
}

std::optional<Result<void>> SourceFetch::result() const {
  const MutexLock lock(mutex_);
  return result_;
}

std::string SourceFetch::go_payload() const {
  auto work = server_.work();
  if (!work) return {};
  work->parameters.reset();  // they are in their file
  return api::encode_work(*work);
}

CancelWatch::CancelWatch(const RunServerClient& server) {
  if (valid()) thread_ = std::thread([this, &server] { run(server); });
}

CancelWatch::~CancelWatch() {
  stop_.raise();
  if (thread_.joinable()) thread_.join();
}

void CancelWatch::run(const RunServerClient& server) const {
  if (!wait_ready(start_.fd(), POLLIN, stop_.fd(), Monotonic::now() + kForever)) return;
  while (!stop_.raised()) {
    const auto cancel = server.ask_for_order(stop_.fd());
    if (cancel && !*cancel) continue;
    // 409: the attempt is over. Nobody will use what this model still computes, so it is ended like a cancelled one.
    const bool over = !cancel && cancel.error().kind == ErrorKind::kConflict;
    if (cancel || over) {
      if (over) note("{}", cancel.error().message);
      return cancelled_.raise();
    }
    if (cancel.error().kind == ErrorKind::kCancelled) return;
    if (cancel.error().kind == ErrorKind::kDenied) return note("no orders will come: {}", cancel.error().message);
    (void)wait_ready(-1, 0, stop_.fd(), Monotonic::now() + kBetweenFailures);
  }
}

}  // namespace modelrun::sandbox
