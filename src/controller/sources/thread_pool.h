// A fixed number of threads for work that blocks, such as running git and reading Secrets.
#pragma once

#include <deque>
#include <functional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace modelrun::controller {

// Thread-safe. Tasks start in the order in which they were posted. The destructor drops the tasks that have not
// begun, asks the running ones to stop, and waits for them. The queue has no limit.
class ThreadPool {
 public:
  using Task = std::function<void(std::stop_token)>;

  explicit ThreadPool(int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
  }
  ~ThreadPool() {
    for (auto& thread : threads_) thread.request_stop();
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Has `task` called on one of the threads. Its stop_token fires when the pool is destroyed.
  void post(Task task) {
    {
      const MutexLock lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    ready_.notify_one();
  }

 private:
  void work(const std::stop_token& stop) {
    for (;;) {
      Task task;
      {
        MutexLock lock(mutex_);
        if (!ready_.wait(mutex_, stop, [this]() REQUIRES(mutex_) { return !tasks_.empty(); }) || stop.stop_requested())
          return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task(stop);
    }
  }

  Mutex mutex_;
  CondVar ready_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_;  // last: they use all other members
};

}  // namespace modelrun::controller
