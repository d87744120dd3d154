#include "simulation/executor.h"

#include <utility>

namespace modelrun::simulation {

constexpr int kTasksOfAnOwner = 2;

FiberExecutor::~FiberExecutor() {
  for (auto& [name, owner] : owners_) owner.tasks.clear();
  stop_.request_stop();
  sim_.fibers.wait({}, [this] { return running_ == 0; });
}

void FiberExecutor::post(std::string_view owner, Task task) {
  const std::string name(owner);
  auto& tasks = owners_[name];
  tasks.tasks.push_back(std::move(task));
  if (tasks.running >= kTasksOfAnOwner) return;
  ++tasks.running;
  ++running_;
  sim_.fibers.spawn(group_, who_ + " background", [this, name] { work(name); });
}

void FiberExecutor::work(const std::string& owner) {
  auto& mine = owners_[owner];
  while (!mine.tasks.empty()) {
    const auto task = std::move(mine.tasks.front());
    mine.tasks.pop_front();
    task(stop_.get_token());
  }
  --mine.running;
  --running_;
}

}  // namespace modelrun::simulation
