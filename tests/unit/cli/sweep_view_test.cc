#include "cli/sweep_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace modelrun::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

api::ModelSweep running(std::int64_t succeeded, std::int64_t failed = 0, std::int64_t total = 100) {
  api::ModelSweep sweep;
  sweep.meta.name = "s";
  sweep.status.phase = api::Phase::kRunning;
  sweep.status.points = api::SweepPoints{total, succeeded, failed, 4};
  return sweep;
}

api::ModelSweep waiting(const char* reason, const char* message) {
  auto sweep = running(3);
  sweep.status.message = message;
  sweep.status.conditions = {{"Succeeded", api::ConditionStatus::kUnknown, reason, message, {}, 1}};
  return sweep;
}

constexpr Time kNow{1'000'000s};

TEST(SweepProgress, BarCountsAndEstimate) {
  SweepProgress progress;
  EXPECT_EQ(progress.line(running(0), kNow), "[....................] 0/100 points, 4 running");
  EXPECT_EQ(progress.line(running(48, 2), kNow + 30s),
            "[##########..........] 50/100 points, 2 failed, 4 running, about 30s left");
  auto done = running(100);
  done.status.points->running = 0;
  EXPECT_EQ(progress.line(done, kNow + 60s), "[####################] 100/100 points");
}

TEST(SweepProgress, TheEstimateKnowsNothingOfWhatWasDoneBefore) {
  SweepProgress progress;
  EXPECT_THAT(progress.line(running(80), kNow), Not(HasSubstr("left")));
  EXPECT_THAT(progress.line(running(90), kNow + 10s), HasSubstr("about 10s left"));
}

TEST(SweepProgress, WhatItWaitsForStandsInThePlaceOfTheBar) {
  SweepProgress progress;
  EXPECT_EQ(progress.line(waiting("Suspended", "suspended by spec.suspend"), kNow),
            "s: Running (Suspended): suspended by spec.suspend");
  EXPECT_THAT(progress.line(waiting("Running", "3 of 100"), kNow), HasSubstr("3/100 points"));
}

TEST(SweepProgress, NewsAreAnotherTenthAPhaseOrAReason) {
  SweepProgress progress;
  EXPECT_TRUE(progress.is_news(running(0)));
  EXPECT_FALSE(progress.is_news(running(9)));
  EXPECT_TRUE(progress.is_news(running(10)));
  EXPECT_FALSE(progress.is_news(running(10)));
  EXPECT_TRUE(progress.is_news(waiting("Blocked", "no quota")));
  EXPECT_FALSE(progress.is_news(waiting("Blocked", "no quota yet")));
}

api::ModelSweep ended() {
  auto sweep = running(2, 1, 3);
  sweep.meta.namespace_ = "ns";
  auto& status = sweep.status;
  status.phase = api::Phase::kSucceeded;
  status.commit_sha = "abc";
  status.branch = "main";
  status.started_at = kNow;
  status.finished_at = kNow + 1500ms;
  status.summary = {{.output = "value", .count = 2, .mean = 15, .stddev = 7.0710678118654755, .min = 10, .max = 20}};
  status.sensitivity = {{.output = "value",
                         .axis = "growth",
                         .measure = "RangeOfMeans",
                         .count = 2,
                         .low = 10,
                         .high = 20,
                         .low_at = "0.1",
                         .high_at = "0.2"}};
  return sweep;
}

sweep::Table table() {
  sweep::Table table{{"growth"}, {"value"}, {}};
  table.rows = {{.index = 0, .parameters = {"0.1"}, .outputs = {"10"}, .phase = api::Phase::kSucceeded},
                {.index = 1, .parameters = {"0.2"}, .outputs = {"20"}, .phase = api::Phase::kSucceeded},
                {.index = 2,
                 .parameters = {"0.3"},
                 .outputs = {""},
                 .phase = api::Phase::kFailed,
                 .reason = "NonZeroExit",
                 .message = "no rate"}};
  return table;
}

TEST(SweepSummary, HasFactsRowsAndStatistics) {
  EXPECT_EQ(sweep_summary(ended(), table(), kNow), R"(Sweep:     s
Phase:     Succeeded
Duration:  1.50s
Commit:    abc (main)
Points:    2 of 3 succeeded, 1 failed

POINT   growth   value    PHASE
0       0.1      10       Succeeded
1       0.2      20       Succeeded
2       0.3      <none>   NonZeroExit: no rate

OUTPUT   COUNT   MEAN   STDDEV    MIN   P5   P50   P95   MAX
value    2       15     7.07107   10    0    0     0     20

OUTPUT   AXIS     LOWEST      HIGHEST
value    growth   10 at 0.1   20 at 0.2

the whole table, 3 rows: kubectl modelrun output modelsweep/s -n ns -o csv
)");
}

TEST(SweepSummary, ManyRowsAreLeftToTheTable) {
  auto large = table();
  while (large.rows.size() < 41) large.rows.push_back(large.rows.front());
  const auto text = sweep_summary(ended(), large, kNow);
  EXPECT_THAT(text, Not(HasSubstr("POINT ")));
  EXPECT_THAT(text, HasSubstr("the whole table, 41 rows"));
}

TEST(SweepSummary, CorrelationsHaveAColumnOfTheirOwn) {
  auto sweep = ended();
  sweep.status.sensitivity = {
      {.output = "value", .axis = "fx", .measure = "RankCorrelation", .count = 9, .correlation = -0.25}};
  const auto text = statistics_text(sweep.status);
  EXPECT_THAT(text, HasSubstr("OUTPUT   AXIS   RANK CORRELATION\nvalue    fx     -0.250\n"));
  EXPECT_EQ(statistics_text({}), "");
}

TEST(SweepEnd, ExitCodes) {
  auto sweep = ended();
  EXPECT_EQ(exit_code_of(sweep), 0);
  sweep.status.phase = api::Phase::kCancelled;
  EXPECT_EQ(exit_code_of(sweep), 130);
  sweep.status.phase = api::Phase::kFailed;
  EXPECT_EQ(exit_code_of(sweep), 1);
}

}  // namespace
}  // namespace modelrun::cli
