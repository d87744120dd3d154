#include "base/byte_budget.h"

#include <utility>

namespace modelrun {

ByteBudget::Lease& ByteBudget::Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  shrink_to(0);
  budget_ = std::move(other.budget_);
  owner_ = std::move(other.owner_);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

bool ByteBudget::Lease::grow_to(std::size_t bytes) {
  if (bytes <= bytes_) return true;
  if (!budget_ || !budget_->take(owner_, bytes - bytes_)) return false;
  bytes_ = bytes;
  return true;
}

void ByteBudget::Lease::shrink_to(std::size_t bytes) {
  if (bytes >= bytes_) return;
  budget_->give_back(owner_, bytes_ - bytes);
  bytes_ = bytes;
}

bool ByteBudget::take(const std::string& owner, std::size_t bytes) {
  const MutexLock lock(mutex_);
  const auto found = by_owner_.find(owner);
  const std::size_t has = found == by_owner_.end() ? 0 : found->second;
  if (bytes > total_ - used_ || bytes > share_ - has) {
    ++refusals_;
    return false;
  }
  used_ += bytes;
  by_owner_[owner] = has + bytes;
  return true;
}

void ByteBudget::give_back(const std::string& owner, std::size_t bytes) {
  const MutexLock lock(mutex_);
  used_ -= bytes;
  const auto found = by_owner_.find(owner);
  found->second -= bytes;
  if (found->second == 0) by_owner_.erase(found);
}

std::size_t ByteBudget::used() const {
  const MutexLock lock(mutex_);
  return used_;
}

std::uint64_t ByteBudget::refusals() const {
  const MutexLock lock(mutex_);
  return refusals_;
}

}  // namespace modelrun
