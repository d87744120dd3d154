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
  // How many tasks of one owner may run at the same time.
  int per_owner = 2;
  // How many of one tenant, all of its owners together. As long as fewer than threads / per_tenant tenants have tasks
  // that block, a task of any other tenant begins at once, however many owners they have.
  int per_tenant = 4;
};

// Tenants take turns, and so do the owners of each: whoever's turn it is has one task begun, and then goes to the end
// of the line. The queue has no limit of its own: Sources posts at most one task for each run and each project.
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
  struct Tenant {
    std::map<std::string, Owner, std::less<>> owners;  // only those that have a task
    std::deque<std::string> line;                      // owners of which a task may begin, each once
    int running = 0;
  };
  // What a thread works on: whose it is, and the task.
  struct Begun {
    std::string tenant;
    std::string owner;
    Task task;
  };
  void work(const std::stop_token& stop);
  Begun begin_next() REQUIRES(mutex_);  // the line must not be empty
  void end(const Begun& begun) REQUIRES(mutex_);
  // Lines the owner up for its next task if it has one that may begin, and its tenant if it may begin one; neither
  // twice.
  void line_up(const std::string& tenant_name, Tenant& tenant, const std::string& owner_name) REQUIRES(mutex_);

  const int per_owner_;
  const int per_tenant_;
  Mutex mutex_;
  CondVar ready_;
  std::map<std::string, Tenant, std::less<>> tenants_ GUARDED_BY(mutex_);  // only those that have a task
  std::deque<std::string> line_ GUARDED_BY(mutex_);  // tenants of which a task may begin, each once
  // Last: they use all other members.
  std::vector<std::jthread> threads_;
  std::unique_ptr<ThreadPool> short_;
};

}  // namespace modelrun::controller
