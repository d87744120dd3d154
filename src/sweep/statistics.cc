#include "sweep/statistics.h"

#include <algorithm>
#include <cmath>

#include "sweep/sum.h"

namespace modelrun::sweep {
namespace {

std::optional<double> stddev_of(std::span<const double> values, double mean) {
  if (values.size() < 2) return std::nullopt;
  CompensatedSum squares;
  CompensatedSum rest;  // 0 but for the rounding of the mean
  for (const double value : values) {
    const double deviation = value - mean;
    squares.add(deviation * deviation);
    rest.add(deviation);
  }
  const auto count = static_cast<double>(values.size());
  const double sum = squares.value() - rest.value() * rest.value() / count;
  return std::sqrt(std::max(sum, 0.0) / (count - 1));
}

}  // namespace

std::optional<Summary> summarize(std::span<const Observation> observations) {
  if (observations.empty()) return std::nullopt;
  const auto before = [](const Observation& a, const Observation& b) {
    return a.value != b.value ? a.value < b.value : a.point < b.point;
  };
  std::vector<Observation> sorted(observations.begin(), observations.end());
  std::ranges::sort(sorted, before);
  const auto highest = std::ranges::lower_bound(sorted, sorted.back().value, {}, &Observation::value);

  Summary summary{.count = sorted.size(),
                  .min = sorted.front().value,
                  .max = sorted.back().value,
                  .min_point = sorted.front().point,
                  .max_point = highest->point};
  std::vector<double> values;
  values.reserve(sorted.size());
  for (const auto& each : sorted) values.push_back(each.value);
  const Scale scale(values);
  const auto scaled = scale.down(values);
  const double mean = mean_of(scaled);
  summary.mean = scale.up(mean);
  if (const auto stddev = stddev_of(scaled, mean); stddev && std::isfinite(scale.up(*stddev))) {
    summary.stddev = scale.up(*stddev);
  }
  summary.p5 = quantile(values, 0.05);
  summary.p50 = quantile(values, 0.5);
  summary.p95 = quantile(values, 0.95);
  return summary;
}

double quantile(std::span<const double> sorted, double p) {
  const double place = static_cast<double>(sorted.size() - 1) * p;
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double share = place - static_cast<double>(below);
  const auto between = [&](double low, double high) {
    const double width = high - low;
    // From the nearer end, as numpy does, so that it is exact at both.
    return share < 0.5 ? low + width * share : high - width * (1 - share);
  };
  const double low = sorted[below];
  const double high = sorted[below + 1];
  const double value = between(low, high);
  return std::isfinite(value) ? value : 2 * between(low / 2, high / 2);  // the width has overflowed
}

std::vector<double> ranks_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + end + 1) / 2;
    begin = end;
  }
  return ranks;
}

std::optional<double> rank_correlation(std::span<const double> x, std::span<const double> y) {
  return correlation_of_ranks(ranks_of(x), ranks_of(y));
}

std::optional<double> correlation_of_ranks(std::span<const double> a, std::span<const double> b) {
  const double middle = static_cast<double>(a.size() + 1) / 2;
  // Multiples of 1/4 far below 2^53: exact for all that a sweep may have.
  double both = 0;
  double first = 0;
  double second = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    both += (a[i] - middle) * (b[i] - middle);
    first += (a[i] - middle) * (a[i] - middle);
    second += (b[i] - middle) * (b[i] - middle);
  }
  if (first == 0 || second == 0) return std::nullopt;
  // sqrt(x * x) is x, so a perfect correlation is exactly 1.
  return std::clamp(both / std::sqrt(first * second), -1.0, 1.0);
}

}  // namespace modelrun::sweep
