// Sweeps that meet what is no failed write: lost pods, specs that are wrong, runs that are deleted or are not theirs.
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "faults/sweep_scene.h"

namespace modelrun::faults {
namespace {

using api::Phase;
using fakes::Fault;

TEST(Sweeps, APodThatIsLostAtAnyPointCostsThatPointAtMost) {
  for (std::size_t at = 1; at < kPoints; ++at) {
    World world({.runs = 0, .name = fmt::format("lost at {}", at)});
    add_many(world);
    until_executed(world, at);
    const auto rows = recorded(world);
    for (const auto& run : runs_of(world)) world.node().evict(run.meta.name);
    world.run_to_the_end();
    EXPECT_EQ(world.find_sweep("many").status.phase, Phase::kSucceeded) << at;
    EXPECT_EQ(lines_of(world), whole_table()) << at;
    for (const auto point : rows) EXPECT_EQ(executed(world)[point], 1) << point;
  }
}

TEST(Sweeps, EndBeforeTheyBeginIfTheirSpaceIsWrong) {
  World world({.runs = 0});
  world.add_sweep("many", {{"space", {{"grid", {{{"name", "i"}, {"values", {1, 1}}}}}}}});
  world.run_to_the_end();
  const auto sweep = world.find_sweep("many");
  EXPECT_EQ(sweep.status.phase, Phase::kFailed);
  ASSERT_TRUE(sweep.status.error);
  EXPECT_EQ(sweep.status.error->reason, "InvalidSpec");
  EXPECT_NE(sweep.status.message.find("space.grid[0]"), std::string::npos) << sweep.status.message;
  EXPECT_TRUE(runs_of(world).empty());
  EXPECT_EQ(world.written().at("PUT modelsweeps/status"), 1);
}

TEST(Sweeps, EndWithTheReasonOfTheirFirstRunIfItCannotBegin) {
  World world({.runs = 0});
  world.add_sweep("many", {{"space", space_of(40)}, {"branch", "nowhere"}});
  world.run_to_the_end();
  const auto sweep = world.find_sweep("many");
  EXPECT_EQ(sweep.status.phase, Phase::kFailed);
  EXPECT_EQ(sweep.status.error ? sweep.status.error->reason : "", "RefNotFound");
  EXPECT_EQ(runs_of(world).size(), 1U);
  const auto table = table_of(world);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->rows.at(39).reason, "RefNotFound");
}

TEST(Sweeps, TakeTheirRunsAndTablesWithThem) {
  for (const bool over : {false, true}) {
    World world({.runs = 0});
    add_many(world);
    if (over) {
      world.run();
    } else {
      until_executed(world, 3);
    }
    world.machine().server.erase(kube::kModelSweeps, world.namespace_(), "many");
    world.run_to_the_end();
    EXPECT_TRUE(runs_of(world).empty());
    EXPECT_TRUE(world.machine().server.all(kube::kConfigMaps).empty());
  }
}

// What a project says of finished runs does not concern those that a sweep needs.
TEST(Sweeps, KeepTheirRunsFromTheHistory) {
  World world({.runs = 0});
  world.set_project(
      {{"history", {{"successful", 0}, {"failed", 0}, {"ttlSecondsAfterFinished", 1}, {"includeApplied", true}}}});
  add_many(world);
  world.run_to_the_end();
  EXPECT_EQ(lines_of(world), whole_table());
  EXPECT_EQ(runs_of(world).size(), 2U);
}

TEST(Sweeps, MakeARunAgainThatSomebodyDeletes) {
  World world({.runs = 0});
  add_many(world);
  until_executed(world, 6);
  world.machine().server.erase(kube::kModelRuns, world.namespace_(), "many-00000000-0");
  world.run_to_the_end();
  EXPECT_EQ(lines_of(world), whole_table());
}

// A run that is not the sweep's has the name of one. The sweep says so, and ends when that lasts.
TEST(Sweeps, DoNotTakeARunThatIsNotTheirs) {
  World world({.runs = 0});
  world.add_run("many-00000000-1");
  add_many(world);
  world.run([&] { return reason_of(world) == "Blocked"; });
  EXPECT_NE(world.find_sweep("many").status.message.find("is not this sweep's"), std::string::npos);
  world.run_to_the_end();
  const auto sweep = world.find_sweep("many");
  EXPECT_EQ(sweep.status.phase, Phase::kFailed);
  EXPECT_EQ(sweep.status.error ? sweep.status.error->reason : "", "Internal");
  EXPECT_EQ(sweep.status.points->succeeded, kShard) << "those of its first run";
  EXPECT_EQ(world.find("many-00000000-1").status.phase, Phase::kSucceeded) << "it is none of the sweep's business";
}

// Whoever may create runs can give one the owner reference of a sweep: its rows do not get into the table.
TEST(Sweeps, TakeNoRowsOfARunThatTheyHaveNotMade) {
  World world({.runs = 0});
  add_many(world);
  auto sweep = world.find_sweep("many");
  world.add_run("many-00000000-1", {{"points", {{{"i", 100}}, {{"i", 101}}, {{"i", 102}}, {{"i", 103}}}}});
  auto run = world.machine().server.find(kube::kModelRuns, world.namespace_(), "many-00000000-1").value();
  run["metadata"]["ownerReferences"] = {
      {{"kind", "ModelSweep"}, {"name", "many"}, {"uid", sweep.meta.uid}, {"controller", true}}};
  world.machine().server.put(kube::kModelRuns, run);
  world.run_to_the_end();
  const auto table = table_of(world);
  ASSERT_TRUE(table) << table.error().message;
  for (const auto& row : table->rows) {
    const bool foreign = row.index >= kShard && row.index < 2 * std::size_t{kShard};
    EXPECT_EQ(row.reason, foreign ? "Internal" : "") << row.index;
    EXPECT_EQ(row.outputs.at(0), foreign ? "" : std::to_string(2 * row.index));
  }
}

TEST(Sweeps, OfAThousandPointsNeedFewWrites) {
  World world({.runs = 0});
  add_many(world, {{"parallelism", 4}}, 1000);
  world.run_to_the_end();
  EXPECT_EQ(lines_of(world), whole_table({}, 1000));
  expect_each_once(world, 1000);
  const auto metrics = world.process().context().metrics.text();
  EXPECT_NE(metrics.find(R"(modelrun_sweeps_finished_total{phase="Succeeded",reason="Succeeded"} 1)"),
            std::string::npos);
  std::string all;
  for (const auto& [kind, count] : world.written()) all += fmt::format("\n  {} {}", kind, count);
  RecordProperty("writes", all);
  EXPECT_LE(world.writes(), 100) << all;
}

// Three requests in ten fail, reads too.
TEST(Sweeps, BearErrors) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    World world({.runs = 0, .name = fmt::format("errors {}", seed)});
    std::mt19937_64 random(seed);
    world.set_faults([&](const kube::Request&, int) {
      constexpr std::array kErrors = {Fault::k429, Fault::k500, Fault::k503};
      return random() % 10 < 3 ? kErrors.at(random() % kErrors.size()) : Fault::kNone;
    });
    add_many(world);
    world.run();
    world.set_faults({});
    world.run_to_the_end();
    ASSERT_EQ(lines_of(world), whole_table()) << seed;
    expect_each_once(world);
  }
}

}  // namespace
}  // namespace modelrun::faults
