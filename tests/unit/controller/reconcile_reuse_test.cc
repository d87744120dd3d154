// spec.reuse through observe, decide and apply: several identical runs, and what becomes of them.
#include <gmock/gmock.h>

#include "controller/sources/secrets.h"
#include "faults/world.h"
#include "kube/payload.h"

namespace modelrun::faults {
namespace {

using api::Phase;
using kube::Json;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

std::vector<api::ModelRun> all_runs(World& world) {
  std::vector<api::ModelRun> runs;
  for (const auto& object : world.machine().server.all(kube::kModelRuns)) runs.push_back(api::decode_model_run(object));
  return runs;
}

// Those that run, or ran, by themselves.
std::vector<api::ModelRun> leaders(World& world) {
  auto runs = all_runs(world);
  std::erase_if(runs, [](const auto& run) { return run.status.reused_from.has_value(); });
  return runs;
}

// Until one of the runs is at work and holds its source, and all the others wait for it.
api::ModelRun to_one_that_all_follow(World& world) {
  world.node().hold = true;
  world.run([&] {
    const auto leading = leaders(world);
    return leading.size() == 1 && leading[0].status.phase == Phase::kRunning && !world.node().granted().empty();
  });
  return leaders(world).at(0);
}

void pin_image(World& world) {
  world.set_project({{"runtime", {{"image", "python@sha256:" + std::string(64, '1')}}}});
}

std::string reason(const api::ModelRun& run) {
  return api::find_condition(run.status.conditions, "Succeeded")->reason;
}

TEST(Join, ABurstIsOneJob) {
  World world({.runs = 5, .reuse = "Join"});
  world.node().prints = std::string(20'000, 'x');
  world.run();
  EXPECT_THAT(world.machine().server.all(kube::kJobs), SizeIs(1));
  ASSERT_THAT(leaders(world), SizeIs(1));
  const auto first = leaders(world)[0];
  std::set<std::string> owners, maps;
  for (const auto& run : all_runs(world)) {
    EXPECT_EQ(run.status.phase, Phase::kSucceeded) << run.meta.name;
    EXPECT_EQ(run.status.outputs, (Json{{"answer", 42}}));
    EXPECT_EQ(run.status.out, first.status.out);
    EXPECT_EQ(run.status.started_at, first.status.started_at);
    EXPECT_EQ(run.status.identity, first.status.identity);
    if (run.meta.uid == first.meta.uid) continue;
    EXPECT_EQ(run.status.reused_from, (api::RunRef{first.meta.name, first.meta.uid, 1}));
    EXPECT_EQ(run.status.run_number, 0);
  }
  const auto project =
      api::decode_model_project(world.machine().server.find(kube::kModelProjects, world.namespace_(), "p").value());
  EXPECT_EQ(project.status.last_run_number, 1) << "no numbers, and no slots";
  EXPECT_THAT(world.written(), Contains(Pair("PUT modelruns/status", 3 + 4 * 2))) << "joined, ended";

  // Each has its own copy of what does not fit into status: the first may go.
  world.machine().server.erase(kube::kModelRuns, world.namespace_(), first.meta.name);
  world.machine().server.collect_garbage();
  EXPECT_THAT(all_runs(world), SizeIs(4));
  for (const auto& run : all_runs(world)) {
    const auto full = kube::load_payload(world.process().context().client, run);
    ASSERT_TRUE(full) << full.error().message;
    EXPECT_EQ(full->out.head, world.node().prints);
    for (const auto& name : run.status.result_ref->config_maps) EXPECT_TRUE(maps.insert(name).second) << name;
  }
  world.run_to_the_end();
}

TEST(Join, FollowersWaitWithoutASlot) {
  World world({.runs = 3, .max_concurrent = 1, .reuse = "Join"});
  const auto first = to_one_that_all_follow(world);
  for (const auto& run : all_runs(world)) {
    EXPECT_EQ(reason(run), run.meta.uid == first.meta.uid ? "Running" : "Joined");
  }
  const Time later = world.machine().clock.now() + std::chrono::seconds(200);
  const int before = world.writes();
  world.run([&] { return world.machine().clock.now() >= later; });
  EXPECT_LE(world.writes(), before + 1) << "nothing is written while they wait, but for the project's lazy count";
  world.node().hold = false;
  world.run_to_the_end();
  EXPECT_THAT(leaders(world), SizeIs(1));
}

TEST(Join, ParametersMakeADifference) {
  World world({.runs = 0, .reuse = "Join"});
  world.add_run("one", {{"parameters", {{"rate", 1}}}});
  world.add_run("two", {{"parameters", {{"rate", 2}}}});
  world.add_run("again", {{"parameters", {{"rate", 2}}}});
  world.run();
  EXPECT_THAT(leaders(world), SizeIs(2));
  EXPECT_FALSE(world.find("one").status.reused_from);
}

TEST(Join, OneThatSaysNever) {
  World world({});
  to_one_that_all_follow(world);
  world.add_run("second", {{"reuse", "Join"}});
  world.run([&] { return world.find("second").status.reused_from.has_value(); });
  EXPECT_EQ(world.find("second").status.reused_from, (api::RunRef{"run-00", world.find("run-00").meta.uid, 1}));
  world.node().hold = false;
  world.run_to_the_end();
}

TEST(Join, NotOneThatIsOver) {
  World world({.reuse = "Join"});
  world.run();
  world.add_run("later");
  world.run();
  EXPECT_FALSE(world.find("later").status.reused_from);
}

TEST(Join, NotOnceItHasASlot) {
  World world({});
  to_one_that_all_follow(world);
  world.add_run("second", {{"reuse", "Join"}, {"suspend", true}});
  auto& server = world.machine().server;
  auto project = server.find(kube::kModelProjects, world.namespace_(), "p").value();
  project["status"]["active"].push_back({{"uid", world.find("second").meta.uid}, {"name", "second"}, {"number", 2}});
  server.put(kube::kModelProjects, project);
  world.set_spec("second", {{"suspend", false}});
  world.run([&] { return !world.find("second").status.job_name.empty() || world.find("second").status.reused_from; });
  EXPECT_FALSE(world.find("second").status.reused_from) << "the other may wait for just this slot";
  world.node().hold = false;
  world.run_to_the_end();
}

TEST(Join, TheFirstIsDeleted) {
  World world({.runs = 3, .reuse = "Join"});
  const auto first = to_one_that_all_follow(world);
  world.machine().server.erase(kube::kModelRuns, world.namespace_(), first.meta.name);
  world.machine().server.collect_garbage();
  world.node().hold = false;
  const Time before = world.machine().clock.now();
  world.run();
  EXPECT_LT(world.machine().clock.now() - before, std::chrono::seconds(20)) << "woken, not found by the net";
  ASSERT_THAT(leaders(world), SizeIs(1)) << "one of the others runs, and is joined by the last";
  for (const auto& run : all_runs(world)) EXPECT_EQ(run.status.phase, Phase::kSucceeded);
  world.run_to_the_end();
}

TEST(Join, TheFirstIsCancelled) {
  World world({.runs = 3, .reuse = "Join"});
  const auto first = to_one_that_all_follow(world);
  world.set_spec(first.meta.name, {{"cancel", true}});
  world.run([&] { return leaders(world).size() == 2; });
  EXPECT_EQ(world.find(first.meta.name).status.phase, Phase::kRunning) << "nobody waits for its end";
  world.run([&] { return world.find(first.meta.name).status.phase == Phase::kCancelled; });
  world.node().hold = false;
  world.run();
  for (const auto& run : all_runs(world)) {
    EXPECT_EQ(run.status.phase, run.meta.uid == first.meta.uid ? Phase::kCancelled : Phase::kSucceeded);
  }
  world.run_to_the_end();
}

TEST(Join, HistoryKeepsWhatOthersWaitFor) {
  for (const char* limit : {"successful", "ttlSecondsAfterFinished"}) {
    World world({.runs = 3, .reuse = "Join", .name = limit});
    world.set_project({{"history", {{limit, 0}, {"includeApplied", true}}}});
    const auto first = to_one_that_all_follow(world);
    int reads = 0;
    world.set_faults([&](const kube::Request& request, int) {
      const bool first_read = request.method == kube::Method::kGet && request.path.ends_with("/" + first.meta.name);
      return first_read && ++reads <= 6 ? fakes::Fault::k503 : fakes::Fault::kNone;
    });
    world.node().hold = false;
    const Time before = world.machine().clock.now();
    world.run([&] { return all_runs(world).empty(); });
    EXPECT_LT(world.machine().clock.now() - before, std::chrono::seconds(100)) << "woken when the last has it";
    EXPECT_GT(reads, 6);
    EXPECT_THAT(world.written(), Contains(Pair("POST jobs", 1))) << limit;
    EXPECT_THAT(world.written(), Contains(Pair("DELETE modelruns", 3)));
    world.run_to_the_end();
  }
}

TEST(Join, ARunThatIsFoundIdenticalLate) {
  World world({});
  world.set_project({{"limits", {{"maxConcurrentRuns", 1}}}});
  to_one_that_all_follow(world);
  world.add_run("never", {{"parameters", {{"rate", 2}}}});
  world.run([&] { return world.find("never").status.phase == Phase::kPending; });
  world.add_run("joins", {{"parameters", {{"rate", 2}}}, {"reuse", "Join"}});
  world.run([&] { return world.find("joins").status.phase == Phase::kPending; });
  EXPECT_FALSE(world.find("joins").status.reused_from) << "of the other's identity nothing is known yet";
  world.set_project({{"limits", {{"maxConcurrentRuns", 2}}}});
  const Time before = world.machine().clock.now();
  world.run([&] { return world.find("joins").status.reused_from.has_value(); });
  EXPECT_LT(world.machine().clock.now() - before, std::chrono::seconds(20)) << "woken, not found by the net";
  EXPECT_EQ(world.find("joins").status.reused_from->name, "never");
  world.node().hold = false;
  world.run_to_the_end();
}

TEST(Join, AFollowerIsCancelled) {
  World world({.runs = 2, .reuse = "Join"});
  const auto first = to_one_that_all_follow(world);
  const std::string follower = first.meta.name == "run-00" ? "run-01" : "run-00";
  world.set_spec(follower, {{"cancel", true}});
  world.run([&] { return is_final(world.find(follower).status.phase); });
  EXPECT_EQ(world.find(follower).status.phase, Phase::kCancelled);
  EXPECT_FALSE(world.find(follower).status.reused_from);
  EXPECT_EQ(world.find(first.meta.name).status.phase, Phase::kRunning);
  world.node().hold = false;
  world.run_to_the_end();
  EXPECT_EQ(world.find(first.meta.name).status.phase, Phase::kSucceeded);
}

TEST(Join, TheProjectIsDeleted) {
  World world({.runs = 2, .reuse = "Join"});
  to_one_that_all_follow(world);
  world.machine().server.erase(kube::kModelProjects, world.namespace_(), "p");
  world.run();
  for (const auto& run : all_runs(world)) EXPECT_EQ(run.status.phase, Phase::kCancelled);
}

TEST(Join, WhatItJoinedIsWhatItTakesWhenTheProjectChangesMeanwhile) {
  World world({.runs = 2, .reuse = "Join"});
  const auto first = to_one_that_all_follow(world);
  world.set_project({{"runtime", {{"image", "python:2"}}}});
  world.node().hold = false;
  world.run();
  for (const auto& run : all_runs(world)) EXPECT_EQ(run.status.project_generation, 1);
  EXPECT_THAT(leaders(world), SizeIs(1));
}

TEST(Reuse, TakesASuccess) {
  World world({});
  pin_image(world);
  world.node().prints = std::string(20'000, 'x');
  world.run();
  const auto first = world.find("run-00");
  const int before = world.written().at("PUT modelruns/status");
  world.add_run("again", {{"reuse", "Reuse"}});
  world.run();
  const auto again = world.find("again");
  EXPECT_EQ(again.status.phase, Phase::kSucceeded);
  EXPECT_EQ(again.status.reused_from, (api::RunRef{"run-00", first.meta.uid, 1}));
  EXPECT_EQ(again.status.outputs, first.status.outputs);
  EXPECT_EQ(again.status.finished_at, first.status.finished_at);
  EXPECT_EQ(kube::load_payload(world.process().context().client, again)->out.head, world.node().prints);
  EXPECT_EQ(world.written().at("PUT modelruns/status"), before + 1);
  EXPECT_THAT(world.written(), Contains(Pair("POST jobs", 1)));
  world.run_to_the_end();
}

TEST(Reuse, AlsoWhenTheSlotComesByThatVeryRunsEnd) {
  World world({.max_concurrent = 1});
  pin_image(world);
  to_one_that_all_follow(world);
  world.add_run("second", {{"reuse", "Reuse"}});
  world.add_run("third", {{"reuse", "Reuse"}});
  world.run([&] { return world.find("third").status.phase == Phase::kPending; });
  world.node().hold = false;
  world.run();
  EXPECT_THAT(world.written(), Contains(Pair("POST jobs", 1)));
  for (const char* name : {"second", "third"}) {
    ASSERT_TRUE(world.find(name).status.reused_from);
    EXPECT_EQ(world.find(name).status.reused_from->name, "run-00");
    EXPECT_EQ(world.find(name).status.run_number, 0);
  }
  world.run_to_the_end();
}

TEST(Reuse, NothingOfWhatIsNotWhole) {
  World world({});
  pin_image(world);
  world.node().prints = std::string(20'000, 'x');
  world.set_faults([](const kube::Request& request, int) {
    const bool stores = request.method == kube::Method::kPost && request.path.find("/configmaps") != std::string::npos;
    return stores ? fakes::Fault::k403 : fakes::Fault::kNone;
  });
  world.run();
  ASSERT_EQ(world.find("run-00").status.phase, Phase::kSucceeded);
  ASSERT_FALSE(world.find("run-00").status.result_ref);
  world.set_faults({});
  world.add_run("again", {{"reuse", "Reuse"}});
  world.run();
  EXPECT_EQ(world.find("again").status.attempts, 1);
  EXPECT_TRUE(world.find("again").status.result_ref);
}

TEST(Reuse, NothingOfAnEditedProject) {
  World world({});
  pin_image(world);
  world.run();
  world.set_project({{"limits", {{"stdoutBytes", 1}}}});
  world.add_run("again", {{"reuse", "Reuse"}});
  world.run();
  EXPECT_FALSE(world.find("again").status.reused_from);
  EXPECT_EQ(world.find("again").status.attempts, 1);
}

TEST(Reuse, RunsItselfWhenTheFullResultIsGone) {
  World world({});
  pin_image(world);
  world.node().prints = std::string(20'000, 'x');
  world.run();
  const auto parts = world.find("run-00").status.result_ref->config_maps;
  world.machine().server.erase(kube::kConfigMaps, world.namespace_(), parts.at(0));
  world.add_run("again", {{"reuse", "Reuse"}});
  world.run();
  EXPECT_EQ(world.find("again").status.attempts, 1);
}

TEST(Reuse, IsAnAnswerToItself) {
  World world({});
  pin_image(world);
  world.run();
  world.add_run("second", {{"reuse", "Reuse"}});
  world.run();
  world.machine().server.erase(kube::kModelRuns, world.namespace_(), "run-00");
  world.add_run("third", {{"reuse", "Reuse"}});
  world.run();
  EXPECT_EQ(world.find("third").status.reused_from->name, "run-00") << "who ran it, though only its copy is there";
}

TEST(EnvSecrets, HaveVersions) {
  World world({});
  auto& server = world.machine().server;
  const Json secret{{"metadata", {{"name", "key"}, {"namespace", "n"}, {"labels", {{"modelrun.dev/use", "env"}}}}}};
  server.put(kube::kSecrets, secret);
  api::ModelProject project;
  project.meta.namespace_ = "n";
  project.runtime.env = {{{"name", "KEY"}, {"valueFrom", {{"secretKeyRef", {{"name", "key"}, {"key", "k"}}}}}}};
  const auto look = [&] {
    return controller::check_env_secrets(world.process().context().client, project, {}).value();
  };
  const auto before = look();
  EXPECT_EQ(before.error, "");
  ASSERT_THAT(before.versions, SizeIs(1));
  server.put(kube::kSecrets, server.find(kube::kSecrets, "n", "key").value());
  EXPECT_NE(look().versions, before.versions);
}

}  // namespace
}  // namespace modelrun::faults
