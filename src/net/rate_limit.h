// Limits the rate of requests, with one token bucket for each name (a user, or a group of addresses).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"

namespace modelrun::net {

struct RateOptions {
  double per_second = 20;  // tokens that a bucket gains; must be positive
  double burst = 60;       // tokens that a bucket can hold; a new one is full
  // The number of buckets that are kept. To make room for another one, all buckets that must be full again are
  // dropped; if there is none, all buckets are.
  std::size_t max_names = 10'000;
};

// Thread-safe; does not block.
class RateLimit {
 public:
  using Point = std::chrono::steady_clock::time_point;

  explicit RateLimit(RateOptions options) : options_(options) {}
  // Takes one token from the bucket of `name`. Returns false, and takes nothing, if the bucket holds less than one.
  bool take(std::string_view name, Point now = std::chrono::steady_clock::now());
  // Whether take() would return true. Takes nothing.
  [[nodiscard]] bool has(std::string_view name, Point now = std::chrono::steady_clock::now()) const {
    return can_reserve(name, {}, now);
  }
  // Takes one token, perhaps before the bucket has gained it: the caller must wait for the time that is returned.
  // Nullopt, and nothing is taken, if that would be longer than `patience`. Those who wait are served in the order of
  // their calls.
  std::optional<std::chrono::nanoseconds> reserve(std::string_view name, std::chrono::nanoseconds patience,
                                                  Point now = std::chrono::steady_clock::now());
  // Whether reserve() would return a time. Takes nothing.
  [[nodiscard]] bool can_reserve(std::string_view name, std::chrono::nanoseconds patience,
                                 Point now = std::chrono::steady_clock::now()) const;
  // Returns a part of a token that was taken, or all of it.
  void give_back(const std::string& name, double tokens = 1);

  // A token that was taken, and is given back when this is destroyed, unless it was spent. The RateLimit must outlive
  // it.
  class Loan {
   public:
    Loan(RateLimit& limit, std::string_view name) : limit_(&limit), name_(name) {}
    ~Loan() {
      if (limit_ != nullptr) limit_->give_back(name_);
    }
    Loan(Loan&& other) noexcept : limit_(std::exchange(other.limit_, nullptr)), name_(std::move(other.name_)) {}
    Loan& operator=(Loan&&) = delete;
    void spend() { limit_ = nullptr; }

   private:
    RateLimit* limit_;
    std::string name_;
  };
  // As take(), for a token that may be given back; nullopt if there is none.
  [[nodiscard]] std::optional<Loan> borrow(std::string_view name, Point now = std::chrono::steady_clock::now()) {
    return take(name, now) ? std::optional<Loan>(std::in_place, *this, name) : std::nullopt;
  }

 private:
  struct Bucket {
    double level = 0;  // below zero: tokens that were taken before they were gained
    Point at;
  };
  void make_room(Point now) REQUIRES(mutex_);
  [[nodiscard]] double level_at(const Bucket& bucket, Point now) const;
  // How long it takes until a bucket with this level has one token.
  [[nodiscard]] std::chrono::nanoseconds until_one(double level) const;

  const RateOptions options_;
  mutable Mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_ GUARDED_BY(mutex_);
};

}  // namespace modelrun::net
