// The life of a sweep, with every fault at every write: its table is whole and right, and no point whose row was stored
// is executed again.
#include <gtest/gtest.h>

#include <algorithm>

#include "faults/every_write.h"
#include "faults/sweep_scene.h"

namespace modelrun::faults {
namespace {

using api::Phase;
using fakes::Fault;

class EveryWriteOfSweeps : public ::testing::TestWithParam<Fault> {
 protected:
  // Each kind of fault at every sixth write: together they strike at all of them.
  static int first() { return static_cast<int>(std::ranges::find(kEvery, GetParam()) - kEvery.begin()) + 1; }
  static constexpr int kStep = static_cast<int>(kEvery.size());

  // The fault at some writes of a scenario whose end depends on what it strikes at.
  static void at_some_writes(const Scenario& scenario) {
    const auto reference = without_faults({.runs = 0}, scenario);
    for (int k = first(); k <= reference.writes; k += kStep) {
      World world({.runs = 0, .name = fmt::format("{} write {}", name_of(GetParam()), k)});
      world.set_faults([&](const kube::Request&, int number) { return number == k ? GetParam() : Fault::kNone; });
      scenario(world);
      if (::testing::Test::HasFailure()) {
        ADD_FAILURE() << name_of(GetParam()) << " write " << k;
        return;
      }
    }
  }
};

TEST_P(EveryWriteOfSweeps, ToTheEnd) {
  at_every_write({.runs = 0}, GetParam(), [](World& world) {
    add_many(world);
    world.run_to_the_end();
    EXPECT_EQ(lines_of(world), whole_table());
    expect_each_once(world);
    const auto sweep = world.find_sweep("many");
    EXPECT_EQ(sweep.status.phase, Phase::kSucceeded);
    EXPECT_EQ(sweep.status.commit_sha, repository_commit());
    EXPECT_EQ(sweep.status.branch, "main");
    ASSERT_EQ(sweep.status.runs.size(), 2U);
    ASSERT_EQ(sweep.status.summary.size(), 1U);
    EXPECT_EQ(sweep.status.summary[0].output, "double");
    EXPECT_EQ(sweep.status.summary[0].count, kPoints);
    EXPECT_EQ(sweep.status.summary[0].mean, kPoints - 1);
    EXPECT_EQ(sweep.status.summary[0].max_point, kPoints - 1);
    ASSERT_EQ(sweep.status.sensitivity.size(), 1U);
    EXPECT_EQ(sweep.status.sensitivity[0].high, 2 * (kPoints - 1));
    EXPECT_EQ(sweep.status.sensitivity[0].high_at, std::to_string(kPoints - 1));
    for (const auto& run : runs_of(world)) {
      EXPECT_TRUE(api::is_owned_by(run.meta, sweep.meta));
      EXPECT_EQ(run.created_by, "");
    }
  });
}

TEST_P(EveryWriteOfSweeps, WithMoreRunsThanMayGoOnAtATime) {
  at_every_write(
      {.runs = 0}, GetParam(),
      [](World& world) {
        add_many(world, {{"parallelism", 2}}, kMany);
        world.run_to_the_end();
        EXPECT_EQ(lines_of(world), whole_table({}, kMany));
        EXPECT_EQ(world.find_sweep("many").status.runs.size(), 3U);
        expect_each_once(world, kMany);
      },
      first(), kStep);
}

TEST_P(EveryWriteOfSweeps, OfWhichPointsFail) {
  at_every_write(
      {.runs = 0}, GetParam(),
      [](World& world) {
        add_many(world);
        world.node().failing = {3, 8};
        world.run_to_the_end();
        EXPECT_EQ(lines_of(world), whole_table({{3, "NonZeroExit"}, {8, "NonZeroExit"}}));
        EXPECT_EQ(world.find_sweep("many").status.points->failed, 2);
        EXPECT_EQ(world.find_sweep("many").status.phase, Phase::kSucceeded);
        expect_each_once(world);
      },
      first(), kStep);
}

TEST_P(EveryWriteOfSweeps, OfWhichAPointTakesItsSandbox) {
  at_every_write(
      {.runs = 0}, GetParam(),
      [](World& world) {
        add_many(world);
        world.node().fatal = {5};
        world.run_to_the_end();
        EXPECT_EQ(lines_of(world), whole_table({{5, "OOMKilled"}}));
        expect_each_once(world);
      },
      first(), kStep);
}

TEST_P(EveryWriteOfSweeps, OfWhichTooManyPointsFail) {
  at_some_writes([](World& world) {
    add_many(world, {{"parallelism", 2}, {"maxFailedPoints", 1}});
    for (int i = 0; i < kPoints; ++i) world.node().failing.insert(i);
    world.run_to_the_end();
    const auto sweep = world.find_sweep("many");
    EXPECT_EQ(sweep.status.phase, Phase::kFailed);
    EXPECT_EQ(sweep.status.error ? sweep.status.error->reason : "", "TooManyFailedPoints");
    EXPECT_EQ(sweep.status.points->succeeded, 0);
    EXPECT_GE(sweep.status.points->failed, 2);
    const auto table = table_of(world);
    ASSERT_TRUE(table) << table.error().message;
    ASSERT_EQ(table->rows.size(), static_cast<std::size_t>(kPoints));
    EXPECT_EQ(std::ranges::count(table->rows, Phase::kFailed, &sweep::Row::phase), sweep.status.points->failed);
    for (const auto& row : table->rows) {
      EXPECT_EQ(row.reason, row.phase == Phase::kFailed ? "NonZeroExit" : "TooManyFailedPoints") << row.index;
    }
  });
}

// The time limit of a run counts over all of its points: what it does not come to is executed by a further run.
TEST_P(EveryWriteOfSweeps, WhoseRunsNeedMoreTimeThanOneMayHave) {
  at_every_write(
      {.runs = 0}, GetParam(),
      [](World& world) {
        add_many(world);
        world.node().points_in_time = 3;
        world.run_to_the_end();
        EXPECT_EQ(lines_of(world), whole_table());
        EXPECT_EQ(world.find_sweep("many").status.runs.size(), 4U);
        expect_each_once(world);
      },
      first(), kStep);
}

TEST_P(EveryWriteOfSweeps, ThatIsCancelled) {
  at_some_writes([](World& world) {
    add_many(world);
    until_executed(world, 3);
    world.node().hold = true;
    world.set_sweep_spec("many", {{"cancel", true}});
    world.run_to_the_end();
    const auto sweep = world.find_sweep("many");
    EXPECT_EQ(sweep.status.phase, Phase::kCancelled);
    EXPECT_EQ(sweep.status.error ? sweep.status.error->reason : "", "Cancelled");
    const auto table = table_of(world);
    ASSERT_TRUE(table) << table.error().message;
    ASSERT_EQ(table->rows.size(), static_cast<std::size_t>(kPoints));
    const auto rows = recorded(world);
    for (const auto& row : table->rows) {
      const bool done = rows.contains(static_cast<std::int64_t>(row.index));
      EXPECT_EQ(row.phase, done ? Phase::kSucceeded : Phase::kCancelled) << row.index;
    }
    EXPECT_EQ(sweep.status.points->succeeded, static_cast<std::int64_t>(rows.size()));
    EXPECT_LE(runs_of(world).size(), 2U);
  });
}

TEST_P(EveryWriteOfSweeps, ThatIsSuspendedAndResumed) {
  at_some_writes([](World& world) {
    add_many(world);
    until_executed(world, 3);
    world.node().hold = true;
    world.set_sweep_spec("many", {{"suspend", true}});
    world.run([&] { return world.machine().server.all(kube::kJobs).empty() && reason_of(world) == "Suspended"; });
    const auto rows = recorded(world);
    const auto before = runs_of(world).size();
    const Time later = world.machine().clock.now() + std::chrono::seconds(10);
    world.run([&] { return world.machine().clock.now() > later; });
    if (!world.machine().server.all(kube::kJobs).empty()) world.violated("a suspended sweep has a Job");
    EXPECT_EQ(runs_of(world).size(), before);
    world.node().hold = false;
    world.set_sweep_spec("many", {{"suspend", false}});
    world.run_to_the_end();
    EXPECT_EQ(lines_of(world), whole_table());
    for (const auto point : rows) EXPECT_EQ(executed(world)[point], 1) << point;
  });
}

INSTANTIATE_TEST_SUITE_P(Faults, EveryWriteOfSweeps, ::testing::ValuesIn(kEvery), fault_name);

}  // namespace
}  // namespace modelrun::faults
