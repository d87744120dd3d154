// What the outputs of many points say together: a summary of each output, and how it moves with each axis. The
// definitions are in docs/sweeps-format.md. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sweep/space.h"

namespace modelrun::sweep {

// An output of one point that has succeeded. REQUIRES, wherever one is taken: the value is finite.
struct Observation {
  std::size_t point = 0;  // its index
  double value = 0;
};

struct Summary {
  std::size_t count = 0;
  double mean = 0;
  // Of a sample, with count - 1 as the divisor. nullopt for one observation, and if it overflows.
  std::optional<double> stddev{};
  double min = 0, p5 = 0, p50 = 0, p95 = 0, max = 0;
  std::size_t min_point = 0, max_point = 0;  // where the extremes lie; the lowest index of several
};

// nullopt without an observation. The mean is that of a compensated sum (Neumaier), the standard deviation is computed
// from it in a second pass; neither loses digits to the size of the numbers. The order of the observations does not
// matter.
std::optional<Summary> summarize(std::span<const Observation> observations);

// The value below which the share `p` of `sorted` lies: linear between order statistics, type 7 of R. J. Hyndman and
// Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996), which is numpy's default.
// REQUIRES: `sorted` is ascending and not empty; p is from 0 to 1.
double quantile(std::span<const double> sorted, double p);

// Spearman's rank correlation, with average ranks for ties, from -1 to 1. nullopt if one of the two has no two
// different values. REQUIRES: both have the same length.
std::optional<double> rank_correlation(std::span<const double> x, std::span<const double> y);
// The same in two steps, for ranks that are needed more than once: the ranks of `values`, from 1, where equal values
// have the mean of their ranks; and the correlation of two such lists.
std::vector<double> ranks_of(std::span<const double> values);
std::optional<double> correlation_of_ranks(std::span<const double> a, std::span<const double> b);

enum class Measure {
  kRange,            // the output along the axis, all else as in the base
  kRangeOfMeans,     // the mean of the output over all points that have one value of the axis
  kRankCorrelation,  // of the axis's values and the output
};

// How one output moves with one axis.
struct Sensitivity {
  std::string axis;  // its name
  Measure measure = Measure::kRange;
  std::size_t count = 0;  // observations that it was computed from
  // Of the two ranges: the lowest and the highest value, and the values of the axis (exact texts) at which they lie;
  // the first of several. Without meaning if count is 0, and for kRankCorrelation.
  double low = 0, high = 0;
  std::string low_at{}, high_at{};
  // kRankCorrelation; nullopt if the output or the axis does not vary.
  std::optional<double> correlation{};
};

// One entry for each axis, in their order:
//   - OneAtATime: kRange, over the axis's points and the base;
//   - Grid: kRangeOfMeans;
//   - Sample: kRankCorrelation if all values that the axis may have are numbers, else kRangeOfMeans;
//   - PointList: none.
// REQUIRES: `points` is what expand() made of `space`, and the observations are of different points of it.
std::vector<Sensitivity> sensitivity(const Space& space, const Points& points,
                                     std::span<const Observation> observations);

}  // namespace modelrun::sweep
