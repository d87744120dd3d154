#include "runtime/steady_clock.h"

namespace modelrun::runtime {

bool SteadyClock::sleep(Span span, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  wait(lock, never, now() + span, stop, [] { return false; });
  return !stop.stop_requested();
}

SteadyClock::Point RealSteadyClock::now() const {
  return std::chrono::steady_clock::now();
}

bool RealSteadyClock::wait(std::unique_lock<std::mutex>& lock, std::condition_variable_any& changed,
                           std::optional<Point> deadline, std::stop_token stop, const std::function<bool()>& ready) {
  if (deadline) return changed.wait_until(lock, std::move(stop), *deadline, ready);
  return changed.wait(lock, std::move(stop), ready);
}

}  // namespace modelrun::runtime
