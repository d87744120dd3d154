// Jobs that somebody suspends, between a queue and the operator: what the operator does, and what it does not do, when
// its caches are behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/reason.h"
#include "api/standby.h"
#include "controller/large_work.h"
#include "controller/observe_project.h"
#include "controller/observe_run.h"
#include "controller/run_metrics.h"
#include "faults/world.h"

namespace modelrun::faults {
namespace {

using api::Phase;
using kube::Json;

std::string reason(const World& world, const std::string& run = "run-00") {
  const auto conditions = world.find(run).status.conditions;
  const auto* succeeded = api::find_condition(conditions, "Succeeded");
  return succeeded == nullptr ? "" : succeeded->reason;
}

void to_queued(World& world) {
  world.node().queues = true;
  world.node().admits = false;
  world.run([&] { return reason(world) == "JobSuspended"; });
}

void to_running(World& world) {
  world.node().hold = true;
  world.run([&] { return world.find("run-00").status.phase == Phase::kRunning && !world.node().granted().empty(); });
}

// In steps, since a world that runs for so long without an end is taken for one that hangs.
void wait(World& world, std::chrono::seconds time) {
  const Time later = world.machine().clock.now() + time;
  while (world.machine().clock.now() < later) {
    const Time next = std::min<Time>(later, world.machine().clock.now() + std::chrono::minutes(10));
    world.run([&] { return world.machine().clock.now() >= next; });
  }
}

TEST(Queue, ARunWaitsForLongAndHasAllItsTimeThen) {
  World world({});
  to_queued(world);
  wait(world, std::chrono::hours(2));  // limits.pendingSeconds is 600
  EXPECT_EQ(reason(world), "JobSuspended");
  const auto counts = controller::count_runs(
      world.process().caches().runs, world.machine().clock.now() + std::chrono::hours(1), std::chrono::seconds(300));
  EXPECT_EQ(counts.by_reason, (std::map<std::string, int>{{"JobSuspended", 1}}));
  EXPECT_EQ(counts.oldest_pending, Duration::zero()) << "somebody else decides on its wait";
  world.node().admits = true;
  world.run_to_the_end();
  const auto status = world.find("run-00").status;
  EXPECT_EQ(status.phase, Phase::kSucceeded);
  EXPECT_EQ(status.attempts, 1);
  ASSERT_TRUE(status.timeline.job_resumed);
  EXPECT_GE(*status.timeline.job_resumed - *status.timeline.job_created, std::chrono::hours(2));
}

TEST(Queue, OneThatHasRoomCostsNoWrite) {
  World world({});
  world.node().queues = true;
  world.run_to_the_end();
  EXPECT_EQ(world.find("run-00").status.phase, Phase::kSucceeded);
  EXPECT_EQ(world.written().at("PUT modelruns/status"), 3) << "as without a queue";
}

TEST(Queue, TheOperatorNeverResumesAJob) {
  World world({});
  to_queued(world);
  world.restart();
  wait(world, std::chrono::minutes(30));
  EXPECT_TRUE(api::decode_job(world.machine().server.all(kube::kJobs).at(0)).suspended);
  world.node().admits = true;
  world.run_to_the_end();
  EXPECT_EQ(world.find("run-00").status.phase, Phase::kSucceeded);
}

TEST(Queue, ARunThatWaitsIsCancelledAtOnce) {
  World world({});
  to_queued(world);
  world.set_spec("run-00", {{"cancel", true}});
  world.run_to_the_end();
  EXPECT_EQ(world.find("run-00").status.phase, Phase::kCancelled);
}

TEST(Queue, AnOperatorThatBeganLaterWaitsAsLong) {
  World world({});
  to_queued(world);
  wait(world, std::chrono::seconds(590));
  world.restart();
  wait(world, std::chrono::seconds(590));
  EXPECT_EQ(reason(world), "JobSuspended");
  world.node().admits = true;
  wait(world, std::chrono::seconds(1));
  world.node().hold = true;
  world.run_to_the_end();
}

TEST(Preemption, AModelIsExecutedAgainAndItsResultIsRecordedOnce) {
  World world({});
  to_running(world);
  world.node().admits = false;
  world.node().suspend("run-00");
  world.run([&] { return reason(world) == "JobSuspended"; });
  auto status = world.find("run-00").status;
  EXPECT_EQ(status.attempts, 2);
  EXPECT_EQ(status.preemptions, 1);
  EXPECT_TRUE(status.job_suspended);
  EXPECT_EQ(world.node().granted().size(), 1U) << "the Job of the second attempt waits as well";
  world.node().admits = true;
  world.node().hold = false;
  world.run_to_the_end();
  status = world.find("run-00").status;
  EXPECT_EQ(status.phase, Phase::kSucceeded);
  EXPECT_EQ(status.attempts, 2);
  EXPECT_EQ(world.node().granted().size(), 2U);
}

// The watch of pods is ahead of that of Jobs.
class Behind : public ::testing::Test {
 protected:
  Behind() {
    to_running(world_);
    auto& server = world_.machine().server;
    job_ = server.all(kube::kJobs).at(0);
    const auto pod = server.all(kube::kPods).at(0);
    server.erase(kube::kPods, "n", pod["metadata"]["name"].get<std::string>());
    world_.process().sync(Collection::kPods);
  }
  void put_job(bool suspended) {
    job_["spec"]["suspend"] = suspended;
    job_["status"]["conditions"] = {{{"type", "Suspended"}, {"status", suspended ? "True" : "False"}}};
    world_.machine().server.put(kube::kJobs, job_);
  }
  controller::Observed observe() {
    controller::Observed observed;
    observed.run = std::make_shared<const api::ModelRun>(world_.find("run-00"));
    controller::LargeWork::Turn turn(world_.process().context().large, observed.run->meta);
    EXPECT_TRUE(controller::observe_run(world_.process().context(), observed, turn, {}));
    return observed;
  }
  World world_{{}};
  Json job_;
};

TEST_F(Behind, TheApiServerIsAskedWhetherTheJobWasSuspended) {
  put_job(true);
  EXPECT_FALSE(world_.process().caches().jobs.find("n/" + world_.find("run-00").status.job_name)->suspended);
  const auto observed = observe();
  ASSERT_TRUE(observed.job);
  EXPECT_TRUE(observed.job->suspended);
}

TEST_F(Behind, AndWhetherItWasResumedSince) {
  put_job(false);
  ASSERT_TRUE(observe().job);
  EXPECT_TRUE(observe().job->resumed);
}

TEST(Queue, StandbysWaitInItWithoutBeingFailures) {
  World world({.runs = 0});
  const auto sync = [&] {
    for (const auto collection : {Collection::kJobs, Collection::kPods, Collection::kProjects}) {
      world.process().sync(collection);
    }
  };
  sync();
  auto& context = world.process().context();
  auto project = *world.process().caches().projects.find("n/p");
  project.warm.sandboxes = 1;
  const Json owner{{"kind", "ModelProject"}, {"name", "p"}, {"uid", project.meta.uid}, {"controller", true}};
  const auto look = [&](bool suspended, bool resumed) {
    world.machine().server.put(
        kube::kJobs,
        {{"metadata",
          {{"name", "s"},
           {"namespace", "n"},
           {"uid", "s-uid"},
           {"labels", {{std::string(api::kLabelStandby), "digest"}, {"kueue.x-k8s.io/queue-name", "team-a"}}},
           {"ownerReferences", {owner}}}},
         {"spec", {{"suspend", suspended}}},
         {"status",
          {{"conditions",
            {{{"type", "Suspended"},
              {"status", resumed     ? "False"
                         : suspended ? "True"
                                     : "Unknown"}}}}}}});
    sync();
    return controller::observe_project(context, std::make_shared<const api::ModelProject>(project), {})
        ->pool->standbys.at(0);
  };
  look(true, false);
  world.machine().advance(std::chrono::hours(10));
  const auto waits = look(true, false);
  EXPECT_FALSE(waits.ready || waits.over);
  EXPECT_EQ(waits.unready_for, Duration::zero()) << "its time to become ready has not begun";
  EXPECT_EQ(waits.age, Duration::zero()) << "nothing of it gets old";
  EXPECT_NE(waits.trouble.find("queue team-a"), std::string::npos) << waits.trouble;
  // The pod goes as the Job was suspended, and the Job is resumed before the pod is gone.
  const Json of_job{{"kind", "Job"}, {"name", "s"}, {"uid", "s-uid"}, {"controller", true}};
  world.machine().server.put(kube::kPods, {{"metadata",
                                            {{"name", "s-pod"},
                                             {"namespace", "n"},
                                             {"deletionTimestamp", "2026-01-01T00:00:00Z"},
                                             {"ownerReferences", {of_job}}}},
                                           {"status", {{"phase", "Failed"}}}});
  EXPECT_FALSE(look(true, false).over);
  EXPECT_FALSE(look(false, true).over);
  EXPECT_TRUE(look(false, false).over) << "somebody deleted it";
}

}  // namespace
}  // namespace modelrun::faults
