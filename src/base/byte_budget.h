// A limit in bytes for what a process holds of many clients or tenants at the same time, with a share for each of them.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"

namespace modelrun {

// Thread-safe; no method blocks. Must outlive the holds.
class ByteBudget {
 public:
  // `share`: what one owner may hold of `total`, both in bytes.
  ByteBudget(std::size_t total, std::size_t share) : total_(total), share_(share) {}

  // Bytes that one owner holds. They are given back when this is destroyed. Belongs to one thread at a time.
  class Hold {
   public:
    Hold() = default;
    Hold(ByteBudget& budget, std::string owner) : budget_(&budget), owner_(std::move(owner)) {}
    ~Hold() { release(); }
    Hold(Hold&& other) noexcept { *this = std::move(other); }
    Hold& operator=(Hold&& other) noexcept {
      if (this == &other) return *this;
      release();
      budget_ = std::exchange(other.budget_, nullptr);
      owner_ = std::move(other.owner_);
      bytes_ = std::exchange(other.bytes_, 0);
      return *this;
    }
    // Takes the difference from the budget, or gives it back, so that `bytes` are held. Returns false, and changes
    // nothing, if the owner's share or the whole budget is used up, or if this has no budget.
    [[nodiscard]] bool set(std::size_t bytes);
    void release();

   private:
    ByteBudget* budget_ = nullptr;
    std::string owner_;
    std::size_t bytes_ = 0;
  };

  [[nodiscard]] Hold hold(std::string owner) { return {*this, std::move(owner)}; }
  [[nodiscard]] std::size_t used() const;

 private:
  bool take(const std::string& owner, std::size_t bytes);
  void give(const std::string& owner, std::size_t bytes);

  const std::size_t total_;
  const std::size_t share_;
  mutable Mutex mutex_;
  std::size_t used_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, std::size_t> by_owner_ GUARDED_BY(mutex_);  // without those that hold nothing
};

}  // namespace modelrun
