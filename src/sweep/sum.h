// Sums of doubles that neither lose small summands nor overflow. Internal to sweep/. Pure.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace modelrun::sweep {

// A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974).
class CompensatedSum {
 public:
  void add(double value) {
    const double next = sum_ + value;
    lost_ += std::abs(sum_) >= std::abs(value) ? (sum_ - next) + value : (value - next) + sum_;
    sum_ = next;
  }
  [[nodiscard]] double value() const { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

// A power of two by which numbers are divided, so that the largest one is near 1: squares and sums of them neither
// overflow nor vanish. Exact, but for what is 2^1000 times smaller than the largest.
class Scale {
 public:
  explicit Scale(std::span<const double> values) {
    double largest = 0;
    for (const double value : values) largest = std::max(largest, std::abs(value));
    std::frexp(largest, &exponent_);
  }
  [[nodiscard]] std::vector<double> down(std::span<const double> values) const {
    std::vector<double> scaled;
    scaled.reserve(values.size());
    for (const double value : values) scaled.push_back(std::ldexp(value, -exponent_));
    return scaled;
  }
  // May overflow to infinity.
  [[nodiscard]] double up(double value) const { return std::ldexp(value, exponent_); }

 private:
  int exponent_ = 0;
};

// From the lowest to the highest value, so that the mean of equal values is that value. REQUIRES: not empty.
inline double mean_of(std::span<const double> values) {
  CompensatedSum sum;
  for (const double value : values) sum.add(value);
  const auto [low, high] = std::ranges::minmax(values);
  return std::clamp(sum.value() / static_cast<double>(values.size()), low, high);
}

}  // namespace modelrun::sweep
