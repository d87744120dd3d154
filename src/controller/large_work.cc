#include "controller/large_work.h"

#include <algorithm>
#include <utility>

namespace modelrun::controller {

LargeWork::Turn::~Turn() {
  if (work_ == nullptr) return;
  if (held_)
    work_->give_back();
  else if (!asked_)
    work_->forget(run_.namespace_, run_.uid);
}

bool LargeWork::Turn::take() {
  asked_ = true;
  if (!held_ && work_ != nullptr) held_ = work_->take(run_);
  return held_;
}

Duration LargeWork::Turn::waited() const {
  if (work_ == nullptr) return {};
  const MutexLock lock(work_->mutex_);
  const auto* waiter = work_->find(run_.namespace_, run_.uid);
  if (waiter == nullptr) return {};
  return std::chrono::duration_cast<Duration>(work_->clock_.now() - waiter->since);
}

bool LargeWork::take(const Turn::Run& run) {
  const MutexLock lock(mutex_);
  const bool first = namespaces_.empty() || lines_.at(namespaces_.front()).front().uid == run.uid;
  if (!taken_ && first) {
    // The next turn is another namespace's.
    if (!namespaces_.empty()) {
      std::ranges::rotate(namespaces_, namespaces_.begin() + 1);
      erase(run.namespace_, run.uid);
    }
    taken_ = true;
    return true;
  }
  if (find(run.namespace_, run.uid) != nullptr) return false;
  auto& line = lines_[run.namespace_];
  if (line.empty()) namespaces_.push_back(run.namespace_);
  line.push_back({run.uid, run.key, clock_.now()});
  return false;
}

void LargeWork::give_back() {
  std::string next;
  {
    const MutexLock lock(mutex_);
    taken_ = false;
    next = next_key();
  }
  if (!next.empty()) wake_(next);
}

void LargeWork::forget(const std::string& namespace_, const std::string& uid) {
  std::string next;
  {
    const MutexLock lock(mutex_);
    if (!erase(namespace_, uid)) return;
    // It may have been the one that was woken.
    next = next_key();
  }
  if (!next.empty()) wake_(next);
}

std::size_t LargeWork::waiting() const {
  const MutexLock lock(mutex_);
  std::size_t count = 0;
  for (const auto& [namespace_, line] : lines_) count += line.size();
  return count;
}

const LargeWork::Waiter* LargeWork::find(const std::string& namespace_, const std::string& uid) const {
  const auto line = lines_.find(namespace_);
  if (line == lines_.end()) return nullptr;
  const auto found = std::ranges::find(line->second, uid, &Waiter::uid);
  return found == line->second.end() ? nullptr : &*found;
}

bool LargeWork::erase(const std::string& namespace_, const std::string& uid) {
  const auto line = lines_.find(namespace_);
  if (line == lines_.end()) return false;
  if (std::erase_if(line->second, [&](const Waiter& waiter) { return waiter.uid == uid; }) == 0) return false;
  if (line->second.empty()) {
    std::erase(namespaces_, namespace_);
    lines_.erase(line);
  }
  return true;
}

std::string LargeWork::next_key() const {
  return taken_ || namespaces_.empty() ? std::string() : lines_.at(namespaces_.front()).front().key;
}

}  // namespace modelrun::controller
