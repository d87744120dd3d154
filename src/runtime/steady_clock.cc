#include "runtime/steady_clock.h"

#include "base/mutex.h"

namespace modelrun::runtime {

bool SteadyClock::sleep(Span span, std::stop_token stop) {
  Mutex mutex;
  CondVar never;
  const MutexLock lock(mutex);
  wait(mutex, never, now() + span, stop, [] { return false; });
  return !stop.stop_requested();
}

SteadyClock::Point RealSteadyClock::now() const {
  return std::chrono::steady_clock::now();
}

bool RealSteadyClock::wait(Mutex& mutex, CondVar& changed, std::optional<Point> deadline, std::stop_token stop,
                           const std::function<bool()>& ready) {
  if (deadline) return changed.wait_until(mutex, std::move(stop), *deadline, ready);
  return changed.wait(mutex, std::move(stop), ready);
}

}  // namespace modelrun::runtime
