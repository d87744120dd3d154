// The clocks of one simulated process.
#pragma once

#include "base/clock.h"
#include "runtime/steady_clock.h"
#include "simulation/sim.h"

namespace modelrun::simulation {

// Monotonic time: that of the world. wait() lets other fibers go on.
class SimSteadyClock final : public runtime::SteadyClock {
 public:
  explicit SimSteadyClock(Sim& sim) : sim_(sim) {}
  [[nodiscard]] Point now() const override { return Point{kStart + sim_.fibers.now()}; }
  bool wait(Mutex& mutex, CondVar&, std::optional<Point> deadline, std::stop_token stop,
            const std::function<bool()>& ready) NO_THREAD_SAFETY_ANALYSIS override {
    // No fiber holds a mutex while another one runs, so `ready` may be called without it by the scheduler.
    mutex.unlock();
    const auto until = deadline ? std::optional<Nanos>(deadline->time_since_epoch() - kStart) : std::nullopt;
    const bool result = sim_.fibers.wait(until, ready, stop);
    mutex.lock();
    return result;
  }

 private:
  static constexpr Nanos kStart = std::chrono::hours(1);
  Sim& sim_;
};

// Wall time, ahead of the true time by an offset that may change at any moment.
class SimClock final : public Clock {
 public:
  SimClock(const Sim& sim, Duration offset) : sim_(sim), offset_(offset) {}
  [[nodiscard]] Time now() const override { return sim_.wall_at(offset_); }
  void set_offset(Duration offset) { offset_ = offset; }
  [[nodiscard]] Duration offset() const { return offset_; }

 private:
  const Sim& sim_;
  Duration offset_;
};

}  // namespace modelrun::simulation
