#include "sandbox/background.h"

#include <poll.h>

#include "sandbox/note.h"

namespace modelrun::sandbox {
namespace {

constexpr std::chrono::seconds kBetweenFailures{1};
constexpr auto kForever = std::chrono::hours(24 * 365);

}  // namespace

SourceFetch::SourceFetch(const RunServer& server, RetryPolicy retry)
    : thread_([this, &server, retry] {
        if (!wait_ready(start_.fd(), POLLIN, stop_.fd(), Monotonic::now() + kForever)) return;
        auto result = server.fetch_source(retry, stop_.fd());
        {
          const std::lock_guard lock(mutex_);
          result_ = std::move(result);
        }
        done_.raise();
      }) {}

SourceFetch::~SourceFetch() {
  stop_.raise();
  thread_.join();
}

std::optional<Result<void>> SourceFetch::result() const {
  const std::lock_guard lock(mutex_);
  return result_;
}

OrderWatch::OrderWatch(const RunServer& server) : thread_([this, &server] { run(server); }) {}

OrderWatch::~OrderWatch() {
  stop_.raise();
  thread_.join();
}

void OrderWatch::run(const RunServer& server) const {
  if (!wait_ready(start_.fd(), POLLIN, stop_.fd(), Monotonic::now() + kForever)) return;
  while (!stop_.raised()) {
    const auto cancel = server.ask_for_order(stop_.fd());
    if (cancel && !*cancel) continue;
    // The attempt is over: whatever this model still computes is nobody's.
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
