#include "controller/sources/thread_pool.h"

#include <algorithm>
#include <utility>

namespace modelrun::controller {

namespace {

// Lines `name` up, unless it is in the line already.
void stand_in(std::deque<std::string>& line, const std::string& name) {
  if (std::ranges::find(line, name) == line.end()) line.push_back(name);
}

}  // namespace

ThreadPool::ThreadPool(ThreadPoolOptions options) : per_owner_(options.per_owner), per_tenant_(options.per_tenant) {
  for (int i = 0; i < options.threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
  if (options.short_threads > 0) {
    short_ = std::make_unique<ThreadPool>(
        ThreadPoolOptions{.threads = options.short_threads, .short_threads = 0, .per_owner = 1, .per_tenant = 1});
  }
}

ThreadPool::~ThreadPool() {
  for (auto& thread : threads_) thread.request_stop();
}

void ThreadPool::post(std::string_view owner, Task task) {
  {
    const MutexLock lock(mutex_);
    const auto tenant = tenants_.try_emplace(std::string(owner.substr(0, owner.find('/')))).first;
    const auto at = tenant->second.owners.try_emplace(std::string(owner)).first;
    at->second.waiting.push_back(std::move(task));
    line_up(tenant->first, tenant->second, at->first);
  }
  ready_.notify_one();
}

void ThreadPool::post_short(std::string_view owner, Task task) {
  (short_ ? *short_ : *this).post(owner, std::move(task));
}

void ThreadPool::line_up(const std::string& tenant_name, Tenant& tenant, const std::string& owner_name) {
  const auto& owner = tenant.owners.find(owner_name)->second;
  if (!owner.waiting.empty() && owner.running < per_owner_) stand_in(tenant.line, owner_name);
  if (!tenant.line.empty() && tenant.running < per_tenant_) stand_in(line_, tenant_name);
}

ThreadPool::Begun ThreadPool::begin_next() {
  Begun begun;
  begun.tenant = std::move(line_.front());
  line_.pop_front();
  auto& tenant = tenants_.find(begun.tenant)->second;
  begun.owner = std::move(tenant.line.front());
  tenant.line.pop_front();
  auto& owner = tenant.owners.find(begun.owner)->second;
  begun.task = std::move(owner.waiting.front());
  owner.waiting.pop_front();
  ++owner.running;
  ++tenant.running;
  line_up(begun.tenant, tenant, begun.owner);
  return begun;
}

void ThreadPool::end(const Begun& begun) {
  const auto tenant = tenants_.find(begun.tenant);
  const auto owner = tenant->second.owners.find(begun.owner);
  --owner->second.running;
  --tenant->second.running;
  line_up(begun.tenant, tenant->second, begun.owner);
  if (owner->second.waiting.empty() && owner->second.running == 0) tenant->second.owners.erase(owner);
  if (tenant->second.owners.empty()) tenants_.erase(tenant);
}

void ThreadPool::work(const std::stop_token& stop) {
  for (;;) {
    Begun begun;
    {
      MutexLock lock(mutex_);
      if (!ready_.wait(mutex_, stop, [this]() REQUIRES(mutex_) { return !line_.empty(); }) || stop.stop_requested())
        return;
      begun = begin_next();
      // This call of notify_one() stands for the one of post() that found no thread free.
      if (!line_.empty()) ready_.notify_one();
    }
    begun.task(stop);
    const MutexLock lock(mutex_);
    end(begun);
    if (!line_.empty()) ready_.notify_one();
  }
}

}  // namespace modelrun::controller
