#include "sweep/distribution.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "sweep/decimal.h"
#include "sweep/elementary.h"
#include "sweep/exact_json.h"

namespace modelrun::sweep {
namespace {

double at(const Normal& normal, double u) {
  return normal.mean + normal.stddev * normal_quantile(u);
}

double at(const Lognormal& lognormal, double u) {
  return portable_exp(lognormal.mu + lognormal.sigma * normal_quantile(u));
}

double at(const Uniform& uniform, double u) {
  return std::min(uniform.low + u * (uniform.high - uniform.low), uniform.high);
}

double at(const Triangular& triangular, double u) {
  const double width = triangular.high - triangular.low;
  const double below = (triangular.mode - triangular.low) / width;  // the share below the mode
  const double above = (triangular.high - triangular.mode) / width;
  if (u < below) return std::min(triangular.low + width * std::sqrt(u * below), triangular.high);
  return std::max(triangular.high - width * std::sqrt((1 - u) * above), triangular.low);
}

std::vector<std::string> chosen(const Choice& choice, const std::vector<double>& shares) {
  std::vector<double> sums;  // of the weights up to each value
  double sum = 0;
  for (std::size_t i = 0; i < choice.values.size(); ++i) {
    sum += choice.weights.empty() ? 1.0 : choice.weights[i];
    sums.push_back(sum);
  }
  std::vector<std::string> values;
  for (const double u : shares) {
    const auto above = std::ranges::upper_bound(sums, u * sum);
    values.push_back(above == sums.end() ? choice.values.back() : choice.values[above - sums.begin()]);
  }
  return values;
}

}  // namespace

std::vector<std::string> values_at(const Distribution& distribution, const std::vector<double>& shares) {
  if (const auto* choice = std::get_if<Choice>(&distribution)) return chosen(*choice, shares);
  std::vector<std::string> values;
  const auto add = [&](const auto& numbers) {
    if constexpr (!std::is_same_v<std::decay_t<decltype(numbers)>, Choice>) {
      for (const double u : shares) values.push_back(number_text(at(numbers, u)));
    }
  };
  std::visit(add, distribution);
  return values;
}

std::vector<std::string> values_of(const Range& range) {
  const auto from = Decimal::parse(range.from).value_or(Decimal());
  const auto to = Decimal::parse(range.to).value_or(Decimal());
  const std::uint32_t last = range.count - 1;
  std::vector<std::string> values;
  values.reserve(range.count);
  for (std::uint32_t i = 0; i < range.count; ++i) {
    values.push_back(number_text((from.times(last - i) + to.times(i)).over(last).value_or(0)));
  }
  return values;
}

}  // namespace modelrun::sweep
