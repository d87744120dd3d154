// Runs work that blocks, such as git and the reading of Secrets, apart from the reconcilers.
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>

namespace modelrun::controller {

// Thread-safe. The destructor drops the tasks that have not begun, asks the others to stop, and waits for them.
class Executor {
 public:
  // The token fires when the executor is destroyed.
  using Task = std::function<void(std::stop_token)>;

  virtual ~Executor() = default;
  // Has `task` called once, not on the caller's stack. Does not block. `owner` names whoever the task is for, as TENANT
  // or TENANT/PART: the tasks of one owner begin in the order in which they were posted. The implementation keeps an
  // owner with many or slow tasks from delaying those of others, and a tenant with many such owners from delaying other
  // tenants.
  virtual void post(std::string_view owner, Task task) = 0;
  // The same for a task that waits for the API server or the disk at most, and never for a git server. It begins also
  // when all other tasks wait.
  virtual void post_short(std::string_view owner, Task task) = 0;
};

}  // namespace modelrun::controller
