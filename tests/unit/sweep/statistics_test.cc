#include "sweep/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace modelrun::sweep {
namespace {

std::vector<Observation> observed(const std::vector<double>& values) {
  std::vector<Observation> observations;
  for (const double value : values) observations.push_back({observations.size(), value});
  return observations;
}

struct Made {
  Space space;
  Points points;
};

Made made(std::string_view text, std::string_view base = "") {
  const auto space = decode_space(text);
  EXPECT_TRUE(space) << space.error().message;
  return {*space, expand(*space, base).value_or(Points())};
}

TEST(Summarize, GivesMeanSpreadQuantilesAndWhereTheExtremesLie) {
  const auto summary = summarize(observed({4, 1, 3, 1, 5, 5, 2}));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->count, 7);
  EXPECT_EQ(summary->mean, 3);
  EXPECT_DOUBLE_EQ(summary->stddev.value(), std::sqrt(18.0 / 6));
  EXPECT_EQ(summary->min, 1);
  EXPECT_EQ(summary->max, 5);
  EXPECT_EQ(summary->min_point, 1);
  EXPECT_EQ(summary->max_point, 4);
  EXPECT_EQ(summary->p50, 3);
  EXPECT_DOUBLE_EQ(summary->p5, 1);
  EXPECT_DOUBLE_EQ(summary->p95, 5);
}

TEST(Summarize, BearsNumbersOfAnySize) {
  const struct {
    std::vector<double> values;
    double mean;
    std::optional<double> stddev;
  } rows[] = {
      {{7}, 7, std::nullopt},
      {{0.1, 0.1, 0.1}, 0.1, 0},
      {{1.7e308, 1.7e308}, 1.7e308, 0},
      {{1.7e308, -1.7e308}, 0, std::nullopt},  // the deviation is beyond a double
      {{1e308, -1e308}, 0, std::sqrt(2) * 1e308},
      {{3e-310, 1e-310}, 2e-310, std::sqrt(2) * 1e-310},
      {{1e200, 3e200}, 2e200, std::sqrt(2) * 1e200},
      {{1e16, 1, -1e16}, 1.0 / 3, 1e16},
      {{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}, 1e9 + 10, std::sqrt(30)},
      {{0, 0}, 0, 0},
  };
  for (const auto& row : rows) {
    const auto summary = summarize(observed(row.values));
    ASSERT_TRUE(summary);
    EXPECT_DOUBLE_EQ(summary->mean, row.mean) << row.values[0];
    ASSERT_EQ(summary->stddev.has_value(), row.stddev.has_value()) << row.values[0];
    if (row.stddev) {
      EXPECT_NEAR(*summary->stddev / (*row.stddev == 0 ? 1 : *row.stddev), *row.stddev == 0 ? 0 : 1, 1e-13);
    }
    EXPECT_TRUE(std::isfinite(summary->p5) && std::isfinite(summary->p95)) << row.values[0];
  }
  EXPECT_FALSE(summarize({}));
}

TEST(RankCorrelation, GivesTiesTheirMeanRank) {
  const auto correlation = [](std::vector<double> x, std::vector<double> y) { return rank_correlation(x, y); };
  EXPECT_EQ(correlation({1, 2, 3, 10}, {2, 4, 8, 1000}), 1);
  EXPECT_EQ(correlation({1, 2, 3}, {5, 0, -9}), -1);
  EXPECT_EQ(correlation({1, 2, 3}, {5, 5, 5}), std::nullopt);
  EXPECT_EQ(correlation({}, {}), std::nullopt);
  EXPECT_DOUBLE_EQ(correlation({1, 2, 2, 3}, {1, 2, 3, 4}).value(), 0.9486832980505138);  // as SciPy has it
}

TEST(SensitivityOf, OneAtATimeIsTheRangeWithTheBase) {
  const auto [space, points] =
      made(R"({"oneAtATime":[{"name":"a","values":[1,3]},{"name":"b","values":[7]}]})", R"({"a":2})");
  const auto entries = sensitivity(space, points, observed({10, 8, 15, 4}));
  ASSERT_EQ(entries.size(), 2);
  EXPECT_EQ(entries[0].measure, Measure::kRange);
  EXPECT_EQ(entries[0].count, 3);
  EXPECT_EQ(entries[0].low, 8);
  EXPECT_EQ(entries[0].low_at, "1");
  EXPECT_EQ(entries[0].high, 15);
  EXPECT_EQ(entries[0].high_at, "3");
  EXPECT_EQ(entries[1].low, 4);
  EXPECT_EQ(entries[1].low_at, "7");
  EXPECT_EQ(entries[1].high, 10);
  EXPECT_EQ(entries[1].high_at, "");  // the base does not have it
}

TEST(SensitivityOf, GridIsTheRangeOfMeans) {
  const auto [space, points] = made(R"({"grid":[{"name":"a","values":[1,2]},{"name":"b","values":["x","y"]}]})");
  const auto entries = sensitivity(space, points, observed({1, 2, 5, 10}));
  ASSERT_EQ(entries.size(), 2);
  EXPECT_EQ(entries[0].measure, Measure::kRangeOfMeans);
  EXPECT_EQ(entries[0].low, 1.5);
  EXPECT_EQ(entries[0].high, 7.5);
  EXPECT_EQ(entries[0].high_at, "2");
  EXPECT_EQ(entries[1].low, 3);
  EXPECT_EQ(entries[1].low_at, R"("x")");
  EXPECT_EQ(entries[1].high, 6);
  // A point that failed is not there.
  const std::vector<Observation> some = {{3, 10}, {0, 1}};
  EXPECT_EQ(sensitivity(space, points, some)[1].low, 1);
  EXPECT_EQ(sensitivity(space, points, {})[0].count, 0);
}

TEST(SensitivityOf, SampleIsARankCorrelationWhereThereAreNumbers) {
  const auto [space, points] = made(
      R"({"sample":{"count":50,"axes":[{"name":"a","uniform":{"low":1,"high":2}},
          {"name":"b","choice":{"values":["x","y"]}},{"name":"c","choice":{"values":[1,2]}}]}})");
  std::vector<Observation> observations;
  for (std::size_t i = 0; i < 50; ++i) {
    const auto& values = points.points[i].values;
    observations.push_back({i, std::exp(-std::stod(values[0])) + (values[1] == "\"x\"" ? 100 : 0)});
  }
  const auto entries = sensitivity(space, points, observations);
  ASSERT_EQ(entries.size(), 3);
  EXPECT_EQ(entries[0].measure, Measure::kRankCorrelation);
  EXPECT_LT(entries[0].correlation.value(), 0);
  EXPECT_EQ(entries[1].measure, Measure::kRangeOfMeans);
  EXPECT_GT(entries[1].high - entries[1].low, 99);
  EXPECT_EQ(entries[1].high_at, "\"x\"");
  EXPECT_EQ(entries[2].measure, Measure::kRankCorrelation);
}

TEST(SensitivityOf, ListsOfPointsHaveNone) {
  const auto [space, points] = made(R"({"points":[{"a":1},{"a":2}]})");
  EXPECT_TRUE(sensitivity(space, points, observed({1, 2})).empty());
}

}  // namespace
}  // namespace modelrun::sweep
