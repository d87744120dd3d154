// A few threads for work that blocks: git, and reads of Secrets.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace modelrun::controller {

// Thread-safe. Tasks that have not begun when the pool is destroyed are dropped; running ones are asked to stop, and
// waited for.
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

  void post(Task task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    ready_.notify_one();
  }

 private:
  void work(const std::stop_token& stop) {
    for (;;) {
      Task task;
      {
        std::unique_lock lock(mutex_);
        if (!ready_.wait(lock, stop, [this] { return !tasks_.empty(); }) || stop.stop_requested()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task(stop);
    }
  }

  std::mutex mutex_;
  std::condition_variable_any ready_;
  std::deque<Task> tasks_;             // guarded by mutex_
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace modelrun::controller
