#include "sweep/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sweep/decimal.h"
#include "sweep/exact_json.h"
#include "sweep/pointer.h"

namespace modelrun::sweep {
namespace {

constexpr std::size_t kMaxExactDigits = 60;
constexpr int kRoundedDigits = 34;
constexpr std::size_t kMaxCompareDepth = 200;  // outputs are accepted up to 100 levels

std::string shown(std::string_view value) {
  return value.size() <= kMaxShownValue ? std::string(value) : std::string();
}

std::optional<double> percent_of(const Decimal& change, const Decimal& base) {
  const auto top = change.times(100).to_double();
  const auto bottom = base.absolute().to_double();
  if (!top || !bottom || *bottom == 0) return std::nullopt;
  const double percent = *top / *bottom;
  return std::isfinite(percent) ? std::optional(percent) : std::nullopt;
}

class Comparer {
 public:
  explicit Comparer(const Comparison::Options& options) : options_(options) {
    const double hundredths = std::clamp(options.threshold_percent * 100, 0.0, 1e9);
    threshold_ = static_cast<std::uint32_t>(std::lround(hundredths));
  }

  void values(std::string_view base, std::string_view other) {
    const auto kind = kind_of(base);
    if (kind != kind_of(other)) return add(DifferenceKind::kType, base, other);
    if (path_.size() < kMaxCompareDepth && kind == JsonKind::kObject) return objects(base, other);
    if (path_.size() < kMaxCompareDepth && kind == JsonKind::kArray) return lists(base, other);
    if (kind == JsonKind::kNumber) return (void)numbers(base, other);
    if (options_.numbers_only) return;
    if (base == other) return (void)++result_.equal;
    add(kind == JsonKind::kBoolean ? DifferenceKind::kBoolean : DifferenceKind::kText, base, other);
  }

  Comparison take() {
    auto numbered = std::move(significant_);
    std::ranges::move(others_, std::back_inserter(numbered));
    std::ranges::sort(numbered, {}, &Numbered::number);
    for (auto& each : numbered) result_.differences.push_back(std::move(each.difference));
    result_.unlisted = result_.changed - result_.differences.size();
    return std::move(result_);
  }

 private:
  void objects(std::string_view base, std::string_view other) {
    const auto left = members_of(base);
    const auto right = members_of(other);
    auto a = left.begin();
    auto b = right.begin();
    while (a != left.end() || b != right.end()) {
      const bool only_base = b == right.end() || (a != left.end() && a->name < b->name);
      const bool only_other = !only_base && (a == left.end() || b->name < a->name);
      enter(only_other ? b->name : a->name);
      if (only_base) {
        add(DifferenceKind::kOnlyBase, (a++)->value, {});
      } else if (only_other) {
        add(DifferenceKind::kOnlyOther, {}, (b++)->value);
      } else {
        values((a++)->value, (b++)->value);
      }
      leave();
    }
  }

  void lists(std::string_view base, std::string_view other) {
    const auto left = elements_of(base);
    const auto right = elements_of(other);
    const auto is_number = [](std::string_view value) { return kind_of(value) == JsonKind::kNumber; };
    const bool series = !left.empty() && !right.empty() && std::ranges::all_of(left, is_number) &&
                        std::ranges::all_of(right, is_number);
    Series entry{{}, left.size(), right.size(), 0, 0, std::nullopt};
    Decimal largest;
    for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
      enter(std::to_string(i));
      if (i >= right.size()) {
        add(DifferenceKind::kOnlyBase, left[i], {});
      } else if (i >= left.size()) {
        add(DifferenceKind::kOnlyOther, {}, right[i]);
      } else if (!series) {
        values(left[i], right[i]);
      } else if (const auto changed = numbers(left[i], right[i])) {
        ++entry.changed;
        if (changed->significant) ++entry.significant;
        if (!entry.largest || largest < changed->size) largest = changed->size, entry.largest = i;
      }
      leave();
    }
    if (!series || options_.numbers_only) return;
    if (result_.series.size() == options_.max_differences || !is_short_path()) {
      ++result_.unlisted_series;
      return;
    }
    entry.path = pointer_text(path_);
    result_.series.push_back(std::move(entry));
  }

  // A listed difference, and its place among all of them.
  struct Numbered {
    std::size_t number;
    Difference difference;
  };

  struct Changed {
    Decimal size;
    bool significant;
  };

