// One run's whole way through observe, decide and apply, by hand; and what it costs in writes.
#include <gmock/gmock.h>

#include "api/reason.h"
#include "base/printable.h"
#include "controller/run_metrics.h"
#include "faults/world.h"

namespace modelrun::faults {
namespace {

using api::Phase;
using kube::Json;
using ::testing::Contains;
using ::testing::Pair;

using Writes = std::map<std::string, int>;

Phase phase(const World& world) {
  return world.find("run-00").status.phase;
}

// Until the run is Running and its pod holds the source; the model does not end by itself.
void to_running(World& world) {
  world.node().hold = true;
  world.run([&] { return phase(world) == Phase::kRunning && !world.node().granted().empty(); });
}

void seconds(World& world, int n) {
  const Time later = world.machine().clock.now() + std::chrono::seconds(n);
  world.run([&] { return world.machine().clock.now() >= later; });
}

TEST(Reconcile, TheWayOfARun) {
  World world({});
  world.run([&] { return phase(world) == Phase::kPending; });
  const auto pinned = world.find("run-00").status;
  EXPECT_EQ(pinned.commit_sha, repository_commit());
  EXPECT_EQ(pinned.branch, "main");
  EXPECT_EQ(pinned.run_number, 1);
  to_running(world);
  const auto running = world.find("run-00").status;
  EXPECT_EQ(running.pod_name, running.job_name + "-x");
  EXPECT_EQ(running.node_name, "node-1");
  world.node().hold = false;
  world.run();
  const auto ended = world.find("run-00").status;
  EXPECT_EQ(ended.phase, Phase::kSucceeded);
  EXPECT_EQ(ended.out, "hello\n");
  EXPECT_EQ(ended.outputs, (Json{{"answer", 42}}));
  EXPECT_EQ(ended.job_name, pinned.job_name);
  EXPECT_LE(*ended.timeline.accepted, *ended.timeline.resolved);
  EXPECT_LE(*ended.timeline.job_created, *ended.timeline.started);
  EXPECT_LE(*ended.timeline.finished, *ended.timeline.recorded);
  EXPECT_EQ(world.machine().server.all(kube::kJobs).size(), 1U) << "kept for podSeconds";
  world.run_to_the_end();
}

TEST(Refused, ThePodOfTheJobIsExplainedAndMadeInTheEnd) {
  World world({});
  world.node().refuses = R"(pods "run-00-x" is forbidden: no PriorityClass with name gone was found)";
  const auto message = [&] { return world.find("run-00").status.message; };
  const Time begun = world.machine().clock.now();
  world.run([&] { return message().find("no PriorityClass with name gone") != std::string::npos; });
  EXPECT_LE(world.machine().clock.now() - begun, std::chrono::seconds(5)) << "at once, as people see it";
  EXPECT_EQ(phase(world), Phase::kPending);
  EXPECT_EQ(message().find("Error creating"), std::string::npos) << message();
  world.node().refuses = "exceeded quota: pods, used: 3, limited: 3";
  world.run([&] { return message().find("exceeded quota") != std::string::npos; });
  world.node().refuses.clear();
  world.run();
  EXPECT_EQ(phase(world), Phase::kSucceeded);
}

TEST(Refused, ForTooLongEndsTheRunInTheSameWords) {
  World world({});
  world.node().refuses = "exceeded quota: pods, used: 3, limited: 3";
  int lookups = 0;
  world.set_faults([&](const kube::Request& request, int) {
    if (request.method == kube::Method::kGet && request.path.find("/events") != std::string::npos) ++lookups;
    return fakes::Fault::kNone;
  });
  world.run([&] { return is_final(phase(world)); });
  const auto run = world.find("run-00");
  EXPECT_EQ(run.status.phase, Phase::kFailed);
  EXPECT_EQ(api::find_condition(run.status.conditions, "Succeeded")->reason, api::reason::kUnschedulable);
  EXPECT_THAT(run.status.message, ::testing::HasSubstr("exceeded quota"));
  EXPECT_GT(lookups, 4);
  EXPECT_LT(lookups, 40) << "ever less often, in ten minutes";
}

// Whoever may create events can write them, and the operator keeps what it has read.
TEST(Refused, WhatIsKeptOfAnEventIsShort) {
  World world({});
  world.node().refuses = "exceeded\nquota " + std::string(1 << 20, 'x');
  const auto run = [&] { return world.find("run-00"); };
  world.run([&] { return run().status.message.find("exceeded") != std::string::npos; });
  const auto kept = world.process().context().inbox.read(run()).pod_refusal;
  EXPECT_LE(kept.size(), kMaxShownBytes);
  EXPECT_THAT(kept, ::testing::StartsWith("exceeded quota x"));
  EXPECT_EQ(kept.find('\n'), std::string::npos);
}

TEST(Refused, WhatCannotBeLookedUpIsInNoRunsWay) {
  World world({});
  world.node().refuses = "exceeded quota";
  world.set_faults([&](const kube::Request& request, int) {
    return request.method == kube::Method::kGet && request.path.find("/events") != std::string::npos
               ? fakes::Fault::k403
               : fakes::Fault::kNone;
  });
  seconds(world, 30);
  EXPECT_EQ(phase(world), Phase::kPending);
  world.node().refuses.clear();
  world.run();
  EXPECT_EQ(phase(world), Phase::kSucceeded);
}

TEST(Reconcile, WritesOfOneRun) {
  World world({});
  world.run();
  EXPECT_EQ(world.written(), (Writes{{"PUT modelprojects/status", 1},
                                     {"POST networkpolicies", 1},  // once a namespace
                                     {"PUT modelruns/status", 3},  // pinned, running, ended
                                     {"POST jobs", 1}}));
  world.run_to_the_end();
  EXPECT_THAT(world.written(), Contains(Pair("DELETE jobs", 1)));
  EXPECT_THAT(world.written(), Contains(Pair("PUT modelruns/status", 3)));
  EXPECT_THAT(world.written(), Contains(Pair("PUT modelprojects/status", 2))) << "the slot given back, 20 s later";
}

TEST(RunMetrics, TellWhatIsUnderWayAndHowRunsEnded) {
  World world({.runs = 2, .max_concurrent = 1});
  world.node().hold = true;
  const auto counts = [&](std::chrono::seconds later) {
    return controller::count_runs(world.process().caches().runs, world.machine().clock.now() + later,
                                  std::chrono::seconds(300));
  };
  const std::map<std::string, int> expected{{"Queued", 1}, {"Running", 1}};
  world.run([&] { return counts({}).by_reason == expected; });
  ASSERT_EQ(counts({}).by_reason, expected);
  EXPECT_EQ(counts({}).overdue, 0);
  EXPECT_EQ(counts(std::chrono::minutes(16)).overdue, 1) << "five minutes of time-out and ten of grace";
  EXPECT_GE(counts(std::chrono::hours(1)).oldest_pending, std::chrono::hours(1));
  runtime::Metrics gauges;
  controller::report_runs(gauges, counts({}));
  EXPECT_THAT(gauges.text(), ::testing::HasSubstr(R"(modelrun_runs{reason="Queued"} 1)"));
  controller::report_runs(gauges, {});
  EXPECT_THAT(gauges.text(), ::testing::HasSubstr(R"(modelrun_runs{reason="Queued"} 0)"));
  world.node().hold = false;
  world.run();
  const auto text = world.process().context().metrics.text();
  for (const char* line :
       {R"(modelrun_project_runs_finished_total{phase="Succeeded",project="p",project_namespace="n"} 2)",
        R"(modelrun_run_wait_seconds_count{project="p",project_namespace="n"} 2)",
        R"(modelrun_run_duration_seconds_count{project="p",project_namespace="n"} 2)"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(line));
  }
}

TEST(Reconcile, ParametersCostOneWriteMore) {
  World world({.parameters = true});
  world.run();
  EXPECT_THAT(world.written(), Contains(Pair("POST configmaps", 1)));
  EXPECT_EQ(world.writes(), 7);
  const auto maps = world.machine().server.all(kube::kConfigMaps);
  ASSERT_EQ(maps.size(), 1U);
  EXPECT_EQ(maps[0]["data"]["parameters.json"], R"({"rate":0.5})");
  world.run_to_the_end();
  EXPECT_TRUE(world.machine().server.all(kube::kConfigMaps).empty()) << "gone with the Job";
}

TEST(Reconcile, TenRunsShareTheProjectsWrites) {
  World world({.runs = 10});
  world.run();
  EXPECT_THAT(world.written(), Contains(Pair("PUT modelruns/status", 30)));
  EXPECT_LE(world.written().at("PUT modelprojects/status"), 10) << "one for all that are ready";
}

TEST(Reconcile, ASlotWhoseAnswerWasLostIsUsedAtOnce) {
  World world({.runs = 2, .max_concurrent = 1});
  world.node().hold = true;
  world.run([&] { return world.find("run-01").status.phase == Phase::kPending; });
  bool lost = false;
  world.set_faults([&](const kube::Request& request, int) {
    const bool slot = request.method == kube::Method::kPut && request.path.ends_with("/modelprojects/p/status");
    return slot && !std::exchange(lost, true) ? fakes::Fault::kDropAfter : fakes::Fault::kNone;
  });
  world.node().hold = false;
  const Time begin = world.machine().clock.now();
  world.run();
  EXPECT_TRUE(lost);
  EXPECT_EQ(world.find("run-01").status.phase, Phase::kSucceeded);
  EXPECT_LT(world.machine().clock.now() - begin, std::chrono::seconds(20)) << "not found by the net";
}

TEST(Reconcile, RefusedJobIsNotTriedInALoop) {
  World world({});
  int tries = 0;
  world.set_faults([&](const kube::Request& request, int) {
    if (request.method != kube::Method::kPost || request.path.find("/jobs") == std::string::npos)
      return fakes::Fault::kNone;
    ++tries;
    return fakes::Fault::k403;
  });
  seconds(world, 30);
  EXPECT_GE(tries, 3);
  EXPECT_LE(tries, 12) << "every five seconds";
  const auto status = world.find("run-00").status;
  EXPECT_EQ(api::find_condition(status.conditions, "Succeeded")->reason, "Unschedulable");
  world.set_faults({});
  world.run();
  EXPECT_EQ(phase(world), Phase::kSucceeded) << "once it is taken";
}

TEST(ImageVolumes, OfANodeThatHasNoneAreTriedOnce) {
  World world({.runs = 1});
  world.machine().image_volumes = true;
  world.machine().settings.image_volumes = controller::ImageVolumes::kAuto;
  world.restart();
  world.node().no_image_volumes = "failed to mkdir \"\"";
  world.set_project({{"limits", {{"attempts", 1}}}});
  world.run();
  const auto ended = world.find("run-00").status;
  EXPECT_EQ(ended.phase, Phase::kSucceeded) << ended.message;
  EXPECT_EQ(ended.attempts, 2);
  EXPECT_EQ(ended.free_attempts, 1);
  EXPECT_FALSE(world.process().context().image_volumes.usable());
  world.add_run("run-01");
  world.run();
  EXPECT_EQ(world.find("run-01").status.attempts, 1) << "that is known now";
  world.run_to_the_end();
}

TEST(Reconcile, DurableCopyWhenThePushNeverComes) {
  World world({});
  world.node().push = false;
  world.run();
  EXPECT_EQ(world.find("run-00").status.outputs, (Json{{"answer", 42}}));
}

TEST(Reconcile, DurableCopyOfAKubeletThatIsAwayForAWhile) {
  World world({});
  world.node().push = false;
  int asked = 0;
  world.set_faults([&](const kube::Request& request, int) {
    const bool log = request.path.find("/log?") != std::string::npos;
    return log && ++asked <= 4 ? fakes::Fault::k503 : fakes::Fault::kNone;
  });
  const Time begin = world.machine().clock.now();
  world.run();
  EXPECT_EQ(world.find("run-00").status.outputs, (Json{{"answer", 42}}));
  EXPECT_GE(world.machine().clock.now() - begin, std::chrono::seconds(15)) << "with time between the tries";
}

TEST(Reconcile, CancelWhileItRuns) {
  World world({});
  to_running(world);
  world.set_spec("run-00", {{"cancel", true}});
  std::optional<runserver::Order> order;
  const auto run = world.find("run-00");
  const auto pod = world.machine().server.all(kube::kPods).at(0);
  const auto watch = world.process().gate().watch_orders(
      {world.namespace_(), "run-00", run.meta.uid, 1},
      {world.namespace_(), pod["metadata"]["name"], pod["metadata"]["uid"]}, [&](const auto& told) { order = *told; });
  world.run([&] { return order.has_value(); });
  EXPECT_EQ(order, runserver::Order::kCancel);
  EXPECT_EQ(world.find("run-00").status.message, "ending the model");
  // The agent does not obey: the Job goes, and with it the Pod.
  world.run();
  EXPECT_EQ(phase(world), Phase::kCancelled);
}

TEST(Reconcile, CancelAfterTheEndIsOnlyAcknowledged) {
  World world({});
  world.run();
  const auto before = world.find("run-00").status;
  world.set_spec("run-00", {{"cancel", true}});
  seconds(world, 2);
  auto after = world.find("run-00");
  EXPECT_EQ(after.status.observed_generation, after.meta.generation);
  after.status.observed_generation = before.observed_generation;
  EXPECT_EQ(after.status, before);
}

TEST(Reconcile, DeletedPodOfARunningModel) {
  World world({});
  to_running(world);
  const auto pod = world.machine().server.all(kube::kPods).at(0);
  world.machine().server.erase(kube::kPods, world.namespace_(), pod["metadata"]["name"].get<std::string>());
  world.run();
  EXPECT_EQ(world.find("run-00").status.error->reason, "PodDeleted");
}

TEST(Reconcile, DeletedRunLeavesNothing) {
  World world({});
  to_running(world);
  world.machine().server.erase(kube::kModelRuns, world.namespace_(), "run-00");
  world.run_to_the_end();
  EXPECT_TRUE(world.machine().server.all(kube::kJobs).empty());
}

TEST(Reconcile, DeletedProjectCancelsItsRuns) {
  World world({});
  to_running(world);
  world.machine().server.erase(kube::kModelProjects, world.namespace_(), "p");
  world.run();
  EXPECT_EQ(phase(world), Phase::kCancelled);
}

TEST(Reconcile, SlotsAreUsedAgain) {
  World world({.runs = 4, .max_concurrent = 1});
  std::vector<std::string> order;
  world.run([&] {
    for (int i = 0; i < 4; ++i) {
      const auto name = fmt::format("run-{:02}", i);
      if (is_final(world.find(name).status.phase) && !std::ranges::count(order, name)) order.push_back(name);
    }
    return order.size() == 4;
  });
  EXPECT_THAT(order, ::testing::ElementsAre("run-00", "run-01", "run-02", "run-03")) << "first in, first out";
  for (int i = 0; i < 4; ++i) EXPECT_EQ(world.find(fmt::format("run-{:02}", i)).status.run_number, i + 1);
}

TEST(Reconcile, SuspendedRunHoldsNoPlaceInTheQueue) {
  World world({.runs = 2, .max_concurrent = 1});
  world.node().hold = true;
  world.set_spec("run-00", {{"suspend", true}});
  world.run([&] { return world.find("run-01").status.phase == Phase::kRunning; });
  EXPECT_EQ(world.find("run-00").status.run_number, 0);
}

TEST(Reconcile, SuspendedInTheQueueLetsOthersPass) {
  World world({.runs = 3, .max_concurrent = 1});
  to_running(world);
  seconds(world, 3);
  world.set_spec("run-01", {{"suspend", true}});
  seconds(world, 3);
  world.node().hold = false;
  world.run([&] { return world.find("run-02").status.phase == Phase::kSucceeded; });
  EXPECT_EQ(world.find("run-01").status.phase, Phase::kPending);
}

TEST(Reconcile, SuspendedWhileItRunsGivesItsSlotBack) {
  World world({.runs = 2, .max_concurrent = 1});
  to_running(world);
  world.set_spec("run-00", {{"suspend", true}});
  world.run([&] { return world.find("run-01").status.phase == Phase::kRunning; });
  world.set_spec("run-00", {{"suspend", false}});
  seconds(world, 5);
  const auto waiting = world.find("run-00").status;
  EXPECT_EQ(api::find_condition(waiting.conditions, "Succeeded")->reason, "Queued") << "admitted anew";
  world.node().hold = false;
  world.run_to_the_end();
  const auto ended = world.find("run-00").status;
  EXPECT_EQ(ended.phase, Phase::kSucceeded);
  EXPECT_EQ(ended.attempts, 2);
  EXPECT_EQ(ended.run_number, 1) << "the number it had";
  EXPECT_EQ(world.find("run-01").status.run_number, 2);
}

TEST(Reconcile, SuspendedBetweenItsSlotAndItsJob) {
  World world({.runs = 2, .max_concurrent = 1});
  world.node().hold = true;
  const auto active = [&] {
    return api::decode_model_project(world.machine().server.find(kube::kModelProjects, world.namespace_(), "p").value())
        .status.active;
  };
  world.run([&] { return !active().empty(); });
  ASSERT_EQ(world.find("run-00").status.job_name, "");
  world.set_spec("run-00", {{"suspend", true}});
  world.run([&] { return world.find("run-01").status.phase == Phase::kRunning; });
  world.node().hold = false;
  world.set_spec("run-00", {{"suspend", false}});
  world.run_to_the_end();
  EXPECT_EQ(phase(world), Phase::kSucceeded);
}

TEST(Reconcile, SuspendedProjectKeepsItsQueueInOrder) {
  World world({.runs = 2, .max_concurrent = 1});
  to_running(world);
  world.set_project({{"suspend", true}});
  world.set_spec("run-00", {{"suspend", true}});
  world.run([&] { return world.machine().server.all(kube::kJobs).empty(); });
  world.set_spec("run-00", {{"suspend", false}});
  seconds(world, 60);
  EXPECT_EQ(phase(world), Phase::kPending);
  EXPECT_EQ(world.find("run-01").status.phase, Phase::kPending);
  world.set_project({{"suspend", false}});
  world.node().hold = false;
  world.run_to_the_end();
  EXPECT_EQ(phase(world), Phase::kSucceeded);
  EXPECT_EQ(world.find("run-01").status.phase, Phase::kSucceeded);
}

TEST(Reconcile, ResultThatIsRefusedDoesNotHoldTheRun) {
  World world({});
  world.node().prints = std::string(20'000, 'x');
  world.set_faults([&](const kube::Request& request, int) {
    const bool payload = request.method == kube::Method::kPost && request.path.find("/configmaps") != std::string::npos;
    return payload ? fakes::Fault::k403 : fakes::Fault::kNone;  // a quota
  });
  world.run();
  const auto status = world.find("run-00").status;
  EXPECT_EQ(status.phase, Phase::kSucceeded);
  EXPECT_FALSE(status.result_ref) << "nothing is referred to that is not there";
  EXPECT_NE(status.warning, "") << "what is lost is said to be lost";
}

TEST(Reconcile, NetworkPolicyIsThereForEveryJob) {
  World world({.runs = 2, .max_concurrent = 1});
  world.run([&] { return is_final(phase(world)); });
  const auto policies = world.machine().server.all(kube::kNetworkPolicies);
  ASSERT_EQ(policies.size(), 1U);
  world.machine().server.erase(kube::kNetworkPolicies, world.namespace_(),
                               policies[0]["metadata"]["name"].get<std::string>());
  world.run();
  EXPECT_EQ(world.machine().server.all(kube::kNetworkPolicies).size(), 1U);
}

TEST(Reconcile, CommitThatHasNoEntryPointStandsInStatus) {
  World world({});
  world.set_spec("run-00", {{"scope", "model"}, {"modelName", "nowhere"}});
  world.run();
  const auto status = world.find("run-00").status;
  EXPECT_EQ(status.error->reason, "EntryPointNotFound");
  EXPECT_EQ(status.commit_sha, repository_commit());
  EXPECT_EQ(status.branch, "main");
  EXPECT_EQ(status.project_generation, 1);
}

TEST(Reconcile, CommitThatIsNotServedStandsInStatus) {
  World world({});
  world.set_spec("run-00", {{"branch", "unsafe"}});
  world.run();
  const auto status = world.find("run-00").status;
  EXPECT_EQ(status.error->reason, "SourceDenied") << status.message;
  EXPECT_EQ(status.commit_sha.size(), 40U);
  EXPECT_NE(status.commit_sha, repository_commit());
  EXPECT_EQ(status.branch, "unsafe");
  EXPECT_EQ(status.provenance.source_digest, "");
}

TEST(Reconcile, BranchIsAbsentWhenOnlyACommitIsNamed) {
  World world({});
  world.set_project({{"source", {{"git", {{"defaultBranch", "main"}}}}}});
  world.set_spec("run-00", {{"commitSHA", repository_commit()}});
  world.add_run("with-branch", {{"commitSHA", repository_commit()}, {"branch", "unsafe"}});
  world.add_run("with-neither");
  world.run();
  EXPECT_EQ(phase(world), Phase::kSucceeded);
  EXPECT_EQ(world.find("run-00").status.commit_sha, repository_commit());
  EXPECT_EQ(world.find("run-00").status.branch, "");
  EXPECT_EQ(world.find("with-branch").status.branch, "") << "nobody has looked at it";
  EXPECT_EQ(world.find("with-neither").status.branch, "main");
}

// "False SourceDenied": the project's condition Ready.
std::string ready(World& world) {
  const auto object = world.machine().server.find(kube::kModelProjects, world.namespace_(), "p").value();
  const auto status = api::decode_model_project(object).status;
  const auto* condition = api::find_condition(status.conditions, "Ready");
  return condition == nullptr
             ? "none"
             : (condition->status == api::ConditionStatus::kTrue ? "True " : "False ") + condition->reason;
}

// A Secret for the world's repository, which has no host; `use`: its label.
void put_secret(World& world, const char* use) {
  world.machine().server.put(
      kube::kSecrets,
      {{"metadata", {{"name", "git"}, {"namespace", world.namespace_()}, {"labels", {{"modelrun.dev/use", use}}}}}});
}

TEST(Ready, IsAskedAgainAfterAFailure) {
  World world({.runs = 0});
  world.set_project({{"source", {{"git", {{"secretRef", {{"name", "git"}}}}}}}});
  world.run([&] { return ready(world) == "False SourceUnreachable"; });
  const auto writes = world.written().at("PUT modelprojects/status");
  seconds(world, 100);
  EXPECT_EQ(world.written().at("PUT modelprojects/status"), writes) << "nothing has changed";
  put_secret(world, "env");
  world.run([&] { return ready(world) == "False SourceDenied"; });
  world.machine().server.erase(kube::kSecrets, world.namespace_(), "git");
  put_secret(world, "git");
  world.run([&] { return ready(world) == "True SourceReachable"; });
  EXPECT_EQ(world.written().at("PUT modelprojects/status"), writes + 2);
  seconds(world, 1000);
  EXPECT_EQ(world.written().at("PUT modelprojects/status"), writes + 2);
}

TEST(Ready, FollowsWhatRunsFind) {
  World world({});
  put_secret(world, "git");
  world.set_project({{"source", {{"git", {{"secretRef", {{"name", "git"}}}}}}}});
  world.run();
  seconds(world, 60);
  EXPECT_EQ(ready(world), "True SourceReachable");
  world.machine().server.erase(kube::kSecrets, world.namespace_(), "git");
  world.add_run("second");
  seconds(world, 5);
  EXPECT_EQ(ready(world), "False SourceUnreachable") << "no probe has looked";
  put_secret(world, "git");
  world.run();
  EXPECT_EQ(ready(world), "True SourceReachable");
  const auto writes = world.written().at("PUT modelprojects/status");
  world.add_run("third");
  world.run();
  EXPECT_EQ(world.written().at("PUT modelprojects/status"), writes + 1) << "its slot, and nothing else";
}

TEST(Reconcile, CommitThatNobodyHasIsNotTheRuns) {
  World world({});
  world.set_spec("run-00", {{"commitSHA", std::string(40, 'b')}});
  world.run();
  const auto status = world.find("run-00").status;
  EXPECT_EQ(status.error->reason, "RefNotFound") << status.message;
  EXPECT_EQ(status.commit_sha, "");
}

class GateTest : public ::testing::Test {
 protected:
  GateTest() {
    to_running(world_);
    const auto run = world_.find("run-00");
    attempt_ = {world_.namespace_(), "run-00", run.meta.uid, 1};
    pod_ = {world_.namespace_(), run.status.pod_name, run.status.pod_uid};
  }
  std::string claim(runserver::AttemptRef attempt, runserver::PodIdentity pod) {
    std::string said = "nothing";
    world_.process().gate().claim(std::move(attempt), std::move(pod), [&](const auto& archive) {
      said = archive ? "granted" : std::string(to_string(archive.error().kind));
    });
    return said;
  }
  World world_{{}};
  runserver::AttemptRef attempt_;
  runserver::PodIdentity pod_;
};

TEST_F(GateTest, OthersAreTurnedAway) {
  auto attempt = attempt_;
  attempt.uid = "another";
  EXPECT_EQ(claim(attempt, pod_), to_string(ErrorKind::kUnavailable)) << "the cache may be behind";
  attempt = attempt_;
  attempt.attempt = 0;
  EXPECT_EQ(claim(attempt, pod_), to_string(ErrorKind::kConflict)) << "over";
  attempt.attempt = 2;
  EXPECT_EQ(claim(attempt, pod_), to_string(ErrorKind::kUnavailable)) << "the cache may be behind";
  auto pod = pod_;
  pod.pod_name = "unknown";
  EXPECT_EQ(claim(attempt_, pod), to_string(ErrorKind::kUnavailable));
  pod = pod_;
  pod.pod_uid = "earlier one of this name";
  EXPECT_EQ(claim(attempt_, pod), to_string(ErrorKind::kDenied));
}

TEST_F(GateTest, PodThatIsNotOfTheJob) {
  Json forged = world_.machine().server.find(kube::kPods, world_.namespace_(), pod_.pod_name).value();
  forged["metadata"]["name"] = "forged";
  forged["metadata"].erase("uid");
  forged["metadata"]["ownerReferences"][0]["uid"] = "no such Job";
  const auto made = world_.machine().server.put(kube::kPods, forged);
  world_.process().sync(Collection::kPods);
  EXPECT_EQ(claim(attempt_, {world_.namespace_(), "forged", made["metadata"]["uid"]}),
            to_string(ErrorKind::kUnavailable));
}

TEST_F(GateTest, OverIsOver) {
  world_.node().hold = false;
  world_.run();
  EXPECT_EQ(claim(attempt_, pod_), to_string(ErrorKind::kConflict));
}

TEST(Archive, IsFetchedAgainByAProcessThatHasNotGotIt) {
  World world({});
  to_running(world);
  world.restart();
  const auto run = world.find("run-00");
  const auto record = world.process().caches().runs.find(run.meta.key());
  const auto project = world.process().caches().projects.find(record->project_key());
  bool got = false;
  world.process().context().sources.take(*record->active, *project,
                                         [&](const auto& archive) { got = archive.has_value(); });
  world.process().run_tasks();
  EXPECT_TRUE(got);
}

TEST(Archive, IsOfTheSourceThatTheRunWasAdmittedWith) {
  World world({});
  to_running(world);
  world.set_project({{"source", {{"git", {{"url", "file:///nowhere"}}}}}});
  world.restart();
  const auto run = world.find("run-00");
  std::string got;
  world.process().gate().claim({world.namespace_(), "run-00", run.meta.uid, 1},
                               {world.namespace_(), run.status.pod_name, run.status.pod_uid},
                               [&](const auto& archive) { got = archive ? "an archive" : archive.error().message; });
  while (world.process().work()) {
  }
  EXPECT_EQ(got, "an archive");
}

}  // namespace
}  // namespace modelrun::faults
