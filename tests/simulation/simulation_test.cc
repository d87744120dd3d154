// Named situations: what once went wrong, and has to go right in every order of events. Each is played with several
// seeds; the invariants of the simulator are checked on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "api/json_access.h"
#include "api/model_sweep.h"
#include "base/log.h"
#include "simulation/search.h"

namespace modelrun::simulation {
namespace {

using std::chrono::seconds;
using P = Perturbation;

constexpr std::uint64_t kSeeds = 12;
const ModelPlan kLong{.end = ModelPlan::End::kSucceeds, .duration = seconds(600)};
const ModelPlan kShort{.end = ModelPlan::End::kSucceeds, .duration = seconds(2)};

// The operator's own log would be in the way of the failures.
[[maybe_unused]] const bool kQuiet = [] {
  log::configure(log::Format::kText, log::Level::kError);
  return true;
}();

Json run_spec() {
  return {{"project", "p"}, {"scope", "project"}, {"timeoutSeconds", 300}};
}

void create_run(World& world, const std::string& name, const ModelPlan& plan) {
  world.cluster().set_plan("a/" + name, plan);
  world.people().create_run("a/" + name, run_spec());
}

bool is_running(World& world, const std::string& name) {
  return world.phase("a/" + name) == "Running";
}

std::string waits_for(World& world, const std::string& name) {
  const auto status = world.status("a/" + name);
  for (const auto& condition : api::member(status, "conditions")) {
    if (condition["type"] == "Succeeded") return condition["reason"];
  }
  return {};
}

std::string error_of(World& world, const std::string& name) {
  return api::text_at(api::member(world.status("a/" + name), "error"), "reason");
}

void set_limits(World& world, const Json& limits) {
  world.people().patch_spec(Kind::kProjects, "a/p", {{"limits", limits}});
}

constexpr std::int64_t kSweepPoints = 20;

void create_sweep(World& world) {
  Json values = Json::array();
  for (std::int64_t i = 0; i < kSweepPoints; ++i) values.push_back(i);
  world.people().create_sweep("a/sweep", {{"project", "p"},
                                          {"scope", "project"},
                                          {"parameters", Json::object()},
                                          {"space", {{"grid", {{{"name", "i"}, {"values", values}}}}}},
                                          {"limits", {{"parallelism", 2}}}});
}

std::string sweep_phase(World& world) {
  const auto sweep = world.server().find(Kind::kSweeps, "a/sweep");
  return sweep ? status_text(sweep->json, "phase") : "deleted";
}

// The ConfigMaps of the table, and of one that was stored before it.
std::size_t table_parts(World& world) {
  return static_cast<std::size_t>(std::ranges::count_if(world.server().all(Kind::kConfigMaps), [](const auto& entry) {
    return !label_text(entry.second->json, api::kLabelSweepUid).empty();
  }));
}

struct Scenario {
  std::string name;
  int processes = 1;
  std::function<void(World&)> script;
  bool sweeps = false;
  bool elect = true;
};

std::ostream& operator<<(std::ostream& out, const Scenario& scenario) {
  return out << scenario.name;
}

// A run that holds the only slot, and one that waits for it.
void one_runs_one_queues(World& world) {
  set_limits(world, {{"maxConcurrentRuns", 1}});
  create_run(world, "first", kLong);
  world.until([&] { return is_running(world, "first"); });
  create_run(world, "second", kShort);
  world.until([&] { return waits_for(world, "second") == "Queued"; });
}

void a_queued_run_is_deleted_with_a_finalizer(World& world) {
  one_runs_one_queues(world);
  world.server().change(Kind::kRuns, "a/second", "person",
                        [](Json& run) { run["metadata"]["finalizers"] = {"example.com/hold"}; });
  world.people().delete_run("a/second");
  world.people().patch_spec(Kind::kRuns, "a/first", {{"cancel", true}});
  world.cluster().run(uid_of(world.server().find(Kind::kRuns, "a/first")->json)).cancelled = true;
  world.until([&] { return world.phase("a/first") == "Cancelled"; });
  const auto version = world.server().history(Kind::kProjects).size();
  world.pass(seconds(60));
  world.expect(world.server().history(Kind::kProjects).size() < version + 5, "the project is written again and again");
  create_run(world, "third", kShort);
  world.expect(world.until([&] { return world.phase("a/third") == "Succeeded"; }), "the next run starves");
  world.server().change(Kind::kRuns, "a/second", "person", [](Json& run) { run["metadata"].erase("finalizers"); });
}

void the_lease_goes_and_comes_back(World& world) {
  one_runs_one_queues(world);
  const auto first = world.leader();
  if (!first) return;
  first->group().paused = true;
  world.until([&] { return world.leader() && world.leader() != first; });
  first->group().paused = false;
  world.people().delete_run("a/second");
  world.pass(seconds(5));
  for (const auto& process : world.processes()) process->group().paused = process != first;
  world.until([&] { return first->leading(); });
  for (const auto& process : world.processes()) process->group().paused = false;
  const auto writes = world.server().history(Kind::kProjects).size();
  world.pass(seconds(60));
  world.expect(world.server().history(Kind::kProjects).size() < writes + 5, "numbers are given to a run that is gone");
  world.people().delete_run("a/first");
}

void the_node_of_a_running_run_dies(World& world) {
  set_limits(world, {{"attempts", 1}});
  create_run(world, "first", kLong);
  world.until([&] { return is_running(world, "first"); });
  world.pass(seconds(5));
  world.faults().strike(P::kNodeLost);
  world.expect(world.until([&] { return world.phase("a/first") == "Failed"; }, seconds(300)), "it is Running for ever");
  world.expect(error_of(world, "first") == "NodeLost", "it ends as " + error_of(world, "first"));
}

void the_leader_is_killed_while_git_is_away(World& world) {
  set_limits(world, {{"pendingSeconds", 20}, {"maxConcurrentRuns", 1}});
  one_runs_one_queues(world);
  world.pass(seconds(40));
  const auto server = world.git().begin()->second;
  server->set_state(GitServer::State::kUnavailable, world.sim().fibers.now());
  world.leader()->kill();
  world.until([&] { return world.leader() != nullptr; });
  world.pass(seconds(5));
  server->set_state(GitServer::State::kWell, world.sim().fibers.now());
  world.people().patch_spec(Kind::kRuns, "a/first", {{"cancel", true}});
  world.cluster().run(uid_of(world.server().find(Kind::kRuns, "a/first")->json)).cancelled = true;
  world.expect(world.until([&] { return world.phase("a/second") == "Succeeded"; }),
               "the queued run is " + world.phase("a/second") + " " + error_of(world, "second"));
}

void a_tenant_forges_a_result(World& world) {
  create_run(world, "first", kShort);
  world.until([&] { return !api::text_at(world.status("a/first"), "jobName").empty(); });
  world.faults().strike(P::kForgery);
  world.expect(world.until([&] { return world.phase("a/first") == "Succeeded"; }), "it does not end");
}

void a_new_leader_does_not_see_the_project(World& world) {
  create_run(world, "first", kLong);
  world.until([&] { return is_running(world, "first"); });
  world.people().delete_project("b/x");  // nothing, but it shows in the trace
  world.leader()->kill();
  world.until([&] { return !world.processes().empty() && world.processes()[0]->synced(); });
  for (const auto& process : world.processes()) process->transport().silent.at(1) = true;
  world.pass(seconds(100));
  world.expect(is_running(world, "first"), "it is " + world.phase("a/first"));
  world.people().delete_run("a/first");
}

void the_webhook_for_jobs_is_down(World& world) {
  set_limits(world, {{"pendingSeconds", 20}, {"maxConcurrentRuns", 1}});
  world.network().webhook_down.at(static_cast<std::size_t>(Kind::kJobs)) = true;
  world.sim().perturbations.note(P::kWebhook);
  create_run(world, "first", kShort);
  world.expect(
      world.until([&] { return waits_for(world, "first") != "Starting" && !waits_for(world, "first").empty(); },
                  seconds(15)),
      "it waits without a reason");
  world.expect(world.until([&] { return world.phase("a/first") == "Failed"; }, seconds(60)), "it waits for ever");
}

void a_node_is_drained_while_no_operator_runs(World& world) {
  create_run(world, "first", kLong);
  world.until([&] { return is_running(world, "first"); });
  world.pass(seconds(3));
  world.leader()->kill();
  world.faults().strike(P::kDrained);
  world.cluster().set_plan("a/first", kShort);
  world.expect(world.until([&] { return world.phase("a/first") == "Succeeded"; }, seconds(200)),
               "it is " + world.phase("a/first") + " " + error_of(world, "first"));
  world.expect(world.status("a/first")["attempts"] == 2, "it was not tried again");
}

void a_time_to_live_is_set_later(World& world) {
  world.people().patch_spec(Kind::kProjects, "a/p", {{"history", {{"includeApplied", true}}}});
  create_run(world, "first", kShort);
  world.until([&] { return world.phase("a/first") == "Succeeded"; });
  world.pass(seconds(60));
  world.people().patch_spec(Kind::kProjects, "a/p", {{"history", {{"ttlSecondsAfterFinished", 5}}}});
  world.expect(world.until([&] { return !world.server().find(Kind::kRuns, "a/first"); }, seconds(30)),
               "the run is not deleted");
}

void a_status_names_a_job_without_a_project(World& world) {
  world.people().delete_project("a/p");
  create_run(world, "first", kShort);
  world.server().change(Kind::kRuns, "a/first", "person", [](Json& run) { run["status"]["jobName"] = "some-job"; });
  world.cluster().run(uid_of(world.server().find(Kind::kRuns, "a/first")->json)).nonsense = true;
  world.expect(world.until([&] { return world.phase("a/first") == "Failed"; }), "it does not end");
}

void attempts_are_negative(World& world) {
  create_run(world, "first", kLong);
  world.until([&] { return is_running(world, "first"); });
  world.pass(seconds(3));
  world.cluster().run(uid_of(world.server().find(Kind::kRuns, "a/first")->json)).nonsense = true;
  world.server().change(Kind::kRuns, "a/first", "person", [](Json& run) { run["status"]["attempts"] = -5; });
}

void the_clock_is_an_hour_behind_for_a_while(World& world) {
  world.until([&] { return world.leader() != nullptr; });
  world.leader()->clock().set_offset(-std::chrono::hours(1));
  create_run(world, "first", kShort);
  world.expect(world.until([&] { return world.phase("a/first") == "Succeeded"; }), "it does not end");
  world.pass(seconds(5));
}

void the_job_is_deleted_while_no_operator_runs(World& world) {
  create_run(world, "first", kLong);
  world.until([&] { return !world.server().all(Kind::kJobs).empty(); });
  world.leader()->kill();
  world.pass(seconds(1));
  if (const auto& jobs = world.server().all(Kind::kJobs); !jobs.empty()) {
    (void)world.server().remove(Kind::kJobs, jobs.begin()->first, "person");
  }
  world.until([&] { return world.leader() != nullptr; });
  world.pass(seconds(20));
  world.people().delete_run("a/first");
}

// I19 holds on the way: no point is executed twice, and the table has the row of each.
void two_leaders_work_on_a_sweep(World& world) {
  create_sweep(world);
  world.expect(world.until([&] { return sweep_phase(world) == "Succeeded"; }), "it is " + sweep_phase(world));
  world.expect(table_parts(world) == 1, "there are several tables");
}

void the_operator_is_killed_while_a_table_is_stored(World& world) {
  create_sweep(world);
  world.expect(world.until([&] { return table_parts(world) == 1; }), "no table is stored");
  world.expect(sweep_phase(world) == "Running", "the status is there before the table");
  world.leader()->kill();
  world.expect(world.until([&] { return sweep_phase(world) == "Succeeded"; }), "it is " + sweep_phase(world));
  world.expect(table_parts(world) == 1, "the table is stored twice");
}

void a_sweep_is_deleted_while_no_operator_runs(World& world) {
  create_sweep(world);
  world.until([&] { return sweep_phase(world) == "Running"; });
  world.leader()->kill();
  world.people().delete_sweep("a/sweep");
  world.until([&] { return world.leader() != nullptr; });
  world.pass(seconds(20));
}

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> kAll = {
      {"AQueuedRunIsDeletedWithAFinalizer", 1, a_queued_run_is_deleted_with_a_finalizer},
      {"TheLeaseGoesAndComesBack", 2, the_lease_goes_and_comes_back},
      {"TheNodeOfARunningRunDies", 1, the_node_of_a_running_run_dies},
      {"TheLeaderIsKilledWhileGitIsAway", 1, the_leader_is_killed_while_git_is_away},
      {"ATenantForgesAResult", 1, a_tenant_forges_a_result},
      {"ANewLeaderDoesNotSeeTheProject", 1, a_new_leader_does_not_see_the_project},
      {"TheWebhookForJobsIsDown", 1, the_webhook_for_jobs_is_down},
      {"ANodeIsDrainedWhileNoOperatorRuns", 1, a_node_is_drained_while_no_operator_runs},
      {"ATimeToLiveIsSetLater", 1, a_time_to_live_is_set_later},
      {"AStatusNamesAJobWithoutAProject", 1, a_status_names_a_job_without_a_project},
      {"AttemptsAreNegative", 1, attempts_are_negative},
      {"TheClockIsAnHourBehindForAWhile", 1, the_clock_is_an_hour_behind_for_a_while},
      {"TheJobIsDeletedWhileNoOperatorRuns", 1, the_job_is_deleted_while_no_operator_runs},
      {.name = "TwoLeadersWorkOnASweep",
       .processes = 2,
       .script = two_leaders_work_on_a_sweep,
       .sweeps = true,
       .elect = false},
      {.name = "TheOperatorIsKilledWhileATableIsStored",
       .script = the_operator_is_killed_while_a_table_is_stored,
       .sweeps = true},
      {.name = "ASweepIsDeletedWhileNoOperatorRuns",
       .script = a_sweep_is_deleted_while_no_operator_runs,
       .sweeps = true},
  };
  return kAll;
}

WorldOptions options_of(const Scenario& scenario, std::uint64_t seed) {
  WorldOptions options;
  options.seed = seed;
  options.shape = {.runs = 0, .projects = 1, .processes = scenario.processes, .plain = true, .sweeps = scenario.sweeps};
  options.elect = scenario.elect;
  options.only.emplace();
  options.script = scenario.script;
  options.trace = true;
  return options;
}

class Situation : public ::testing::TestWithParam<Scenario> {};

TEST_P(Situation, EndsWell) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto outcome = World(options_of(GetParam(), seed)).play();
    if (outcome.violation.empty()) continue;
    std::string story;
    const auto first = outcome.trace.size() - std::min<std::size_t>(outcome.trace.size(), 60);
    for (std::size_t i = first; i < outcome.trace.size(); ++i) story += outcome.trace[i] + "\n";
    FAIL() << "seed " << seed << ": " << outcome.violation << "\n" << story;
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Situation, ::testing::ValuesIn(scenarios()),
                         [](const auto& parameter) { return parameter.param.name; });

