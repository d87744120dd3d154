// Exact decimal numbers, for differences that add up to the last digit and for evenly spaced values. In binary64,
// 0.3 - 0.1 is 0.19999999999999998. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace modelrun::sweep {

// A number of any sign, `digits` times ten to the power of an exponent. Its size is bounded by what it is made of:
// parse() takes at most kMaxText bytes and exponents of at most kMaxExponent, so that an exact sum of two has at most
// about 2 * kMaxExponent digits.
class Decimal {
 public:
  static constexpr std::size_t kMaxText = 512;  // bytes
  static constexpr int kMaxExponent = 2000;     // absolute value, of the number written with one digit before the point

  Decimal() = default;  // zero

  // nullopt if `number` is no JSON number, or is beyond the bounds above.
  static std::optional<Decimal> parse(std::string_view number);

  [[nodiscard]] bool is_zero() const { return digits_.empty(); }
  [[nodiscard]] bool is_negative() const { return negative_; }
  [[nodiscard]] Decimal operator-() const;
  [[nodiscard]] Decimal absolute() const;
  friend Decimal operator+(const Decimal& a, const Decimal& b);
  friend Decimal operator-(const Decimal& a, const Decimal& b) { return a + -b; }
  friend bool operator==(const Decimal&, const Decimal&) = default;
  friend bool operator<(const Decimal& a, const Decimal& b) { return (a - b).negative_; }

  // The exact product. REQUIRES: `factor` is less than 2^31.
  [[nodiscard]] Decimal times(std::uint32_t factor) const;
  // The binary64 that is nearest to the exact quotient, ties to even; nullopt if it overflows. REQUIRES: `divisor` is
  // positive and less than 2^28.
  [[nodiscard]] std::optional<double> over(std::uint32_t divisor) const;
  [[nodiscard]] std::optional<double> to_double() const { return over(1); }

  // Rounded to `places` digits behind the point, ties to even. A negative number rounds before the point.
  [[nodiscard]] Decimal rounded(int places) const;
  // Of the first digit: 0 for 1 to 9.99, -1 for 0.1. 0 for zero.
  [[nodiscard]] int magnitude() const;
  // The place of the last digit: 2 for 0.25, -3 for 7000; 0 for zero.
  [[nodiscard]] int places() const { return -exponent_; }
  [[nodiscard]] std::size_t digits() const { return digits_.size(); }

  // All digits as a JSON number, with an exponent only below 1e-6 and from 1e21 on.
  [[nodiscard]] std::string text() const;

 private:
  Decimal(bool negative, std::string digits, int exponent);  // normalises

  // Neither the first nor the last digit is '0'; empty for zero, which has exponent 0 and no sign.
  std::string digits_;
  int exponent_ = 0;
  bool negative_ = false;
};

}  // namespace modelrun::sweep
