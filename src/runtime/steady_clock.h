// Monotonic time and waiting for it, behind an interface, so that tests move the hands and nothing sleeps.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

namespace modelrun::runtime {

// Thread-safe.
class SteadyClock {
 public:
  using Point = std::chrono::steady_clock::time_point;
  using Span = std::chrono::steady_clock::duration;

  virtual ~SteadyClock() = default;
  [[nodiscard]] virtual Point now() const = 0;

  // Waits until `ready()` holds, `deadline` passes (nothing: never) or `stop` is requested; returns ready(). `lock` is
  // held when `ready` is called and on return. Whoever changes what `ready` looks at notifies `changed`.
  virtual bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable_any& changed,
                    std::optional<Point> deadline, std::stop_token stop, const std::function<bool()>& ready) = 0;

  // False when `stop` was requested before `span` had passed.
  bool sleep(Span span, std::stop_token stop);
};

// std::chrono::steady_clock. Stateless.
class RealSteadyClock final : public SteadyClock {
 public:
  [[nodiscard]] Point now() const override;
  bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable_any& changed, std::optional<Point> deadline,
            std::stop_token stop, const std::function<bool()>& ready) override;
};

}  // namespace modelrun::runtime
