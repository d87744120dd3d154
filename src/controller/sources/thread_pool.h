// The Executor of the product: a fixed number of threads, shared fairly.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "controller/sources/executor.h"

namespace modelrun::controller {

struct ThreadPoolOptions {
  int threads = 16;
  int short_threads = 2;  // more, for short tasks only; 0: such tasks are like others
  // How many tasks of one owner may run at the same time. As long as fewer than threads / per_owner owners have tasks
  // that block, a task of any other owner begins at once.
  int per_owner = 2;
};

// An owner whose turn it is has one task begun, and then goes to the end of the line. The queue has no limit of its
// own: Sources posts at most one task for each run and each project.
class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(ThreadPoolOptions options = {});
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void post(std::string_view owner, Task task) override;
  void post_short(std::string_view owner, Task task) override;

 private:
  struct Owner {
    std::deque<Task> waiting;
    int running = 0;
  };
  void work(const std::stop_token& stop);
  // Lines the owner up for its next task if it has one that may begin, and is not in the line yet.
  void line_up(const std::string& name, const Owner& owner) REQUIRES(mutex_);

  const int per_owner_;
  Mutex mutex_;
  CondVar ready_;
  std::map<std::string, Owner, std::less<>> owners_ GUARDED_BY(mutex_);  // only those that have a task
  std::deque<std::string> line_ GUARDED_BY(mutex_);                      // owners of which a task may begin, each once
  // Last: they use all other members.
  std::vector<std::jthread> threads_;
  std::unique_ptr<ThreadPool> short_;
};

}  // namespace modelrun::controller
