// Monotonic time, and waiting for it, behind an interface, so that tests can advance the time instead of sleeping.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

#include "base/mutex.h"

namespace modelrun::runtime {

// Thread-safe.
class SteadyClock {
 public:
  using Point = std::chrono::steady_clock::time_point;
  using Span = std::chrono::steady_clock::duration;

  virtual ~SteadyClock() = default;
  [[nodiscard]] virtual Point now() const = 0;

  // Waits until `ready()` is true, `deadline` passes (nullopt: there is none) or `stop` is requested, and returns
  // ready(). The caller must hold `mutex`; it is held while `ready` is called and on return. Code that changes
  // what `ready` depends on must notify `changed`.
  virtual bool wait(Mutex& mutex, CondVar& changed, std::optional<Point> deadline, std::stop_token stop,
                    const std::function<bool()>& ready) REQUIRES(mutex) = 0;

  // Blocks for `span`, or until `stop` is requested. Returns false in the second case.
  bool sleep(Span span, std::stop_token stop);
};

// Uses std::chrono::steady_clock. It has no state.
class RealSteadyClock final : public SteadyClock {
 public:
  [[nodiscard]] Point now() const override;
  bool wait(Mutex& mutex, CondVar& changed, std::optional<Point> deadline, std::stop_token stop,
            const std::function<bool()>& ready) REQUIRES(mutex) override;
};

}  // namespace modelrun::runtime
