// A run's life, and that of ten at once, with every fault at every write: the end is that of the same runs without
// faults.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "faults/every_write.h"
#include "kube/payload.h"
#include "kube/point_rows.h"

namespace modelrun::faults {
namespace {

using fakes::Fault;

class EveryWrite : public ::testing::TestWithParam<Fault> {};

TEST_P(EveryWrite, OfOneRun) {
  at_every_write({}, GetParam());
}

TEST_P(EveryWrite, OfOneRunWithParameters) {
  at_every_write({.parameters = true}, GetParam());
}

// Each kind of fault at every sixth write: together they strike at all of them.
TEST_P(EveryWrite, OfTenRunsInThreeSlots) {
  const int first = static_cast<int>(std::ranges::find(kEvery, GetParam()) - kEvery.begin()) + 1;
  at_every_write({.runs = 10, .max_concurrent = 3}, GetParam(), to_the_end, first, static_cast<int>(kEvery.size()));
}

TEST_P(EveryWrite, OfARunWhosePushIsLost) {
  at_every_write({}, GetParam(), [](World& world) {
    world.node().push = false;
    world.run_to_the_end();
  });
}

TEST_P(EveryWrite, OfARunWithALargeResult) {
  at_every_write({}, GetParam(), [](World& world) {
    world.node().prints = std::string(20'000, 'x');
    world.run_to_the_end();
    if (world.machine().server.all(kube::kConfigMaps).size() != 1) world.violated("the full result is not there once");
  });
}

TEST_P(EveryWrite, OfARunThatIsEvictedOnce) {
  const Scenario evicted = [](World& world) {
    world.node().hold = true;
    world.run(
        [&] { return world.find("run-00").status.phase == api::Phase::kRunning && !world.node().granted().empty(); });
    world.node().evict("run-00");
    world.node().hold = false;
    world.run_to_the_end();
  };
  ASSERT_NE(without_faults({}, evicted).outcome.at(0).find("Succeeded exit 0 attempts 2"), std::string::npos);
  at_every_write({}, GetParam(), evicted);
}

TEST_P(EveryWrite, OfARunWhoseJobWaitsInAQueue) {
  const Scenario queued = [](World& world) {
    world.node().queues = true;
    world.node().admits = false;
    const auto waits = [&] {
      const auto* succeeded = api::find_condition(world.find("run-00").status.conditions, "Succeeded");
      return succeeded != nullptr && succeeded->reason == "JobSuspended";
    };
    world.run(waits);
    world.node().admits = true;
    world.run_to_the_end();
  };
  ASSERT_NE(without_faults({.parameters = true}, queued).outcome.at(0).find("Succeeded exit 0 attempts 1"),
            std::string::npos);
  at_every_write({.parameters = true}, GetParam(), queued);
}

// The Job of the next attempt is suspended from its beginning, and waits until it is resumed as well.
TEST_P(EveryWrite, OfARunThatIsPreemptedOnce) {
  const Scenario preempted = [](World& world) {
    world.node().hold = true;
    world.run(
        [&] { return world.find("run-00").status.phase == api::Phase::kRunning && !world.node().granted().empty(); });
    world.node().admits = false;
    world.node().suspend("run-00");
    world.run([&] { return world.find("run-00").status.attempts == 2; });
    world.run([&, until = world.machine().clock.now() + std::chrono::seconds(30)] {
      return world.machine().clock.now() >= until;
    });
    if (world.node().granted().size() != 1) world.violated("a Job that is suspended was executed");
    world.node().admits = true;
    world.node().hold = false;
    world.run_to_the_end();
  };
  ASSERT_NE(without_faults({}, preempted).outcome.at(0).find("Succeeded exit 0 attempts 2"), std::string::npos);
  at_every_write({}, GetParam(), preempted);
}

// ---- Runs with points ---------------------------------------------------------------------------------------------

constexpr int kPoints = 12;

void add_points(World& world, int count = kPoints) {
  kube::Json points = kube::Json::array();
  for (int i = 0; i < count; ++i) points.push_back({{"i", i}});
  world.add_run("many", {{"points", points}});
}

// The table as lines "point verdict outputs"; says what is wrong with the run's rows besides.
std::vector<std::string> table_of(World& world) {
  const auto run = world.find("many");
  std::vector<std::string> lines;
  std::map<std::int64_t, int> seen;
  for (const auto& map : world.machine().server.all(kube::kConfigMaps)) {
    if (!api::is_owned_by(api::decode_meta(map), run.meta)) continue;
    const auto visited = kube::visit_chunks(map, [&](const kube::RowChunk& chunk) {
      for (const auto& row : chunk.rows) {
        if (++seen[row.point] > 1) world.violated(fmt::format("point {} has two rows", row.point));
        lines.push_back(fmt::format("{:04} {} {} {}", row.point, to_string(row.phase), row.reason,
                                    row.outputs ? row.outputs->text() : ""));
      }
    });
    if (!visited) return {visited.error().message};
  }
  std::ranges::sort(lines);
  return lines;
}

std::vector<std::string> whole_table(const std::map<std::int64_t, std::string>& failed = {}) {
  std::vector<std::string> lines;
  for (std::int64_t i = 0; i < kPoints; ++i) {
    const auto found = failed.find(i);
    lines.push_back(found == failed.end() ? fmt::format("{:04} Succeeded  {{\"double\":{}}}", i, 2 * i)
                                          : fmt::format("{:04} Failed {} ", i, found->second));
  }
  return lines;
}

TEST_P(EveryWrite, OfARunWithPoints) {
  at_every_write({.runs = 0}, GetParam(), [](World& world) {
    add_points(world);
    world.node().failing = {3};
    world.run_to_the_end();
    EXPECT_EQ(table_of(world), whole_table({{3, "NonZeroExit"}}));
    const auto run = world.find("many");
    EXPECT_EQ(run.status.error ? run.status.error->reason : "", "PointsFailed");
    EXPECT_EQ(run.status.points->succeeded, kPoints - 1);
    EXPECT_EQ(run.status.points->failed, 1);
    for (const auto& [point, times] : world.node().executed().begin()->second) EXPECT_EQ(times, 1) << point;
  });
}

TEST_P(EveryWrite, OfARunWhoseRowsComeWithItsResult) {
  at_every_write({.runs = 0}, GetParam(), [](World& world) {
    add_points(world);
    world.node().report = false;
    world.node().push = false;
    world.run_to_the_end();
    EXPECT_EQ(table_of(world), whole_table());
    for (const auto& [point, times] : world.node().executed().begin()->second) EXPECT_EQ(times, 1) << point;
  });
}

TEST_P(EveryWrite, OfARunWithAPointThatTakesItsSandbox) {
  at_every_write({.runs = 0}, GetParam(), [](World& world) {
    add_points(world);
    world.node().fatal = {5, 11};
    world.run_to_the_end();
    EXPECT_EQ(table_of(world), whole_table({{5, "OOMKilled"}, {11, "OOMKilled"}}));
    for (const auto& [point, times] : world.node().executed().begin()->second) EXPECT_EQ(times, 1) << point;
  });
}

// The pod is lost while it is at each point in turn: what is recorded is not executed again.
TEST(Points, APodThatIsLostAtAnyPointCostsThatPointAtMost) {
  for (int at = 0; at < kPoints; ++at) {
    World world({.runs = 0, .name = fmt::format("lost at {}", at)});
    add_points(world);
    world.run([&] {
      const auto& executed = world.node().executed();
      return !executed.empty() && std::ssize(executed.begin()->second) > at;
    });
    const auto recorded = table_of(world);
    world.node().evict("many");
    world.run_to_the_end();
    EXPECT_EQ(world.find("many").status.phase, api::Phase::kSucceeded) << at;
    EXPECT_EQ(table_of(world), whole_table()) << at;
    for (const auto& line : recorded) {
      EXPECT_EQ(world.node().executed().begin()->second.at(std::stoi(line.substr(0, 4))), 1) << line;
    }
  }
}

TEST(Points, ManyNeedFewWrites) {
  World world({.runs = 0});
  add_points(world, 300);
  world.run_to_the_end();
  EXPECT_EQ(world.find("many").status.points->succeeded, 300);
  EXPECT_LE(world.writes(), 30);
}

// The image of the Job that is there.
std::string image_of_job(World& world) {
  const auto jobs = world.machine().server.all(kube::kJobs);
  if (jobs.size() != 1) return fmt::format("{} Jobs", jobs.size());
  return jobs[0]["spec"]["template"]["spec"]["containers"][1]["image"];
}

TEST_P(EveryWrite, OfARunThatIsEvictedAfterItsProjectChanged) {
  const Scenario evicted = [](World& world) {
    world.node().hold = true;
    world.run(
        [&] { return world.find("run-00").status.phase == api::Phase::kRunning && !world.node().granted().empty(); });
    world.set_project({{"runtime", {{"image", "python:2"}}}, {"limits", {{"attempts", 1}}}});
    world.node().evict("run-00");
    world.run([&] {
      const auto status = world.find("run-00").status;
      return status.attempts == 2 && status.phase == api::Phase::kRunning;
    });
    EXPECT_EQ(image_of_job(world), "python:1");
    EXPECT_EQ(world.find("run-00").status.project_generation, 1);
    world.node().hold = false;
    world.run_to_the_end();
  };
  ASSERT_NE(without_faults({}, evicted).outcome.at(0).find("Succeeded exit 0 attempts 2"), std::string::npos);
  at_every_write({}, GetParam(), evicted);
}

TEST_P(EveryWrite, OfARunWhoseProjectIsDeletedAfterALoss) {
  at_every_write({}, GetParam(), [](World& world) {
    world.node().hold = true;
    world.run(
        [&] { return world.find("run-00").status.phase == api::Phase::kRunning && !world.node().granted().empty(); });
    world.node().evict("run-00");
    world.run([&] { return world.find("run-00").status.attempts == 2; });
    world.machine().server.erase(kube::kModelProjects, world.namespace_(), "p");
    world.run();
    EXPECT_EQ(world.find("run-00").status.phase, api::Phase::kCancelled);
  });
}

// The project changes with the very write that `fault` strikes at: a Job is never of another generation than its run.
TEST_P(EveryWrite, TogetherWithAChangeOfTheProject) {
  const auto reference = without_faults({.runs = 2}, to_the_end);
  for (int k = 1; k <= reference.writes; ++k) {
    World world({.runs = 2, .name = fmt::format("change and {} write {}", name_of(GetParam()), k)});
    world.set_faults([&](const kube::Request&, int number) {
      if (number != k) return Fault::kNone;
      world.set_project({{"runtime", {{"image", "python:2"}}}});
      return GetParam();
    });
    world.run_to_the_end();
    ASSERT_EQ(world.outcome(), reference.outcome) << k;
  }
}

TEST_P(EveryWrite, OfARunThatIsSuspendedWhileItRuns) {
  const Scenario suspended = [](World& world) {
    world.node().hold = true;
    world.run(
        [&] { return world.find("run-00").status.phase == api::Phase::kRunning && !world.node().granted().empty(); });
    world.set_spec("run-00", {{"suspend", true}});
    world.run([&] {
      return world.find("run-00").status.phase == api::Phase::kPending &&
             world.machine().server.all(kube::kJobs).empty();
    });
    const Time later = world.machine().clock.now() + std::chrono::seconds(10);
    world.run([&] { return world.machine().clock.now() > later; });
    if (!world.machine().server.all(kube::kJobs).empty()) world.violated("a suspended run has a Job");
    world.set_project({{"runtime", {{"image", "python:2"}}}});
    world.set_spec("run-00", {{"suspend", false}});
    world.run([&] { return world.find("run-00").status.phase == api::Phase::kRunning; });
    EXPECT_EQ(image_of_job(world), "python:2") << "admitted anew";
    EXPECT_EQ(world.find("run-00").status.project_generation, 2);
    world.node().hold = false;
    world.run_to_the_end();
  };
  ASSERT_NE(without_faults({}, suspended).outcome.at(0).find("Succeeded exit 0 attempts 2"), std::string::npos);
  at_every_write({}, GetParam(), suspended);
}

TEST_P(EveryWrite, OfARunThatIsCancelledBeforeItsPodClaims) {
  at_every_write({}, GetParam(), [](World& world) {
    world.run([&] { return !world.machine().server.all(kube::kJobs).empty(); });
    world.set_spec("run-00", {{"cancel", true}});
    world.run_to_the_end();
  });
}

// Which of them runs is a matter of who comes first after a crash, and two may: each has the result.
void expect_all_done(World& world, const std::string& name) {
  for (const auto& object : world.machine().server.all(kube::kModelRuns)) {
    const auto run = api::decode_model_run(object);
    EXPECT_EQ(run.status.phase, api::Phase::kSucceeded) << name << ' ' << run.meta.name;
    EXPECT_EQ(run.status.outputs, (kube::Json{{"answer", 42}})) << name << ' ' << run.meta.name;
    EXPECT_EQ(run.status.reused_from.has_value(), run.status.attempts == 0) << name << ' ' << run.meta.name;
    if (run.status.result_ref) {
      EXPECT_TRUE(kube::load_payload(world.process().context().client, run)) << name << ' ' << run.meta.name;
    }
  }
}

TEST_P(EveryWrite, OfThreeRunsThatJoin) {
  const Scenario scenario = [](World& world) {
    world.node().prints = std::string(20'000, 'x');
    world.run_to_the_end();
  };
  const WorldOptions options{.runs = 3, .max_concurrent = 1, .reuse = "Join"};
  const auto reference = without_faults(options, scenario);
  for (int k = 1; k <= reference.writes; ++k) {
    WorldOptions named = options;
    named.name = fmt::format("join, {} write {}", name_of(GetParam()), k);
    World world(named);
    world.set_faults([&](const kube::Request&, int number) { return number == k ? GetParam() : Fault::kNone; });
    scenario(world);
    expect_all_done(world, named.name);
    if (::testing::Test::HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, EveryWrite, ::testing::ValuesIn(kEvery), fault_name);

TEST(Crash, BetweenThePinAndTheJobWithAChangeOfTheProject) {
  World world({});
  bool struck = false;
  world.set_faults([&](const kube::Request& request, int number) {
    const bool pin = number > 0 && request.path.find("/modelruns/") != std::string::npos;
    if (!pin || std::exchange(struck, true)) return Fault::kNone;
    return Fault::kCrashAfter;
  });
  world.run([&] { return struck; });
  ASSERT_FALSE(world.find("run-00").status.job_name.empty());
  ASSERT_TRUE(world.machine().server.all(kube::kJobs).empty());
  world.set_project({{"runtime", {{"image", "python:2"}}}});
  world.node().hold = true;
  world.run([&] { return world.find("run-00").status.phase == api::Phase::kRunning; });
  EXPECT_EQ(image_of_job(world), "python:1");
  EXPECT_EQ(world.find("run-00").status.project_generation, 1);
  world.node().hold = false;
  world.run_to_the_end();
  EXPECT_EQ(world.outcome(), without_faults({}, to_the_end).outcome);
}

TEST(Crash, WhileFollowersWait) {
  World world({.runs = 3, .reuse = "Join"});
  world.node().hold = true;
  const auto follow = [&] {
    int following = 0;
    for (const auto& object : world.machine().server.all(kube::kModelRuns)) {
      if (api::decode_model_run(object).status.reused_from) ++following;
    }
    return following == 2;
  };
  world.run([&] { return follow() && !world.node().granted().empty(); });
  const int before = world.writes();
  world.restart();
  const Time later = world.machine().clock.now() + std::chrono::seconds(40);
  world.run([&] { return world.machine().clock.now() >= later; });
  EXPECT_TRUE(follow());
  EXPECT_LE(world.writes(), before + 1) << "what stands need not be written again, but for the project's lazy count";
  world.node().hold = false;
  world.run_to_the_end();
  expect_all_done(world, "restart");
  EXPECT_EQ(world.node().granted().size(), 1U) << "one has run";
}

// After the writes `first` and `first + second`, whatever they are; a quarter of them each.
class TwoCrashes : public ::testing::TestWithParam<int> {};

TEST_P(TwoCrashes, OfOneRun) {
  const auto reference = without_faults({}, to_the_end);
  for (int first = GetParam(); first <= reference.writes; first += 4) {
    for (int second = 1; second <= reference.writes + 2; ++second) {
      World world({.name = fmt::format("crashes after writes {} and {}", first, first + second)});
      world.set_faults([&](const kube::Request&, int number) {
        return number == first || number == first + second ? Fault::kCrashAfter : Fault::kNone;
      });
      world.run_to_the_end();
      ASSERT_EQ(world.outcome(), reference.outcome) << first << ' ' << second;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(First, TwoCrashes, ::testing::Range(1, 5));

TEST(Conflicts, OnEveryFirstWrite) {
  const WorldOptions options{.runs = 5, .parameters = true, .max_concurrent = 2};
  const auto reference = without_faults(options, to_the_end);
  World world(options);
  std::set<std::string> met;
  world.set_faults([&](const kube::Request& request, int number) {
    const auto body = kube::Json::parse(request.body, nullptr, false);
    const auto name = body.is_object() && body.contains("metadata") ? body["metadata"].value("name", "") : "";
    return number > 0 && met.insert(std::string(to_string(request.method)) + request.path + name).second ? Fault::k409
                                                                                                         : Fault::kNone;
  });
  world.run_to_the_end();
  EXPECT_EQ(world.outcome(), reference.outcome);
}

// Three requests in ten fail, reads too.
TEST(Errors, ThirtyPercent) {
  const WorldOptions options{.runs = 3, .parameters = true, .max_concurrent = 2};
  const auto reference = without_faults(options, to_the_end);
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    WorldOptions named = options;
    named.name = fmt::format("errors {}", seed);
    World world(named);
    std::mt19937_64 random(seed);
    world.set_faults([&](const kube::Request&, int) {
      constexpr std::array kErrors = {Fault::k429, Fault::k500, Fault::k503};
      return random() % 10 < 3 ? kErrors.at(random() % kErrors.size()) : Fault::kNone;
    });
    world.run();
    world.set_faults({});
    world.run_to_the_end();
    ASSERT_EQ(world.outcome(), reference.outcome) << seed;
  }
}

}  // namespace
}  // namespace modelrun::faults
