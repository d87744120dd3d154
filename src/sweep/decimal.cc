#include "sweep/decimal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace modelrun::sweep {
namespace {

// A value halfway between two binary64 has at most 767 significant digits. A quotient with more than these lies on
// the same side of it as its digits with a 1 behind them.
constexpr std::size_t kQuotientDigits = 800;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view take_digits(std::string_view& rest) {
  const auto* const end = std::ranges::find_if_not(rest, is_digit);
  const std::string_view digits = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(digits.size());
  return digits;
}

bool take(std::string_view& rest, char c) {
  if (rest.empty() || rest.front() != c) return false;
  rest.remove_prefix(1);
  return true;
}

// What stands behind the digits: "e-5", "E+5" or nothing.
std::optional<int> take_exponent(std::string_view& rest) {
  if (!take(rest, 'e') && !take(rest, 'E')) return 0;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (!take(rest, '+')) take(rest, '-');
  const auto digits = take_digits(rest);
  int exponent = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (digits.empty() || error != std::errc{}) return std::nullopt;
  return negative ? -exponent : exponent;
}

// The sum of two strings of digits of equal length, which may have a digit more.
std::string sum_of(const std::string& a, const std::string& b) {
  std::string out(a.size() + 1, '0');
  int carry = 0;
  for (std::size_t i = a.size(); i-- > 0;) {
    const int digit = (a[i] - '0') + (b[i] - '0') + carry;
    out[i + 1] = static_cast<char>('0' + digit % 10);
    carry = digit / 10;
  }
  out[0] = static_cast<char>('0' + carry);
  return out;
}

// a - b for digits of equal length. REQUIRES: a is not less than b.
std::string difference_of(const std::string& a, const std::string& b) {
  std::string out(a.size(), '0');
  int borrow = 0;
  for (std::size_t i = a.size(); i-- > 0;) {
    const int digit = (a[i] - '0') - (b[i] - '0') - borrow;
    borrow = digit < 0 ? 1 : 0;
    out[i] = static_cast<char>('0' + digit + 10 * borrow);
  }
  return out;
}

}  // namespace

Decimal::Decimal(bool negative, std::string digits, int exponent)
    : digits_(std::move(digits)), exponent_(exponent), negative_(negative) {
  digits_.erase(0, std::min(digits_.find_first_not_of('0'), digits_.size()));
  const auto kept = digits_.find_last_not_of('0') + 1;  // 0 if there is none
  exponent_ += static_cast<int>(digits_.size() - kept);
  digits_.resize(kept);
  if (digits_.empty()) exponent_ = 0, negative_ = false;
}

std::optional<Decimal> Decimal::parse(std::string_view number) {
  if (number.size() > kMaxText) return std::nullopt;
  const bool negative = take(number, '-');
  const auto whole = take_digits(number);
  if (whole.empty() || (whole.size() > 1 && whole[0] == '0')) return std::nullopt;
  std::string_view fraction;
  if (take(number, '.')) {
    fraction = take_digits(number);
    if (fraction.empty()) return std::nullopt;
  }
  const auto exponent = take_exponent(number);
  if (!exponent || !number.empty()) return std::nullopt;
  if (std::abs(*exponent) > 2 * kMaxExponent) return std::nullopt;
  Decimal out(negative, std::string(whole) + std::string(fraction), *exponent - static_cast<int>(fraction.size()));
  if (std::abs(out.magnitude()) > kMaxExponent) return std::nullopt;
  return out;
}

Decimal Decimal::operator-() const {
  return {!negative_, digits_, exponent_};
}

Decimal Decimal::absolute() const {
  return {false, digits_, exponent_};
}

Decimal operator+(const Decimal& a, const Decimal& b) {
  if (a.is_zero()) return b;
  if (b.is_zero()) return a;
  const int exponent = std::min(a.exponent_, b.exponent_);
  std::string left = a.digits_ + std::string(static_cast<std::size_t>(a.exponent_ - exponent), '0');
  std::string right = b.digits_ + std::string(static_cast<std::size_t>(b.exponent_ - exponent), '0');
  const auto size = std::max(left.size(), right.size());
  left.insert(0, size - left.size(), '0');
  right.insert(0, size - right.size(), '0');
  if (a.negative_ == b.negative_) return {a.negative_, sum_of(left, right), exponent};
  if (left < right) return {b.negative_, difference_of(right, left), exponent};
  return {a.negative_, difference_of(left, right), exponent};
}

Decimal Decimal::times(std::uint32_t factor) const {
  std::string out(digits_.size() + 10, '0');
  std::uint64_t carry = 0;
  for (std::size_t i = out.size(); i-- > 0;) {
    if (i >= 10) carry += std::uint64_t{factor} * static_cast<std::uint64_t>(digits_[i - 10] - '0');
    out[i] = static_cast<char>('0' + carry % 10);
    carry /= 10;
  }
  return {negative_, std::move(out), exponent_};
}

std::optional<double> Decimal::over(std::uint32_t divisor) const {
  std::string quotient;
  int exponent = exponent_;
  std::uint32_t rest = 0;
  const auto divide = [&](std::uint32_t digit) {
    rest = rest * 10 + digit;
    if (!quotient.empty() || rest >= divisor) quotient += static_cast<char>('0' + rest / divisor);
    rest %= divisor;
  };
  for (const char digit : digits_) divide(static_cast<std::uint32_t>(digit - '0'));
  for (; rest != 0 && quotient.size() < kQuotientDigits; --exponent) divide(0);
  if (rest != 0) quotient += '1', --exponent;
  if (quotient.empty()) return 0.0;
  const int magnitude = static_cast<int>(quotient.size()) - 1 + exponent;
  const std::string text = (negative_ ? "-" : "") + quotient + "e" + std::to_string(exponent);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{}) return value;
  if (magnitude > 0) return std::nullopt;
  return 0.0;
}

int Decimal::magnitude() const {
  return is_zero() ? 0 : static_cast<int>(digits_.size()) - 1 + exponent_;
}

Decimal Decimal::rounded(int places) const {
  const int dropped = -exponent_ - places;  // digits behind the last place
  if (dropped <= 0) return *this;
  if (std::cmp_greater(dropped, digits_.size())) return {};
  const auto kept = digits_.size() - static_cast<std::size_t>(dropped);
  const auto rest = std::string_view(digits_).substr(kept);
  std::string front = "0" + digits_.substr(0, kept);
  const bool tie = rest == "5";  // no digit behind it is zero
  const bool odd = (front.back() - '0') % 2 != 0;
  if (rest[0] > '5' || (rest[0] == '5' && (!tie || odd))) front = sum_of(front, std::string(kept, '0') + "1");
  return {negative_, std::move(front), -places};
}

std::string Decimal::text() const {
  if (is_zero()) return "0";
  const int power = magnitude();
  std::string out = negative_ ? "-" : "";
  if (power < -6 || power >= 21) {
    out += digits_[0];
    if (digits_.size() > 1) out += "." + digits_.substr(1);
    return out + (power < 0 ? "e-" : "e+") + std::to_string(std::abs(power));
  }
  if (power < 0) return out + "0." + std::string(static_cast<std::size_t>(-power - 1), '0') + digits_;
  const auto whole = static_cast<std::size_t>(power) + 1;
  if (digits_.size() <= whole) return out + digits_ + std::string(whole - digits_.size(), '0');
  return out + digits_.substr(0, whole) + "." + digits_.substr(whole);
}

}  // namespace modelrun::sweep
