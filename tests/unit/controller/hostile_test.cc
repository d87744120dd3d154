// What neighbours, people and other machines do to runs: deletions that finalizers hold up, leaders that come and go,
// forged objects, API servers that refuse, statuses that no operator would write.
#include <gmock/gmock.h>

#include <random>

#include "api/reason.h"
#include "api/standby.h"
#include "controller/apply_project.h"
#include "controller/apply_run.h"
#include "controller/children.h"
#include "controller/observe_project.h"
#include "controller/observe_run.h"
#include "controller/observe_standby.h"
#include "controller/project/decide.h"
#include "controller/resources/job.h"
#include "controller/run/limits.h"
#include "faults/world.h"
#include "kube/client.h"

namespace modelrun::faults {
namespace {

using api::Phase;
using fakes::Fault;
using kube::Json;

std::string reason(const api::ModelRun& run) {
  const auto* succeeded = api::find_condition(run.status.conditions, "Succeeded");
  return succeeded == nullptr ? "" : succeeded->reason;
}

void seconds(World& world, int n) {
  const Time later = world.machine().clock.now() + std::chrono::seconds(n);
  world.run([&] { return world.machine().clock.now() >= later; });
}

// Until one run is Running and the others are Queued. Returns the names, the running one first.
std::vector<std::string> one_runs(World& world, int runs) {
  world.node().hold = true;
  std::vector<std::string> names;
  world.run([&] {
    names.clear();
    int queued = 0;
    for (int i = 0; i < runs; ++i) {
      const auto name = fmt::format("run-{:02}", i);
      const auto run = world.find(name);
      if (reason(run) == api::reason::kQueued) ++queued;
      names.insert(run.status.phase == Phase::kRunning ? names.begin() : names.end(), name);
    }
    return queued == runs - 1 && !world.node().granted().empty();
  });
  return names;
}

// Deletes the run as a person would. With a finalizer it stays until somebody takes that out.
void remove(World& world, const std::string& name, bool with_finalizer) {
  auto& server = world.machine().server;
  if (with_finalizer) {
    auto object = server.find(kube::kModelRuns, world.namespace_(), name).value();
    object["metadata"]["finalizers"] = {"example.com/keep"};
    server.put(kube::kModelRuns, object);
  }
  kube::Client client(server);
  ASSERT_TRUE(client.remove(kube::kModelRuns, world.namespace_(), name));
}

TEST(Deleted, AQueuedRunWithAFinalizerLeavesTheQueue) {
  World world({.runs = 3, .max_concurrent = 1});
  const auto names = one_runs(world, 3);
  remove(world, names[1], /*with_finalizer=*/true);
  const auto version = world.find(names[1]).meta.resource_version;
  seconds(world, 60);
  const int writes = world.writes();
  seconds(world, 60);
  EXPECT_EQ(world.writes(), writes) << "nobody has anything to write";
  world.node().hold = false;
  world.run([&] { return is_final(world.find(names[2]).status.phase); });
  EXPECT_EQ(world.find(names[2]).status.phase, Phase::kSucceeded);
  EXPECT_EQ(world.find(names[1]).meta.resource_version, version)
      << "nothing is written into a run that is being deleted";
  EXPECT_EQ(world.find(names[2]).status.run_number, 2) << "no number is lost";
}

TEST(Deleted, ARunningRunWithAFinalizerLosesItsJobAndItsSlot) {
  World world({.runs = 2, .max_concurrent = 1});
  const auto names = one_runs(world, 2);
  remove(world, names[0], /*with_finalizer=*/true);
  world.node().hold = false;
  world.run([&] { return is_final(world.find(names[1]).status.phase); });
  EXPECT_EQ(world.find(names[1]).status.phase, Phase::kSucceeded);
  EXPECT_EQ(world.find(names[0]).status.phase, Phase::kRunning) << "nobody reads it any more";
}

TEST(Deleted, PodsThatWaitAreToldAtOnce) {
  World world({});
  world.node().hold = true;
  world.run([&] { return world.find("run-00").status.phase == Phase::kRunning && !world.node().granted().empty(); });
  const auto run = world.find("run-00");
  std::string said;
  const auto watch = world.process().gate().watch_orders(
      {"n", "run-00", run.meta.uid, 1}, {"n", run.status.pod_name, run.status.pod_uid},
      [&](const auto& order) { said = order && *order == runserver::Order::kOver ? "over" : "something else"; });
  world.machine().server.erase(kube::kModelRuns, "n", "run-00");
  world.process().sync(Collection::kRuns);
  EXPECT_EQ(said, "over") << "and nothing of the run is kept in memory";
}

TEST(Deleted, ARunThatGoesDuringItsPassLeavesNothingInMemory) {
  World world({});
  const auto uid = world.find("run-00").meta.uid;
  bool gone = false;
  world.set_faults([&](const kube::Request& request, int) {
    if (gone || request.method != kube::Method::kPut || !request.path.ends_with("/modelruns/run-00/status")) {
      return Fault::kNone;
    }
    gone = true;
    world.machine().server.erase(kube::kModelRuns, "n", "run-00");
    world.process().sync(Collection::kRuns);
    return Fault::kNone;
  });
  world.run([&] { return gone; });
  world.machine().advance(std::chrono::seconds(5));
  EXPECT_EQ(world.process().context().inbox.known_for(uid), Duration::zero());
}

TEST(Deleted, ARunThatGoesWhileItsJobIsMadeLeavesNothingInMemory) {
  World world({});
  auto run = world.find("run-00");
  bool gone = false;
  world.set_faults([&](const kube::Request& request, int) {
    if (gone || request.method != kube::Method::kPost || !request.path.ends_with("/jobs")) return Fault::kNone;
    gone = true;
    run = world.find("run-00");
    world.machine().server.erase(kube::kModelRuns, "n", "run-00");
    world.process().sync(Collection::kRuns);
    return Fault::kNone;
  });
  world.run([&] { return gone; });
  ASSERT_EQ(run.status.attempts, 1);
  const auto& inbox = world.process().context().inbox;
  EXPECT_FALSE(inbox.read(run).children_ensured) << "the pass has noted it after the run was forgotten";
  EXPECT_TRUE(inbox.jobs_seen(run).empty());
}

TEST(Deleted, ARunIsNotWaitedForAnyLonger) {
  World world({.runs = 2, .reuse = "Join"});
  world.node().hold = true;
  std::string leader, follower;
  world.run([&] {
    for (const auto* name : {"run-00", "run-01"}) (world.find(name).status.reused_from ? follower : leader) = name;
    return !follower.empty() && !world.node().granted().empty();
  });
  remove(world, leader, /*with_finalizer=*/false);
  const Time soon = world.machine().clock.now() + std::chrono::seconds(5);
  world.run([&] { return !world.find(follower).status.job_name.empty(); });
  EXPECT_LT(world.machine().clock.now(), soon) << "it runs by itself, woken and not by its own clock";
}

// The run that is gone had no slot, so its project does not change and wakes nobody.
TEST(Deleted, AQueuedRunIsNotWaitedForAnyLonger) {
  World world({.max_concurrent = 1});
  world.node().hold = true;
  world.run([&] { return !world.node().granted().empty(); });
  const kube::Json twin{{"reuse", "Join"}, {"parameters", {{"scenario", 1}}}};
  world.add_run("lead", twin);
  world.run([&] { return reason(world.find("lead")) == api::reason::kQueued; });
  world.add_run("twin", twin);
  const auto twin_waits = [&] { return world.find("twin").status.reused_from.has_value(); };
  world.run(twin_waits);
  seconds(world, 5);
  ASSERT_TRUE(twin_waits());
  remove(world, "lead", /*with_finalizer=*/false);
  const Time soon = world.machine().clock.now() + std::chrono::seconds(5);
  world.run([&] { return !twin_waits(); });
  EXPECT_LT(world.machine().clock.now(), soon) << "woken, and not by its own clock";
}

TEST(Late, APodThatTheCacheDoesNotShowIsLookedUpBeforeItsTimeIsOver) {
  World world({});
  world.node().refuses = "exceeded quota";
  seconds(world, 20);
  world.node().refuses.clear();
  world.node().control_jobs();  // and the process is not told of the pod
  const auto pods = [&] {
    controller::Observed observed;
    observed.run = std::make_shared<const api::ModelRun>(world.find("run-00"));
    controller::LargeWork::Turn turn;
    EXPECT_TRUE(controller::observe_run(world.process().context(), observed, turn, {}));
    return observed.pods.size();
  };
  EXPECT_EQ(pods(), 0U) << "what the cache shows will do while nothing ends by it";
  world.machine().advance(std::chrono::seconds(600));
  EXPECT_EQ(pods(), 1U) << "limits.pendingSeconds are over";
}

TEST(Term, NothingThatAnEarlierTermKnewIsActedOn) {
  World world({.runs = 3, .max_concurrent = 1});
  const auto names = one_runs(world, 3);
  world.process().stop_leading();
  for (const auto& name : {names[1], names[2]}) remove(world, name, /*with_finalizer=*/false);
  for (const auto collection : kCollections) world.process().sync(collection);
  world.process().begin_leading();
  world.node().hold = false;
  world.run_to_the_end();
  const auto project = world.machine().server.find(kube::kModelProjects, world.namespace_(), "p").value();
  EXPECT_EQ(project["status"]["lastRunNumber"], 1) << "the deleted runs got no numbers";
}

TEST(Term, PodsThatWaitedAskTheNextOne) {
  World world({});
  world.node().hold = true;
  const auto run = [&] { return world.find("run-00"); };
  world.run([&] { return run().status.phase == Phase::kRunning && !world.node().granted().empty(); });
  const auto status = run().status;
  std::vector<std::string> said;
  const auto watch = world.process().gate().watch_orders(
      {world.namespace_(), "run-00", run().meta.uid, 1}, {world.namespace_(), status.pod_name, status.pod_uid},
      [&](const auto& order) { said.emplace_back(order ? "order" : std::string(to_string(order.error().kind))); });
  world.process().stop_leading();
  EXPECT_THAT(said, ::testing::ElementsAre("unavailable"));
  EXPECT_FALSE(world.process().gate().leading());
  world.process().begin_leading();
  world.node().hold = false;
  world.run_to_the_end();
  EXPECT_EQ(run().status.phase, Phase::kSucceeded);
}

// All that somebody can do who may create Jobs, Pods and ConfigMaps in a namespace of their own.
TEST(Forged, ObjectsOfAnotherNamespaceAreNeverLookedAt) {
  World world({});
  world.node().hold = true;
  world.run([&] { return world.find("run-00").status.phase == Phase::kRunning && !world.node().granted().empty(); });
  auto& server = world.machine().server;
  const auto victim = world.find("run-00");
  api::ResultFrame forged;
  forged.run_uid = victim.meta.uid;
  forged.attempt = 1;
  forged.exit.how = api::ExitHow::kExited;
  forged.exit.code = 0;
  forged.outputs = Json{{"answer", "forged"}};
  auto job = server.all(kube::kJobs).at(0);
  auto pod = server.all(kube::kPods).at(0);
  for (auto* object : {&job, &pod}) {
    (*object)["metadata"]["namespace"] = "evil";
    (*object)["metadata"].erase("uid");
  }
  job["status"]["conditions"] = {{{"type", "Complete"}, {"status", "True"}}};
  job = server.put(kube::kJobs, job);
  pod["metadata"]["ownerReferences"][0]["uid"] = job["metadata"]["uid"];
  pod["status"]["phase"] = "Succeeded";
  for (auto& container : pod["status"]["containerStatuses"]) {
    container["state"] = {{"terminated", {{"exitCode", 0}, {"message", api::frame_to_termination_message(forged)}}}};
  }
  pod = server.put(kube::kPods, pod);
  server.set_pod_log("evil", pod["metadata"]["name"].get<std::string>(), "agent", api::frame_to_log(forged));
  const auto answer = [&](const api::ResultFrame& frame) {
    std::string said;
    for (const std::string namespace_ : {"evil", "n"}) {
      world.process().gate().submit(
          {"n", "run-00", victim.meta.uid, 1},
          {namespace_, pod["metadata"]["name"].get<std::string>(), pod["metadata"]["uid"].get<std::string>()}, frame,
          [&](const auto& done) { said += done ? "taken " : std::string(to_string(done.error().kind)) + " "; });
    }
    return said;
  };
  for (const auto collection : kCollections) world.process().sync(collection);
  EXPECT_EQ(answer(forged), "denied denied ");
  seconds(world, 60);
  EXPECT_EQ(world.find("run-00").status.phase, Phase::kRunning);
  world.node().hold = false;
  world.run([&] { return world.all_final(); });
  EXPECT_EQ(world.find("run-00").status.outputs, (Json{{"answer", 42}}));
  seconds(world, 400);
  EXPECT_TRUE(server.find(kube::kJobs, "evil", job["metadata"]["name"].get<std::string>())) << "nor deleted";
}

TEST(Forged, AConfigMapUnderTheNameOfAResultIsNotTaken) {
  for (const bool owned : {false, true}) {
    World world({});
    world.node().prints = std::string(20'000, 'x');
    bool squatted = false;
    world.set_faults([&](const kube::Request& request, int) {
      if (squatted || request.method != kube::Method::kPost || !request.path.ends_with("/configmaps"))
        return Fault::kNone;
      squatted = true;
      auto object = Json::parse(request.body);
      // Anybody of the namespace may name the run as the owner.
      if (!owned) object["metadata"].erase("ownerReferences");
      for (auto& value : object["binaryData"]) value = "Zm9yZ2Vk";
      world.machine().server.put(kube::kConfigMaps, object);
      return Fault::kNone;
    });
    world.run();
    const auto run = world.find("run-00");
    EXPECT_TRUE(squatted);
    EXPECT_EQ(run.status.phase, Phase::kSucceeded);
    EXPECT_FALSE(run.status.result_ref) << "it would point to what somebody else has written";
    EXPECT_NE(run.status.warning.find(owned ? "has another content" : "is not this run's"), std::string::npos)
        << run.status.warning;
  }
}

TEST(Forged, AnObjectIsOursByNamespaceAndUid) {
  api::ObjectMeta run;
  run.namespace_ = "n";
  run.name = "run-00";
  run.uid = "uid-1";
  api::ObjectMeta object;
  object.namespace_ = "n";
  object.owner_uid = "uid-1";
  object.owner_name = "run-00";
  EXPECT_TRUE(api::is_owned_by(object, run));
  object.namespace_ = "evil";
  EXPECT_FALSE(api::is_owned_by(object, run)) << "an owner reference does not reach into another namespace";
  object.namespace_ = "n";
  object.owner_uid = "uid-2";
  EXPECT_FALSE(api::is_owned_by(object, run)) << "a run of the same name, before this one";
  run.uid = object.owner_uid = "";
  EXPECT_FALSE(api::is_owned_by(object, run));
}

class Squatter : public ::testing::Test {
 protected:
  Squatter() {
    run_ = world_.find("run-00");
    run_.status.attempts = 1;
    run_.status.job_name = "taken";
    run_.status.commit_sha = repository_commit();
  }
  fakes::FakeApiServer& server() { return world_.machine().server; }
  // Somebody else's object under the name that the attempt's objects have.
  void put(const kube::Resource& resource) {
    server().put(resource, {{"metadata", {{"name", "taken"}, {"namespace", "n"}}}});
  }
  controller::Inbox::Notes create() {
    const auto project = world_.process().caches().projects.find("n/p");
    EXPECT_TRUE(controller::create_job(world_.process().context(), run_, *project, {}));
    return world_.process().context().inbox.read(run_);
  }
  World world_{{.parameters = true}};
  api::ModelRun run_;
};

TEST_F(Squatter, AJobThatIsSomebodyElsesIsNotTaken) {
  put(kube::kJobs);
  EXPECT_TRUE(create().job_foreign);
}

TEST_F(Squatter, AConfigMapThatIsSomebodyElsesIsTold) {
  put(kube::kConfigMaps);
  const auto notes = create();
  EXPECT_FALSE(notes.children_ensured);
  EXPECT_NE(notes.job_error.find("is not this run's"), std::string::npos) << notes.job_error;
}

TEST_F(Squatter, AJobThatIsSomebodyElsesIsNotDeleted) {
  put(kube::kJobs);
  controller::Plan plan;
  plan.after.emplace_back(controller::DeleteJob{"taken"});
  for (const bool cached : {false, true}) {
    if (cached) world_.process().sync(Collection::kJobs);
    EXPECT_TRUE(controller::apply_finished(world_.process().context(), run_.meta, plan, {}));
    EXPECT_TRUE(server().find(kube::kJobs, "n", "taken"));
  }
}

TEST(Refused, APartOfTheResultThatIsNeverAnsweredEndsTheRunAfterAll) {
  for (const bool cancel : {false, true}) {
    World world({});
    world.node().prints = std::string(20'000, 'x');
    world.set_faults([](const kube::Request& request, int) {
      const bool part = request.method == kube::Method::kPost && request.path.ends_with("/configmaps");
      return part ? Fault::k500 : Fault::kNone;
    });
    world.run([&] { return reason(world.find("run-00")) == api::reason::kBlocked; });
    if (cancel) world.set_spec("run-00", {{"cancel", true}});
    const Time soon = world.machine().clock.now() + std::chrono::seconds(120);
    world.run([&] { return world.all_final(); });
    EXPECT_EQ(world.machine().clock.now() <= soon, cancel);
    const auto status = world.find("run-00").status;
    EXPECT_EQ(status.phase, Phase::kSucceeded) << "its model has ended well";
    EXPECT_EQ(status.outputs, (Json{{"answer", 42}}));
    EXPECT_FALSE(status.result_ref);
    EXPECT_NE(status.warning.find("lost"), std::string::npos) << status.warning;
  }
}

TEST(Refused, AFinalStatusIsWrittenWithoutItsResult) {
  World world({});
  world.set_faults([](const kube::Request& request, int) {
    const bool refused = request.method == kube::Method::kPut && request.body.contains("answer");
    return refused ? Fault::k413 : Fault::kNone;
  });
  world.run([&] { return world.all_final(); });
  const auto status = world.find("run-00").status;
  EXPECT_EQ(status.phase, Phase::kSucceeded) << "its model has ended well";
  EXPECT_EQ(status.exit_code, 0);
  EXPECT_FALSE(status.outputs);
  EXPECT_NE(status.warning.find("lost"), std::string::npos) << status.warning;
}

TEST(Refused, ArtifactsThatTheStatusCannotNameFailTheRunWhereTheProjectSaysSo) {
  for (const bool fails : {false, true}) {
    World world({});
    world.node().artifacts = {{"a.csv", 3, std::string(64, '0'), "text/csv", "abc"}};
    auto project = world.machine().server.all(kube::kModelProjects).at(0);
    if (fails) project["spec"]["limits"]["onArtifactLoss"] = "Fail";
    world.machine().server.put(kube::kModelProjects, project);
    world.set_faults([](const kube::Request& request, int) {
      const bool refused = request.method == kube::Method::kPut && request.body.contains("answer");
      return refused ? Fault::k413 : Fault::kNone;
    });
    world.run([&] { return world.all_final(); });
    const auto status = world.find("run-00").status;
    EXPECT_EQ(status.phase, fails ? Phase::kFailed : Phase::kSucceeded);
    EXPECT_EQ(reason(world.find("run-00")), fails ? api::reason::kArtifactsLost : api::reason::kSucceeded);
    EXPECT_EQ(status.exit_code, 0) << "of the model";
    EXPECT_TRUE(status.artifacts.empty());
  }
}

// Two mebibytes, which compress to little.
std::string much() {
  return std::string(2'000'000, 'x');
}

TEST(Large, ResultsWaitForTheirTurnAndLoseNothing) {
  for (const bool push : {true, false}) {
    World world({});
    world.node().prints = much();
    world.node().push = push;
    auto& large = world.process().context().large;
    bool taken = true;
    world.set_faults([&](const kube::Request& request, int) {
      const auto whole = fmt::format("limitBytes={}", api::kMaxFrameBytes);
      EXPECT_FALSE(taken && request.path.contains(whole)) << "the large log is read before the run has its turn";
      return Fault::kNone;
    });
    {
      api::ObjectMeta other;
      other.uid = "another";
      controller::LargeWork::Turn turn(large, other);
      ASSERT_TRUE(turn.take());
      world.run([&] { return reason(world.find("run-00")) == api::reason::kBlocked; });
      seconds(world, 100);
      const auto status = world.find("run-00").status;
      EXPECT_EQ(status.phase, Phase::kRunning);
      EXPECT_EQ(status.message, "large results of other runs are being stored first");
      EXPECT_EQ(large.waiting(), 1U);
      taken = false;
    }
    world.run([&] { return world.all_final(); });
    const auto status = world.find("run-00").status;
    EXPECT_EQ(status.phase, Phase::kSucceeded);
    EXPECT_EQ(status.warning, "");
    ASSERT_TRUE(status.result_ref) << "waiting is no refusal";
    EXPECT_GT(status.result_ref->bytes, much().size());
    EXPECT_EQ(large.waiting(), 0U);
  }
}

TEST(Large, APushThatIsRepeatedNeedsNoRoomOfItsOwn) {
  World world({});
  world.node().prints = std::string(12'000'000, 'x');
  auto& context = world.process().context();
  api::ObjectMeta other;
  other.uid = "another";
  controller::LargeWork::Turn turn(context.large, other);
  ASSERT_TRUE(turn.take());
  world.run([&] { return context.results.used() > 12'000'000; });
  const auto held = context.results.used();
  const auto run = world.find("run-00");
  const auto pod = world.machine().server.all(kube::kPods).at(0)["metadata"];
  api::ResultFrame frame;
  frame.run_uid = run.meta.uid;
  frame.attempt = 1;
  frame.exit.how = api::ExitHow::kExited;
  frame.exit.code = 0;
  frame.out.head = world.node().prints;
  bool refused = false;
  world.process().gate().submit({world.namespace_(), "run-00", run.meta.uid, 1},
                                {world.namespace_(), pod["name"], pod["uid"]}, frame,
                                [&](const Result<void>& done) { refused = !done; });
  EXPECT_FALSE(refused) << "it waits, as the first one does";
  EXPECT_EQ(context.results.used(), held);
}

TEST(Large, ACancelledRunThatWaitsForItsTurnLeavesTheLine) {
  World world({});
  world.node().prints = much();
  auto& large = world.process().context().large;
  api::ObjectMeta other;
  other.uid = "another";
  controller::LargeWork::Turn turn(large, other);
  ASSERT_TRUE(turn.take());
  world.run([&] { return large.waiting() == 1; });
  remove(world, "run-00", false);
  world.run([&] { return large.waiting() == 0; });
  EXPECT_EQ(large.waiting(), 0U);
}

TEST(Large, TheReasonOfAnAgentIsNoLabel) {
  World world({});
  world.node().reports = api::FrameError{"WordOfATenant7", "no"};
  world.run([&] { return world.all_final(); });
  EXPECT_EQ(world.find("run-00").status.error->reason, "WordOfATenant7");
  EXPECT_THAT(world.process().context().metrics.text(), ::testing::Not(::testing::HasSubstr("WordOfATenant7")));
  EXPECT_THAT(world.process().context().metrics.text(), ::testing::HasSubstr("reason=\"Unknown\""));
}

TEST(Refused, ADeniedFinalStatusIsTriedForAWhile) {
  World world({});
  bool denies = true;
  world.set_faults([&](const kube::Request& request, int) {
    const bool refused = request.method == kube::Method::kPut && request.body.contains("answer");
    return denies && refused ? Fault::k403 : Fault::kNone;
  });
  world.run([&] { return reason(world.find("run-00")) == api::reason::kBlocked; });
  EXPECT_FALSE(api::is_final(world.find("run-00").status.phase));
  denies = false;
  world.run([&] { return world.all_final(); });
  EXPECT_EQ(world.find("run-00").status.outputs, (Json{{"answer", 42}})) << "nothing is lost by a right that came late";

  World lasting({});
  lasting.set_faults([&](const kube::Request& request, int) {
    const bool refused = request.method == kube::Method::kPut && request.body.contains("answer");
    return refused ? Fault::k403 : Fault::kNone;
  });
  lasting.run([&] { return lasting.all_final(); });
  EXPECT_FALSE(lasting.find("run-00").status.outputs);
}

TEST(Absent, AJobThatIsSeenOnlyWhileItIsDeletedIsNotMadeAgain) {
  World world({});
  world.run([&] { return !world.machine().server.all(kube::kJobs).empty(); });
  auto& server = world.machine().server;
  auto job = server.all(kube::kJobs).at(0);
  job["metadata"]["deletionTimestamp"] = format_rfc3339(world.machine().clock.now());
  server.put(kube::kJobs, job);
  world.restart();  // the operator that has made it is gone
  // Its deletion comes to its end before anybody could find it by trying to make it again.
  bool made_again = false;
  world.set_faults([&](const kube::Request& request, int) {
    if (request.method == kube::Method::kPost && request.path.ends_with("/jobs")) {
      made_again = true;
      server.erase(kube::kJobs, world.namespace_(), job["metadata"]["name"].get<std::string>());
    }
    return Fault::kNone;
  });
  world.process().context().run_queue.add("n/run-00");
  while (world.process().work()) {
  }
  server.erase(kube::kJobs, world.namespace_(), job["metadata"]["name"].get<std::string>());
  world.run([&] { return world.all_final(); });
  const auto status = world.find("run-00").status;
  ASSERT_TRUE(status.error);
  EXPECT_EQ(status.error->reason, api::reason::kJobDeleted);
  EXPECT_FALSE(made_again);
}

TEST(Absent, AProjectThatOnlyTheCacheMissesEndsNoRun) {
  World world({});
  world.node().hold = true;
  world.run([&] { return world.find("run-00").status.phase == Phase::kRunning && !world.node().granted().empty(); });
  auto& server = world.machine().server;
  const auto project = server.find(kube::kModelProjects, world.namespace_(), "p").value();
  server.erase(kube::kModelProjects, world.namespace_(), "p");
  world.process().sync(Collection::kProjects);
  server.put(kube::kModelProjects, project);
  world.process().context().run_queue.add("n/run-00");
  while (world.process().work()) {
  }
  EXPECT_EQ(reason(world.find("run-00")), api::reason::kRunning);
  world.node().hold = false;
  world.run_to_the_end();
  EXPECT_EQ(world.find("run-00").status.phase, Phase::kSucceeded);
}

TEST(Absent, AJobThatOnlyTheCacheMissesIsNoDeletedJob) {
  World world({});
  world.run([&] { return !world.machine().server.all(kube::kJobs).empty(); });
  auto& server = world.machine().server;
  const auto job = server.all(kube::kJobs).at(0);
  const auto name = job["metadata"]["name"].get<std::string>();
  while (world.process().work()) {
  }
  server.erase(kube::kJobs, world.namespace_(), name);
  world.process().sync(Collection::kJobs);
  server.put(kube::kJobs, job);
  world.process().context().run_queue.add("n/run-00");
  while (world.process().work()) {
  }
  EXPECT_FALSE(is_final(world.find("run-00").status.phase));
  world.run_to_the_end();
  EXPECT_EQ(world.find("run-00").status.phase, Phase::kSucceeded);
}

TEST(Absent, APodThatOnlyTheCacheMissesIsNoDeletedPod) {
  World world({});
  world.node().hold = true;
  world.run([&] { return world.find("run-00").status.phase == Phase::kRunning && !world.node().granted().empty(); });
  auto& server = world.machine().server;
  const auto pod = server.all(kube::kPods).at(0);
  server.erase(kube::kPods, world.namespace_(), pod["metadata"]["name"].get<std::string>());
  world.process().sync(Collection::kPods);
  server.put(kube::kPods, pod);
  for (int i = 0; i < 3; ++i) {
    world.process().context().run_queue.add("n/run-00");
    while (world.process().work()) {
    }
    world.machine().advance(std::chrono::seconds(5));
  }
  EXPECT_EQ(world.find("run-00").status.phase, Phase::kRunning);
}

// What a pass that began with an old view of the world may still do.
class Stale : public ::testing::Test {
 protected:
  const controller::Context& context() { return world_.process().context(); }
  fakes::FakeApiServer& server() { return world_.machine().server; }
  bool exists() { return server().find(kube::kModelRuns, "n", "run-00").has_value(); }
  World world_{{}};
};

TEST_F(Stale, AJobIsNotMadeForARunThatHasEndedMeanwhile) {
  auto old = world_.find("run-00");
  old.status.attempts = 1;
  old.status.job_name = "run-00-00000000-1";
  old.status.commit_sha = repository_commit();
  auto object = server().find(kube::kModelRuns, "n", "run-00").value();
  object["status"] = api::encode_status(old.status);
  object["status"]["phase"] = "Succeeded";
  server().put(kube::kModelRuns, object);
  controller::Observed observed;
  observed.run = std::make_shared<const api::ModelRun>(old);
  observed.project = observed.as_admitted = world_.process().caches().projects.find("n/p");
  controller::Plan plan;
  plan.after.emplace_back(controller::CreateJob{1});
  controller::LargeWork::Turn turn;
  const auto applied = controller::apply_run(context(), observed, plan, turn, {});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(server().all(kube::kJobs).empty());
}

TEST_F(Stale, AnActiveRunThatTheCacheDoesNotKnowYetKeepsItsSlot) {
  world_.add_run("new");  // not in the cache
  const auto run = world_.find("new");
  auto project = *world_.process().caches().projects.find("n/p");
  project.status.active.push_back({run.meta.uid, "new", 1, 1});
  const auto observed = controller::observe_project(context(), std::make_shared<const api::ModelProject>(project), {});
  ASSERT_TRUE(observed);
  EXPECT_TRUE(observed->over.empty());
}

TEST_F(Stale, ARequestForASlotOfARunThatIsGoneIsDropped) {
  controller::SlotRequest ghost;
  ghost.uid = "ghost";
  ghost.name = "run-00";  // another run has its name
  context().slots.enter("n/p", ghost);
  const auto observed = controller::observe_project(context(), world_.process().caches().projects.find("n/p"), {});
  ASSERT_TRUE(observed);
  EXPECT_TRUE(observed->waiting.empty());
  EXPECT_TRUE(context().slots.of("n/p").empty());
}

TEST_F(Stale, TheSlotOfASuspendedRunIsHeldUntilItsJobIsGone) {
  const auto run = world_.find("run-00");
  auto object = server().find(kube::kModelRuns, "n", "run-00").value();
  object["metadata"]["generation"] = 2;  // suspended after it was admitted, and its status says so
  server().put(kube::kModelRuns, object);
  const Json owner{{"kind", "ModelRun"}, {"name", "run-00"}, {"uid", run.meta.uid}, {"controller", true}};
  server().put(kube::kJobs, {{"metadata",
                              {{"name", "run-00-00000000-1"},
                               {"namespace", "n"},
                               {"labels", {{std::string(api::kLabelRunUid), run.meta.uid}}},
                               {"ownerReferences", {owner}}}}});
  for (const auto collection : kCollections) world_.process().sync(collection);
  auto project = *world_.process().caches().projects.find("n/p");
  project.status.active.push_back({run.meta.uid, "run-00", 1, 1});
  const auto shared = std::make_shared<const api::ModelProject>(project);
  EXPECT_TRUE(controller::observe_project(context(), shared, {})->over.empty());
  server().erase(kube::kJobs, "n", "run-00-00000000-1");
  world_.process().sync(Collection::kJobs);
  EXPECT_EQ(controller::observe_project(context(), shared, {})->over.count(run.meta.uid), 1U);
}

// The operator's limit is 100: another tenant can use half of it.
TEST_F(Stale, ANamespaceUsesHalfOfTheStandbysAtMost) {
  const auto put = [&](const std::string& namespace_, int count) {
    for (int i = 0; i < count; ++i) {
      const Json owner{{"kind", "ModelProject"}, {"name", "q"}, {"uid", "q-uid-" + namespace_}, {"controller", true}};
      server().put(kube::kJobs, {{"metadata",
                                  {{"name", fmt::format("q-standby-{}", i)},
                                   {"namespace", namespace_},
                                   {"labels", {{std::string(api::kLabelStandby), "digest"}}},
                                   {"ownerReferences", {owner}}}}});
    }
    for (const auto collection : kCollections) world_.process().sync(collection);
  };
  auto project = *world_.process().caches().projects.find("n/p");
  project.warm.sandboxes = 3;
  const auto room = [&] {
    const auto shared = std::make_shared<const api::ModelProject>(project);
    return controller::observe_project(context(), shared, {})->pool->room;
  };
  EXPECT_EQ(room(), 50);
  put("other", 50);
  EXPECT_EQ(room(), 50);
  put("n", 20);
  EXPECT_EQ(room(), 30);
  put("third", 20);
  EXPECT_EQ(room(), 10);
}

// A standby of project p, in the API server and in the caches.
class StaleStandby : public Stale {
 protected:
  // The Job, as the caches know it now, belongs to the object of that kind.
  void put_job(const std::string& kind, const std::string& name, const std::string& uid) {
    const Json owner{{"kind", kind}, {"name", name}, {"uid", uid}, {"controller", true}};
    server().put(kube::kJobs, {{"metadata",
                                {{"name", "s"},
                                 {"namespace", "n"},
                                 {"uid", "s-uid"},
                                 {"labels", {{std::string(api::kLabelStandby), "digest"}}},
                                 {"ownerReferences", {owner}}}}});
  }
  void sync() {
    for (const auto collection : kCollections) world_.process().sync(collection);
  }
  // The state is that of both containers.
  void put_pod(const std::string& state) {
    const Json of_both{{state, Json::object()}};
    put_pod("Pending", of_both, of_both);
  }
  void put_pod(const std::string& phase, const Json& agent, const Json& model) {
    const Json of_job{{"kind", "Job"}, {"name", "s"}, {"uid", "s-uid"}, {"controller", true}};
    const Json containers{{{"name", api::kAgentContainer}, {"state", agent}},
                          {{"name", api::kModelContainer}, {"state", model}}};
    server().put(
        kube::kPods,
        {{"metadata", {{"name", "s-pod"}, {"namespace", "n"}, {"uid", "s-pod-uid"}, {"ownerReferences", {of_job}}}},
         {"status", {{"phase", phase}, {"containerStatuses", containers}}}});
    sync();
  }
  // What the caches have of it, while the API server knows that run "other" has adopted it.
  api::ObjectMeta adopted_meanwhile() {
    put_job("ModelProject", "p", project()->meta.uid);
    sync();
    const auto meta = world_.process().caches().jobs.find("n/s")->meta;
    put_job("ModelRun", "other", "other-uid");
    return meta;
  }
  std::shared_ptr<const api::ModelProject> project() { return world_.process().caches().projects.find("n/p"); }
  std::shared_ptr<const api::ModelProject> warm_project() {
    auto warm = *project();
    warm.warm.sandboxes = 1;
    return std::make_shared<const api::ModelProject>(warm);
  }
  std::string owner() {
    const auto job = server().find(kube::kJobs, "n", "s");
    return job ? job->at("metadata").at("ownerReferences").at(0).at("name").get<std::string>() : "none";
  }
};

TEST_F(StaleStandby, OneThatAnotherRunHasAdoptedMeanwhileIsNotAdopted) {
  controller::Observed observed;
  observed.run = std::make_shared<const api::ModelRun>(world_.find("run-00"));
  controller::Plan plan;
  plan.before.emplace_back(controller::AdoptStandby{adopted_meanwhile(), 1});
  controller::LargeWork::Turn turn;
  const auto applied = controller::apply_run(context(), observed, plan, turn, {});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(owner(), "other");
}

TEST_F(StaleStandby, ItsAgeIsCountedWhenItIsAdopted) {
  put_job("ModelProject", "p", project()->meta.uid);
  sync();
  controller::Observed observed;
  observed.run = std::make_shared<const api::ModelRun>(world_.find("run-00"));
  controller::Plan plan;
  plan.before.emplace_back(controller::AdoptStandby{world_.process().caches().jobs.find("n/s")->meta, 1});
  controller::LargeWork::Turn turn;
  EXPECT_TRUE(controller::apply_run(context(), observed, plan, turn, {}));
  EXPECT_EQ(owner(), "run-00");
  EXPECT_THAT(context().metrics.text(), ::testing::HasSubstr("modelrun_standby_age_seconds_count 1"));
}

TEST_F(StaleStandby, OneThatARunHasAdoptedMeanwhileIsNotDeleted) {
  controller::ProjectObserved observed;
  observed.project = project();
  controller::ProjectPlan plan;
  plan.drop_standbys.push_back(adopted_meanwhile());
  EXPECT_TRUE(controller::apply_project(context(), observed, plan, {}));
  EXPECT_EQ(owner(), "other");
}

// Such a Job would hold the slot that the run has lost, and the run would wait for itself.
TEST_F(StaleStandby, OneOfALostSlotIsDeletedUnlessTheRunHasItByNow) {
  const auto run = world_.find("run-00");
  put_job("ModelRun", "run-00", run.meta.uid);
  auto job = server().find(kube::kJobs, "n", "s").value();
  job["metadata"]["labels"][std::string(api::kLabelAttempt)] = "1";
  server().put(kube::kJobs, job);
  sync();
  auto with_slot = *project();
  with_slot.status.active.push_back({run.meta.uid, "run-00", 1, 1});
  ++with_slot.meta.resource_version;
  ASSERT_TRUE(context().caches.projects.put(with_slot));
  const auto strays = [&](bool lost) {
    controller::Observed observed;
    auto cached = run;
    cached.meta.generation = lost ? 2 : 1;
    observed.run = std::make_shared<const api::ModelRun>(cached);
    controller::LargeWork::Turn turn(context().large, run.meta);
    EXPECT_TRUE(controller::observe_run(context(), observed, turn, {}));
    return observed.stray_jobs;
  };
  EXPECT_THAT(strays(false), ::testing::IsEmpty());
  EXPECT_THAT(strays(true), ::testing::ElementsAre("s"));
  auto object = server().find(kube::kModelRuns, "n", "run-00").value();
  object["status"]["attempts"] = 1;
  object["status"]["jobName"] = "s";
  server().put(kube::kModelRuns, object);
  EXPECT_THAT(strays(true), ::testing::IsEmpty()) << "the cache is behind";
}

// What the pool counts as ready is what a run may have at once.
TEST_F(StaleStandby, IsReadyOnceItsKubeletHasReportedItToo) {
  put_job("ModelProject", "p", project()->meta.uid);
  const auto is_ready = [&] {
    return controller::observe_project(context(), warm_project(), {})->pool->standbys.at(0).ready;
  };
  context().standbys.note_made("s-uid");
  put_pod("waiting");
  const auto asks = context().standbys.await_work("s-pod-uid", [](const auto&) {});
  EXPECT_FALSE(is_ready());
  put_pod("running");
  EXPECT_TRUE(is_ready());
  EXPECT_TRUE(is_ready());
  EXPECT_THAT(context().metrics.text(), ::testing::HasSubstr("modelrun_standby_refill_seconds_count 1\n"));
}

// The kubelet reports the containers one by one, and the agent is the one that knows.
TEST_F(StaleStandby, SaysWhyItIsNotReadyOnceThatIsKnown) {
  put_job("ModelProject", "p", project()->meta.uid);
  const auto trouble = [&] {
    return controller::observe_project(context(), warm_project(), {})->pool->standbys.at(0).trouble;
  };
  const Json running{{"running", Json::object()}};
  const Json ended{{"terminated", {{"reason", "Error"}, {"exitCode", 1}}}};
  const auto says = [](const std::string& message) {
    return Json{{"terminated", {{"reason", "Error"}, {"exitCode", 3}, {"message", message}}}};
  };
  put_pod("Pending", {{"waiting", {{"reason", "ErrImagePull"}, {"message", "no such image"}}}}, ended);
  EXPECT_EQ(trouble(), "ErrImagePull: no such image");
  put_pod("Running", running, ended);
  EXPECT_EQ(trouble(), "") << "the agent is about to say it";
  api::ResultFrame frame;
  frame.error = api::FrameError{"SandboxSetupFailed", "No module named 'm'"};
  put_pod("Running", says(api::frame_to_termination_message(frame)), running);
  EXPECT_EQ(trouble(), "No module named 'm'");
  frame.error.reset();
  put_pod("Failed", says(api::frame_to_termination_message(frame)), ended);
  EXPECT_EQ(trouble(), "the container agent ended: Error, exit code 3");
  put_pod("Failed", ended, ended);
  EXPECT_EQ(trouble(), "the container agent ended: Error, exit code 1");
  put_pod("Failed", Json::object(), ended);
  EXPECT_EQ(trouble(), "the container model ended: Error, exit code 1") << "nothing is known of the agent";
}

// No run waits for the pool.
TEST_F(StaleStandby, ARunThatCannotAdoptOneStartsCold) {
  const auto warm = warm_project();
  const auto digest = controller::standby_digest(*warm, context().settings, false, {});
  put_job("ModelProject", "p", warm->meta.uid);
  auto job = server().find(kube::kJobs, "n", "s").value();
  job["metadata"]["labels"][std::string(api::kLabelStandby)] = digest;
  server().put(kube::kJobs, job);
  put_pod("running");
  const auto asks = context().standbys.await_work("s-pod-uid", [](const auto&) {});
  controller::Observed observed;
  observed.run = std::make_shared<const api::ModelRun>(world_.find("run-00"));
  observed.project = warm;
  const auto look = [&] {
    observed.standby.reset();
    observed.cold_reason.clear();
    EXPECT_TRUE(controller::observe_standby(context(), observed, {}, {}));
    return observed.standby.has_value();
  };
  EXPECT_TRUE(look());
  (void)context().inbox.trouble(observed.run->meta.uid);
  EXPECT_TRUE(look()) << "most troubles pass soon";
  world_.machine().advance(controller::kTellTrouble);
  EXPECT_FALSE(look());
  EXPECT_EQ(observed.cold_reason, "Blocked");
}

// The label that the pods are looked up by may be on anybody's pod.
TEST_F(Stale, APodThatOnlyHasTheLabelOfTheRunIsNoneOfIts) {
  auto run = world_.find("run-00");
  run.status.phase = Phase::kPending;
  run.status.attempts = 1;
  run.status.job_name = controller::child_name(run.meta, 1);
  run.status.commit_sha = repository_commit();
  run.status.project_spec = world_.process().caches().projects.find("n/p")->run_settings;
  const Json owner{{"kind", "ModelRun"}, {"name", "run-00"}, {"uid", run.meta.uid}, {"controller", true}};
  server().put(kube::kJobs,
               {{"metadata",
                 {{"name", run.status.job_name}, {"namespace", "n"}, {"uid", "job-uid"}, {"ownerReferences", {owner}}}},
                {"status", {{"conditions", {{{"type", "Failed"}, {"status", "True"}}}}}}});
  const auto put_pod = [&](const std::string& name, const std::string& job_uid) {
    const Json of_job{{"kind", "Job"}, {"name", "a-job"}, {"uid", job_uid}, {"controller", true}};
    server().put(kube::kPods, {{"metadata",
                                {{"name", name},
                                 {"namespace", "n"},
                                 {"labels", {{std::string(api::kLabelRunUid), run.meta.uid}}},
                                 {"ownerReferences", {of_job}}}}});
  };
  world_.process().sync(Collection::kJobs);
  put_pod("foreign", "another-job-uid");
  put_pod("own", "job-uid");
  controller::Observed observed;
  observed.run = std::make_shared<const api::ModelRun>(run);
  controller::LargeWork::Turn turn(context().large, run.meta);
  ASSERT_TRUE(controller::observe_run(context(), observed, turn, {}));
  ASSERT_EQ(observed.pods.size(), 1U);
  EXPECT_EQ(observed.pods[0]->meta.name, "own");
}

TEST_F(Stale, ASlotOfAnEarlierGenerationWakesNobody) {
  controller::ProjectObserved observed;
  auto project = *world_.process().caches().projects.find("n/p");
  project.status.active.push_back({"uid", "run-00", 1, 1});
  observed.project = std::make_shared<const api::ModelProject>(project);
  observed.waiting = {{.uid = "uid", .name = "run-00", .generation = 2}};
  EXPECT_TRUE(controller::decide_project(observed, world_.machine().clock.now()).admitted.empty());
  observed.waiting[0].generation = 1;
  EXPECT_EQ(controller::decide_project(observed, world_.machine().clock.now()).admitted.size(), 1U);
}

TEST_F(Stale, ARunThatHasTheNameOfAnOldOneIsNotDeletedInItsPlace) {
  auto meta = world_.find("run-00").meta;
  meta.uid = "of the run before";
  controller::Plan plan;
  plan.after.emplace_back(controller::DeleteRun{});
  (void)controller::apply_finished(context(), meta, plan, {});
  EXPECT_TRUE(exists()) << "its time to live has not come";
  controller::RunRecord record;
  record.meta = meta;
  controller::ProjectObserved observed;
  observed.project = world_.process().caches().projects.find("n/p");
  controller::ProjectPlan expiry;
  expiry.expired.push_back(std::make_shared<const controller::RunRecord>(record));
  EXPECT_TRUE(controller::apply_project(context(), observed, expiry, {}));
  EXPECT_TRUE(exists()) << "the history's limits are not about it";
}

struct Refusal {
  const char* what;
  const char* path;  // the end of the path of the request that is refused
  kube::Method method;
  Fault fault;
  std::string_view waits, ends;  // reasons
};

// For the names of the tests.
void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.what;
}

class Refused : public ::testing::TestWithParam<Refusal> {
 protected:
  Refused() {
    world_.machine().server.put(
        kube::kSecrets,
        {{"metadata", {{"name", "keys"}, {"namespace", "n"}, {"labels", {{"modelrun.dev/use", "env"}}}}},
         {"data", {{"key", "dg=="}}}});
    world_.set_project({{"limits", {{"pendingSeconds", 120}}}});
    auto project = world_.machine().server.find(kube::kModelProjects, "n", "p").value();
    project["spec"]["runtime"]["env"].push_back(
        {{"name", "KEY"}, {"valueFrom", {{"secretKeyRef", {{"name", "keys"}, {"key", "key"}}}}}});
    world_.machine().server.put(kube::kModelProjects, project);
    world_.set_faults([this](const kube::Request& request, int) {
      const auto path = request.path.substr(0, request.path.find('?'));
      const bool struck = refuses_ && request.method == GetParam().method && path.ends_with(GetParam().path);
      return struck ? GetParam().fault : Fault::kNone;
    });
  }
  World world_{{.parameters = true}};
  bool refuses_ = true;
};

TEST_P(Refused, IsToldAndPasses) {
  world_.run([&] { return reason(world_.find("run-00")) == GetParam().waits; });
  seconds(world_, 30);
  EXPECT_EQ(reason(world_.find("run-00")), GetParam().waits);
  refuses_ = false;
  world_.run_to_the_end();
  EXPECT_EQ(world_.find("run-00").status.phase, Phase::kSucceeded);
}

TEST_P(Refused, HasAClock) {
  world_.run();
  const auto status = world_.find("run-00").status;
  EXPECT_EQ(status.phase, Phase::kFailed);
  EXPECT_EQ(status.error->reason, GetParam().ends);
  // limits.pendingSeconds is 120, and passes that fail are a minute apart at most.
  EXPECT_LT(world_.machine().clock.now() - world_.find("run-00").meta.creation, std::chrono::seconds(200));
  EXPECT_FALSE(status.error->message.empty());
}

INSTANTIATE_TEST_SUITE_P(Each, Refused,
                         ::testing::Values(Refusal{"JobByAWebhookThatIsDown", "/jobs", kube::Method::kPost, Fault::k500,
                                                   "Unschedulable", "Unschedulable"},
                                           Refusal{"JobByAQuota", "/jobs", kube::Method::kPost, Fault::k403,
                                                   "Unschedulable", "Unschedulable"},
                                           Refusal{"NetworkPolicyByAQuota", "/networkpolicies", kube::Method::kPost,
                                                   Fault::k403, "Unschedulable", "Unschedulable"},
                                           Refusal{"ReadingTheNetworkPolicy", "/networkpolicies/modelrun-sandbox",
                                                   kube::Method::kGet, Fault::k403, "Unschedulable", "Unschedulable"},
                                           Refusal{"ReadingASecret", "/secrets/keys", kube::Method::kGet, Fault::k403,
                                                   "Blocked", "Internal"}),
                         [](const auto& each) { return each.param.what; });

TEST(History, TimesThatAreSetLaterTakeEffect) {
  World world({});
  world.run_to_the_end();
  world.set_project({{"history", {{"ttlSecondsAfterFinished", 3600}, {"includeApplied", true}}}});
  seconds(world, 30);
  ASSERT_TRUE(world.machine().server.find(kube::kModelRuns, world.namespace_(), "run-00"));
  world.set_project({{"history", {{"ttlSecondsAfterFinished", 10}}}});
  seconds(world, 30);
  EXPECT_FALSE(world.machine().server.find(kube::kModelRuns, world.namespace_(), "run-00"));
}

// Statuses that anybody may write who has the right to, and old operators may have left.
class Nonsense {
 public:
  explicit Nonsense(std::uint64_t seed) : random_(seed) {}

  Json status() {
    Json status{{"observedGeneration", number()}};
    maybe(status, "phase", {"Pending", "Running", "Succeeded", "Odd", ""});
    for (const char* field : {"jobName", "podName", "podUID", "projectUID", "commitSHA", "identity", "nodeName"}) {
      maybe(status, field,
            {"", "x", "../../../api/v1/nodes", "run-00-00000000-1", std::string(300, 'a'), "\xc3\xa4?#%"});
    }
    for (const char* field : {"attempts", "runNumber", "projectGeneration", "exitCode"}) {
      if (chance()) status[field] = number();
    }
    if (chance()) status["reusedFrom"] = {{"name", "run-01"}, {"uid", "y"}, {"runNumber", number()}};
    if (chance()) status["projectSpec"] = settings();
    if (chance()) status["timeline"] = {{"jobCreated", "9999-12-31T23:59:59Z"}, {"resumed", "0001-01-01T00:00:00Z"}};
    if (chance())
      status["conditions"] = Json::array({{{"type", "Succeeded"}, {"status", "Unknown"}, {"reason", "Joined"}}});
    return status;
  }
  Json project_status() {
    Json active = Json::array();
    for (int i = 0; i < 3; ++i) {
      active.push_back({{"uid", chance() ? "" : "z"},
                        {"name", chance() ? "run-00" : "../x"},
                        {"number", number()},
                        {"generation", number()}});
    }
    return {
        {"observedGeneration", number()}, {"lastRunNumber", number()}, {"active", active}, {"queuedRuns", number()}};
  }
  bool chance() { return random_() % 2 == 0; }

 private:
  std::int64_t number() {
    constexpr std::array<std::int64_t, 7> kNumbers{0,
                                                   1,
                                                   -1,
                                                   2,
                                                   1'000'000'000'000,
                                                   std::numeric_limits<std::int64_t>::max(),
                                                   std::numeric_limits<std::int64_t>::min()};
    return kNumbers[random_() % kNumbers.size()];
  }
  Json settings() {
    switch (random_() % 4) {
      case 0:
        return Json::object();
      case 1:
        return {{"limits", {{"pendingSeconds", number()}, {"timeoutSeconds", number()}, {"attempts", number()}}}};
      case 2:
        return {{"runtime", {{"resources", "much"}, {"env", 7}, {"command", {1, 2}}}}, {"limits", "none"}};
      default:
        return {{"runtime", {{"image", "python:1"}, {"env", Json::array()}}}};
    }
  }
  void maybe(Json& object, const char* name, const std::vector<std::string>& values) {
    if (chance()) object[name] = values[random_() % values.size()];
  }
  std::mt19937_64 random_;
};

TEST(Nonsense, InAStatusNeitherStopsTheOperatorNorOtherRuns) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    World world({.runs = 2, .written_by_hand = true});
    auto& server = world.machine().server;
    Nonsense nonsense(seed);
    auto run = server.find(kube::kModelRuns, world.namespace_(), "run-00").value();
    run["status"] = nonsense.status();
    server.put(kube::kModelRuns, run);
    auto project = server.find(kube::kModelProjects, world.namespace_(), "p").value();
    if (nonsense.chance()) project["status"] = nonsense.project_status();
    server.put(kube::kModelProjects, project);
    if (nonsense.chance()) server.erase(kube::kModelProjects, world.namespace_(), "p");
    const bool has_project = server.find(kube::kModelProjects, world.namespace_(), "p").has_value();
    world.run([&] { return is_final(world.find("run-01").status.phase); });
    EXPECT_EQ(world.find("run-01").status.phase, has_project ? Phase::kSucceeded : Phase::kFailed);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace modelrun::faults
