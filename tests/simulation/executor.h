// Runs the controller's background tasks on fibers.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "controller/sources/executor.h"
#include "simulation/sim.h"

namespace modelrun::simulation {

// Two tasks of an owner run at a time, in the order in which they were posted. `group` is the process's, and must
// outlive the executor. The destructor waits for the tasks, so it has to run on a fiber.
class FiberExecutor final : public controller::Executor {
 public:
  FiberExecutor(Sim& sim, FiberGroup& group, std::string who) : sim_(sim), group_(group), who_(std::move(who)) {}
  ~FiberExecutor() override;
  void post(std::string_view owner, Task task) override;
  void post_short(std::string_view owner, Task task) override {
    post("short tasks of " + std::string(owner), std::move(task));
  }

 private:
  struct Owner {
    std::deque<Task> tasks;
    int running = 0;
  };
  void work(const std::string& owner);

  Sim& sim_;
  FiberGroup& group_;
  const std::string who_;
  std::map<std::string, Owner> owners_;
  std::stop_source stop_;
  int running_ = 0;
};

}  // namespace modelrun::simulation
