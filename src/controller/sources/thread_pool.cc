#include "controller/sources/thread_pool.h"

#include <algorithm>
#include <utility>

namespace modelrun::controller {

ThreadPool::ThreadPool(ThreadPoolOptions options) : per_owner_(options.per_owner) {
  for (int i = 0; i < options.threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
  if (options.short_threads > 0) {
    short_ = std::make_unique<ThreadPool>(
        ThreadPoolOptions{.threads = options.short_threads, .short_threads = 0, .per_owner = 1});
  }
}

ThreadPool::~ThreadPool() {
  for (auto& thread : threads_) thread.request_stop();
}

void ThreadPool::post(std::string_view owner, Task task) {
  {
    const MutexLock lock(mutex_);
    const auto at = owners_.try_emplace(std::string(owner)).first;
    at->second.waiting.push_back(std::move(task));
    line_up(at->first, at->second);
  }
  ready_.notify_one();
}

void ThreadPool::post_short(std::string_view owner, Task task) {
  (short_ ? *short_ : *this).post(owner, std::move(task));
}

void ThreadPool::line_up(const std::string& name, const Owner& owner) {
  if (owner.waiting.empty() || owner.running >= per_owner_) return;
  if (std::ranges::find(line_, name) == line_.end()) line_.push_back(name);
}

void ThreadPool::work(const std::stop_token& stop) {
  for (;;) {
    std::string name;
    Task task;
    {
      MutexLock lock(mutex_);
      if (!ready_.wait(mutex_, stop, [this]() REQUIRES(mutex_) { return !line_.empty(); }) || stop.stop_requested())
        return;
      name = std::move(line_.front());
      line_.pop_front();
      auto& owner = owners_.find(name)->second;
      task = std::move(owner.waiting.front());
      owner.waiting.pop_front();
      ++owner.running;
      line_up(name, owner);
      // This call of notify_one() stands for the one of post() that found no thread free.
      if (!line_.empty()) ready_.notify_one();
    }
    task(stop);
    const MutexLock lock(mutex_);
    const auto owner = owners_.find(name);
    --owner->second.running;
    line_up(name, owner->second);
    if (owner->second.waiting.empty() && owner->second.running == 0) owners_.erase(owner);
    if (!line_.empty()) ready_.notify_one();
  }
}

}  // namespace modelrun::controller
