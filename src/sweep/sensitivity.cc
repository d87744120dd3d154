#include <algorithm>
#include <map>

#include "sweep/exact_json.h"
#include "sweep/statistics.h"
#include "sweep/sum.h"

namespace modelrun::sweep {
namespace {

const std::string& value_of(const Points& points, const Observation& observation, std::size_t axis) {
  return points.points[observation.point].values[axis];
}

// Notes a value of the output, which lies at the value `at` of the axis.
void note(Sensitivity& entry, double value, const std::string& at, bool first) {
  if (first || value < entry.low) entry.low = value, entry.low_at = at;
  if (first || value > entry.high) entry.high = value, entry.high_at = at;
}

void range(const Points& points, std::span<const Observation> observations, std::size_t axis, Sensitivity& entry) {
  entry.measure = Measure::kRange;
  for (const auto& each : observations) {
    if (points.points[each.point].axis.value_or(axis) != axis) continue;
    note(entry, each.value, value_of(points, each, axis), entry.count == 0);
    ++entry.count;
  }
}

void range_of_means(const Points& points, std::span<const Observation> observations, std::size_t axis,
                    Sensitivity& entry) {
  entry.measure = Measure::kRangeOfMeans;
  entry.count = observations.size();
  std::map<std::string_view, std::vector<double>> groups;
  for (const auto& each : observations) groups[value_of(points, each, axis)].push_back(each.value);
  // In the order of the points, so that the first of several equal means is found.
  bool first = true;
  for (const auto& each : observations) {
    const auto& at = value_of(points, each, axis);
    const auto group = groups.find(at);
    if (group == groups.end()) continue;
    const Scale scale(group->second);
    note(entry, scale.up(mean_of(scale.down(group->second))), at, first);
    groups.erase(group);
    first = false;
  }
}

// `ranks`: of the values of the observations.
void correlation(const Points& points, std::span<const Observation> observations, std::span<const double> ranks,
                 std::size_t axis, Sensitivity& entry) {
  entry.measure = Measure::kRankCorrelation;
  entry.count = observations.size();
  std::vector<double> x;
  x.reserve(observations.size());
  for (const auto& each : observations) x.push_back(to_double(value_of(points, each, axis)));
  entry.correlation = correlation_of_ranks(ranks_of(x), ranks);
}

bool has_numbers(const SampleAxis& axis) {
  const auto* choice = std::get_if<Choice>(&axis.distribution);
  return choice == nullptr ||
         std::ranges::all_of(choice->values, [](const auto& value) { return kind_of(value) == JsonKind::kNumber; });
}

}  // namespace

std::vector<Sensitivity> sensitivity(const Space& space, const Points& points,
                                     std::span<const Observation> observations) {
  std::vector<Sensitivity> entries;
  if (std::holds_alternative<PointList>(space)) return entries;
  const auto* sample = std::get_if<Sample>(&space);
  std::vector<Observation> ordered(observations.begin(), observations.end());
  std::ranges::sort(ordered, {}, &Observation::point);
  std::vector<double> ranks;  // the same for all axes
  if (sample != nullptr && std::ranges::any_of(sample->axes, has_numbers)) {
    std::vector<double> values;
    values.reserve(ordered.size());
    for (const auto& each : ordered) values.push_back(each.value);
    ranks = ranks_of(values);
  }
  for (std::size_t axis = 0; axis < points.names.size(); ++axis) {
    Sensitivity entry{.axis = points.names[axis]};
    if (std::holds_alternative<OneAtATime>(space)) {
      range(points, ordered, axis, entry);
    } else if (sample != nullptr && has_numbers(sample->axes[axis])) {
      correlation(points, ordered, ranks, axis, entry);
    } else {
      range_of_means(points, ordered, axis, entry);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace modelrun::sweep
