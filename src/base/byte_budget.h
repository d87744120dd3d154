// Counts the bytes of memory that a process spends on what comes from outside, and says no before they are too many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"

namespace modelrun {

// A total for everybody, and a share of it that one owner (a namespace, a caller) may have at a time. Thread-safe; no
// function blocks.
class ByteBudget : public std::enable_shared_from_this<ByteBudget> {
  struct Key {};

 public:
  // REQUIRES: share <= total.
  static std::shared_ptr<ByteBudget> make(std::size_t total, std::size_t share) {
    return std::make_shared<ByteBudget>(Key{}, total, share);
  }
  ByteBudget(Key, std::size_t total, std::size_t share) : total_(total), share_(share) {}

  // Bytes that an owner has; they are given back when the lease is destroyed or moved from. May outlive the caller's
  // own reference to the budget. Not thread-safe by itself.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept
        : budget_(std::move(other.budget_)), owner_(std::move(other.owner_)), bytes_(std::exchange(other.bytes_, 0)) {}
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { shrink_to(0); }

    // Takes what is missing to `bytes` in all. Returns false, and changes nothing, if that is more than there is.
    [[nodiscard]] bool grow_to(std::size_t bytes);
    void shrink_to(std::size_t bytes);
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

   private:
    friend class ByteBudget;
    Lease(std::shared_ptr<ByteBudget> budget, std::string owner)
        : budget_(std::move(budget)), owner_(std::move(owner)) {}

    std::shared_ptr<ByteBudget> budget_;
    std::string owner_;
    std::size_t bytes_ = 0;
  };

  // An empty lease of the owner.
  Lease lease(std::string owner) { return {shared_from_this(), std::move(owner)}; }

  [[nodiscard]] std::size_t used() const;
  [[nodiscard]] std::uint64_t refusals() const;  // since it was made

 private:
  bool take(const std::string& owner, std::size_t bytes);
  void give_back(const std::string& owner, std::size_t bytes);

  const std::size_t total_;
  const std::size_t share_;
  mutable Mutex mutex_;
  std::size_t used_ GUARDED_BY(mutex_) = 0;
  std::uint64_t refusals_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::size_t> by_owner_ GUARDED_BY(mutex_);  // owners that have any
};

}  // namespace modelrun