// The same seed has to give the same world, or no failure could be played again.
TEST(Determinism, ASeedIsPlayedTwice) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto options = simulation::options_of(seed);
    options.trace = true;
    const auto once = World(options).play();
    const auto again = World(options).play();
    ASSERT_EQ(once.trace, again.trace) << seed;
  }
}

// Else no world would say anything about sweeps. The seed is one of the worlds with them.
TEST(Coverage, SweepsAreCheckedInTheWorldsThatHaveThem) {
  std::uint64_t seed = 1;
  while (!random_shape(seed).sweeps) ++seed;
  const auto outcome = World(simulation::options_of(seed)).play();
  EXPECT_EQ(outcome.violation, "");
  EXPECT_TRUE(outcome.checked.test(19)) << seed;
}

TEST(Fibers, TimeJumpsToTheNextDeadline) {
  RandomChoices choices(1);
  Fibers fibers(choices);
  FiberGroup group;
  std::vector<std::string> order;
  fibers.spawn(group, "late", [&] {
    fibers.sleep(seconds(2));
    order.emplace_back("late");
  });
  fibers.spawn(group, "early", [&] {
    fibers.sleep(seconds(1));
    order.emplace_back("early");
  });
  while (fibers.step(seconds(10))) {
  }
  EXPECT_EQ(order, (std::vector<std::string>{"early", "late"}));
  EXPECT_EQ(fibers.now(), Nanos(seconds(10)));
  EXPECT_EQ(group.alive, 0);
}

TEST(Fibers, AnExceptionEndsItsFiberOnly) {
  RandomChoices choices(1);
  Fibers fibers(choices);
  FiberGroup group;
  bool other = false;
  fibers.spawn(group, "bad", [] { throw std::runtime_error("no"); });
  fibers.spawn(group, "good", [&] { other = true; });
  while (fibers.step(seconds(1))) {
  }
  EXPECT_TRUE(other);
  EXPECT_EQ(fibers.failure(), "bad: no");
}

}  // namespace
}  // namespace modelrun::simulation
