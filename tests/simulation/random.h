// Random numbers and choices of a simulated world. Equal seeds give equal sequences on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace modelrun::simulation {

// A sequence of random numbers (splitmix64). Each domain of a world (network, cluster, people, ...) has a stream of its
// own, so that a change in one domain leaves the numbers of the others as they were. That keeps shrinking stable.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::string_view domain = {}) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {
    for (const char c : domain) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }
  // A number in [0, n). REQUIRES: n > 0.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  // A number in [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
  }
  // True with the probability `percent` / 100.
  bool percent(unsigned percent) { return below(100) < percent; }
  template <class Container>
  const auto& one_of(const Container& values) {
    return values[below(values.size())];
  }

 private:
  std::uint64_t state_;
};

// Decides which of several runnable fibers goes on, and, in an enumeration, where a fault strikes.
class Choices {
 public:
  virtual ~Choices() = default;
  // A number in [0, n). `n` may be 1.
  virtual std::size_t pick(std::size_t n) = 0;
};

class RandomChoices final : public Choices {
 public:
  explicit RandomChoices(std::uint64_t seed) : random_(seed, "schedule") {}
  std::size_t pick(std::size_t n) override { return n <= 1 ? 0 : random_.below(n); }

 private:
  Random random_;
};

// Answers 0 except at the given positions. Records how many answers each position had, so that a search can visit all
// worlds that deviate from the default at up to K positions.
class DeviatingChoices final : public Choices {
 public:
  struct Deviation {
    std::size_t position = 0;
    std::size_t value = 0;
  };
  explicit DeviatingChoices(std::vector<Deviation> deviations) : deviations_(std::move(deviations)) {}
  std::size_t pick(std::size_t n) override {
    const auto position = arity_.size();
    arity_.push_back(n);
    if (next_ == deviations_.size() || deviations_[next_].position != position) return 0;
    const auto value = deviations_[next_++].value;
    return value < n ? value : 0;
  }
  // How many answers each position had.
  [[nodiscard]] const std::vector<std::size_t>& arity() const { return arity_; }

 private:
  std::vector<Deviation> deviations_;
  std::vector<std::size_t> arity_;
  std::size_t next_ = 0;
};

}  // namespace modelrun::simulation
