// How the outputs of two runs differ, and the bridge that says why. Differences of numbers are exact in decimals, so
// that they add up to the last digit that is shown. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_text.h"
#include "base/error.h"

namespace modelrun::sweep {

enum class DifferenceKind {
  kNumber,
  kBoolean,
  kText,
  kType,       // of different types; null is one
  kOnlyBase,   // the other one does not have it
  kOnlyOther,  // the base does not have it
};

// One value that differs.
struct Difference {
  std::string path;  // JSON pointer (RFC 6901) into the outputs
  DifferenceKind kind = DifferenceKind::kNumber;
  // Their JSON texts, with all digits. Empty: it is not there, or has more than kMaxShownValue bytes.
  std::string base, other;
  // Of kNumber: other - base, as a JSON number. Exact if it has at most 60 digits, else rounded to 34.
  std::string change;
  bool exact = true;
  std::optional<double> percent;  // of the absolute value of base; nullopt if that is 0, or the percentage overflows
  bool significant = true;        // see Comparison::Options
};

inline constexpr std::size_t kMaxShownValue = 1024;
inline constexpr std::size_t kMaxShownPath = 1024;  // bytes of a path; what has a longer one is not listed

// Lists of numbers on both sides: what a plot shows. Their elements that differ stand among the differences, too.
struct Series {
  std::string path;
  std::size_t base_size = 0, other_size = 0;
  std::size_t changed = 0, significant = 0;  // of the elements that both have
  std::optional<std::size_t> largest;        // index of the largest absolute change; the first of several
};

struct Comparison {
  struct Options {
    // A number is significant if it changes by at least so many percent of the base, to two decimals; from 0, any
    // change is. Other differences are always significant.
    double threshold_percent = 10;
    std::size_t max_differences = 1000;  // that are listed, and as many series
    // Only numbers on both sides are counted and listed, and no series.
    bool numbers_only = false;
  };

  std::vector<Difference> differences;  // by path: members of objects by the bytes of their keys
  std::vector<Series> series;
  std::size_t equal = 0, changed = 0, significant = 0;  // of all, listed or not; numbers are equal if their values are
  // How many are not listed: those beyond Options::max_differences, of which the ones that are not significant are left
  // out first, and those whose path is too long.
  std::size_t unlisted = 0, unlisted_series = 0;

  [[nodiscard]] bool more() const { return unlisted + unlisted_series > 0; }
};

// Walks both. A list that is not of numbers on both sides is compared element by element as well. What it returns is
// bounded whatever the outputs are: an entry has at most kMaxShownPath bytes of path and kMaxShownValue of each value.
Comparison compare(const api::JsonText& base, const api::JsonText& other, const Comparison::Options& options = {});

// What changed an output, one cause after the other.
struct BridgeStep {
  std::string name;          // the cause: "commit", "data", "parameter growth"
  std::string value;         // the output after this step, a JSON number
  std::string contribution;  // the change by this step
};
struct Bridge {
  std::string from, to, change;  // to - from
  std::vector<BridgeStep> steps;
  bool rounded = false;  // the values are not as given, but rounded
};

// To what the values of a bridge are rounded before their contributions are computed, so that the shown contributions
// add up to the shown change. Of two bounds the coarser one holds.
struct BridgeRounding {
  std::optional<int> places{};  // digits behind the point
  // All digits of a value, counted from the first digit of the largest one. With at most 14 a binary64 keeps each value
  // and each contribution, which may have one digit more.
  std::optional<int> digits{};
};

// The way of an output from `from` through the values of `steps`, whose contributions are filled in. They add up to
// `change` exactly. Without `rounding` only values that differ in size by more than 60 digits are rounded, to 34 digits
// of the largest. kInvalid if there is no step, or a value is no JSON number within the bounds of sweep/decimal.h.
Result<Bridge> make_bridge(std::string_view from, std::vector<BridgeStep> steps, const BridgeRounding& rounding = {});

}  // namespace modelrun::sweep
