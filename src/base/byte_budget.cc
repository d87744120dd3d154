#include "base/byte_budget.h"

namespace modelrun {

bool ByteBudget::Hold::set(std::size_t bytes) {
  if (bytes > bytes_ && (budget_ == nullptr || !budget_->take(owner_, bytes - bytes_))) return false;
  if (bytes < bytes_) budget_->give(owner_, bytes_ - bytes);
  bytes_ = bytes;
  return true;
}

void ByteBudget::Hold::release() {
  if (budget_ != nullptr && bytes_ > 0) budget_->give(owner_, std::exchange(bytes_, 0));
}

std::size_t ByteBudget::used() const {
  const MutexLock lock(mutex_);
  return used_;
}

bool ByteBudget::take(const std::string& owner, std::size_t bytes) {
  const MutexLock lock(mutex_);
  const auto found = by_owner_.find(owner);
  const auto held = found == by_owner_.end() ? 0 : found->second;
  if (bytes > total_ - used_ || bytes > share_ - held) return false;
  used_ += bytes;
  by_owner_[owner] = held + bytes;
  return true;
}

void ByteBudget::give(const std::string& owner, std::size_t bytes) {
  const MutexLock lock(mutex_);
  used_ -= bytes;
  const auto found = by_owner_.find(owner);
  found->second -= bytes;
  if (found->second == 0) by_owner_.erase(found);
}

}  // namespace modelrun
