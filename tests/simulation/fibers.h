// Cooperative fibers on one thread, and the simulated time that they wait for.
//
// The code under test believes that it has threads. In the simulator each of its threads is a fiber, and a fiber gives
// up control only in wait() and sleep(). Which of the runnable fibers goes on next is asked of Choices, so that one
// seed decides the whole order. Time stands still while any fiber is runnable, and jumps to the earliest deadline when
// none is.
//
// A fiber must not wait while it holds a mutex, and must not wait inside a catch block.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "simulation/random.h"

namespace modelrun::simulation {

// Time since the beginning of the world.
using Nanos = std::chrono::nanoseconds;

// The fibers of one process, or of the rest of the world. It must outlive its fibers.
struct FiberGroup {
  bool paused = false;  // none of its fibers is resumed, as after SIGSTOP
  int alive = 0;        // fibers that have not ended
};

class Fibers {
 public:
  explicit Fibers(Choices& choices);
  // REQUIRES: all fibers have ended.
  ~Fibers();
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  // Starts a fiber that runs `body`. It is runnable at once, but does not run before the caller waits. An exception
  // that leaves `body` ends the fiber and is kept; see failure().
  void spawn(FiberGroup& group, std::string name, std::function<void()> body);
  [[nodiscard]] Nanos now() const { return now_; }

  // For fibers only. Waits until `ready()` is true, `deadline` has come (nullopt: there is none) or `stop` is
  // requested, and returns ready(). `ready` is called often and on other stacks: it must be cheap, and must not wait.
  bool wait(std::optional<Nanos> deadline, const std::function<bool()>& ready, const std::stop_token& stop = {});
  // For fibers only. Returns false if `stop` was requested before the time was over.
  bool sleep(Nanos span, const std::stop_token& stop = {});

  // For the thread that owns the world. Resumes one fiber, after a jump in time if none is runnable. Returns false, and
  // does nothing, when no fiber is runnable and none has a deadline at or before `until`; then the time is `until`.
  bool step(Nanos until);
  // How many fibers have not ended.
  [[nodiscard]] std::size_t alive() const { return fibers_.size(); }
  // The name of the fiber that runs, or that ran last.
  [[nodiscard]] const std::string& running() const { return running_name_; }
  // What the first exception that left a fiber said, with the fiber's name; empty if there was none.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  // The names of the fibers that have not ended, for messages.
  [[nodiscard]] std::string names() const;

 private:
  struct Fiber;
  [[nodiscard]] bool runnable(const Fiber& fiber) const;
  void resume(Fiber& fiber);
  static void enter();

  Choices& choices_;
  Nanos now_{0};
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> runnable_;  // kept to save allocations
  Fiber* current_ = nullptr;
  void* main_stack_ = nullptr;
  std::string running_name_;
  std::string failure_;
};

}  // namespace modelrun::simulation
