#include "controller/slot_queue.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace modelrun::controller {

void SlotQueue::enter(const std::string& project_key, SlotRequest request) {
  const MutexLock lock(mutex_);
  project_of_[request.uid] = project_key;
  auto& requests = by_project_[project_key];
  requests.insert_or_assign(request.uid, std::move(request));
}

void SlotQueue::leave(const std::string& uid) {
  const MutexLock lock(mutex_);
  const auto found = project_of_.find(uid);
  if (found == project_of_.end()) return;
  auto& requests = by_project_[found->second];
  requests.erase(uid);
  if (requests.empty()) by_project_.erase(found->second);
  project_of_.erase(found);
}

std::vector<SlotRequest> SlotQueue::of(const std::string& project_key) const {
  std::vector<SlotRequest> waiting;
  {
    const MutexLock lock(mutex_);
    const auto found = by_project_.find(project_key);
    if (found == by_project_.end()) return waiting;
    for (const auto& [uid, request] : found->second) waiting.push_back(request);
  }
  std::ranges::sort(waiting, {}, [](const SlotRequest& request) { return std::tie(request.created, request.uid); });
  return waiting;
}

std::optional<WriteTimes::Point> WriteTimes::last(const std::string& project_key) const {
  const MutexLock lock(mutex_);
  const auto found = times_.find(project_key);
  return found == times_.end() ? std::nullopt : std::optional(found->second);
}

void WriteTimes::note(const std::string& project_key, Point now) {
  const MutexLock lock(mutex_);
  times_[project_key] = now;
}

void WriteTimes::forget(const std::string& project_key) {
  const MutexLock lock(mutex_);
  times_.erase(project_key);
}

}  // namespace modelrun::controller
