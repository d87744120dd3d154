#include "sandbox/background.h"

#include <poll.h>

#include "base/mutex.h"
#include "sandbox/note.h"

namespace modelrun::sandbox {
namespace {

constexpr std::chrono::seconds kBetweenFailures{1};
constexpr auto kForever = std::chrono::hours(24 * 365);

}  // namespace

SourceFetch::SourceFetch(const RunServerClient& server, std::optional<RetryPolicy> retry)
    : server_(server), retry_(retry) {
  if (!valid()) return;
  thread_ = std::thread([this] {
    if (!wait_ready(start_.fd(), POLLIN, stop_.fd(), Monotonic::now() + kForever)) return;
    auto result = retry_ ? server_.fetch_source(*retry_, stop_.fd()) : server_.await_work(stop_.fd());
    {
      const MutexLock lock(mutex_);
      result_ = std::move(result);
    }
    done_.raise();
  });
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