  // nullopt if they are equal.
  std::optional<Changed> numbers(std::string_view base, std::string_view other) {
    // A JsonText has no number that is beyond Decimal's bounds.
    const auto a = Decimal::parse(base).value_or(Decimal());
    const auto b = Decimal::parse(other).value_or(Decimal());
    const auto change = b - a;
    if (change.is_zero()) {
      ++result_.equal;
      return std::nullopt;
    }
    const bool significant = !(change.absolute().times(10'000) < a.absolute().times(threshold_));
    if (!make_room(significant)) return Changed{change.absolute(), significant};
    Difference difference{pointer_text(path_), DifferenceKind::kNumber, shown(base), shown(other), {}, true, {},
                          significant};
    difference.exact = change.digits() <= kMaxExactDigits;
    difference.change = (difference.exact ? change : change.rounded(kRoundedDigits - 1 - change.magnitude())).text();
    difference.percent = percent_of(change, a);
    list(std::move(difference));
    return Changed{change.absolute(), significant};
  }

  void add(DifferenceKind kind, std::string_view base, std::string_view other) {
    if (options_.numbers_only) return;
    if (make_room(true)) list({pointer_text(path_), kind, shown(base), shown(other), {}, true, {}, true});
  }

  // Counts a difference. True if it is to be listed: there is room for it, if need be in the place of one that is not
  // significant.
  bool make_room(bool significant) {
    ++result_.changed;
    if (significant) ++result_.significant;
    if (!is_short_path()) return false;
    if (significant_.size() + others_.size() < options_.max_differences) return true;
    if (!significant || others_.empty()) return false;
    others_.pop_back();
    return true;
  }

  void list(Difference difference) {
    auto& to = difference.significant ? significant_ : others_;
    to.push_back({result_.changed, std::move(difference)});
  }

  [[nodiscard]] bool is_short_path() const { return path_bytes_ <= kMaxShownPath; }

  // The path is made into a text only for what is listed: keys may have a mebibyte, and there may be as many values
  // below one.
  void enter(std::string token) {
    path_bytes_ += token_bytes(token);
    path_.push_back(std::move(token));
  }
  void leave() {
    path_bytes_ -= token_bytes(path_.back());
    path_.pop_back();
  }
  // As pointer_text() writes it.
  static std::size_t token_bytes(std::string_view token) {
    const auto escaped = std::ranges::count_if(token, [](char c) { return c == '~' || c == '/'; });
    return 1 + token.size() + static_cast<std::size_t>(escaped);
  }

  const Comparison::Options& options_;
  std::uint32_t threshold_ = 0;  // in hundredths of a percent
  std::vector<std::string> path_;
  std::size_t path_bytes_ = 0;  // of pointer_text(path_)
  Comparison result_;           // without the differences and how many are not listed
  std::vector<Numbered> significant_, others_;
};

}  // namespace

Comparison compare(const api::JsonText& base, const api::JsonText& other, const Comparison::Options& options) {
  Comparer comparer(options);
  comparer.values(base.text(), other.text());
  return comparer.take();
}

Result<Bridge> make_bridge(std::string_view from, std::vector<BridgeStep> steps, const BridgeRounding& rounding) {
  if (steps.empty()) return fail(ErrorKind::kInvalid, "a bridge needs at least one step");
  std::vector<Decimal> values;
  const auto add = [&](std::string_view name, std::string_view text) -> Result<void> {
    const auto value = Decimal::parse(text);
    if (!value) return fail(ErrorKind::kInvalid, "bridge: the value at '{}' is no number that can be added", name);
    values.push_back(*value);
    return {};
  };
  RETURN_IF_ERROR(add("from", from));
  for (const auto& step : steps) RETURN_IF_ERROR(add(step.name, step.value));

  Bridge bridge;
  int highest = std::numeric_limits<int>::min();  // of the first digits
  int lowest = std::numeric_limits<int>::max();   // of the last digits
  for (const auto& value : values) {
    if (value.is_zero()) continue;
    highest = std::max(highest, value.magnitude());
    lowest = std::min(lowest, -value.places());
  }
  const bool wide = highest > lowest && highest - lowest >= static_cast<int>(kMaxExactDigits);
  auto places = rounding.places;
  if (!places && wide) places = kRoundedDigits - 1 - highest;
  if (rounding.digits && highest >= lowest) {
    const int most = *rounding.digits - 1 - highest;
    if (-lowest > most) places = std::min(places.value_or(most), most);
  }
  for (auto& value : values) {
    if (!places) break;
    const auto rounded = value.rounded(*places);
    bridge.rounded |= !(rounded == value);
    value = rounded;
  }
  bridge.from = values.front().text();
  bridge.to = values.back().text();
  bridge.change = (values.back() - values.front()).text();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    steps[i].value = values[i + 1].text();
    steps[i].contribution = (values[i + 1] - values[i]).text();
  }
  bridge.steps = std::move(steps);
  return bridge;
}

}  // namespace modelrun::sweep
