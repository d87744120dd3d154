#include "controller/project/standbys.h"

#include <gmock/gmock.h>

#include "controller/project/decide.h"
#include "controller/run/steps.h"
#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using std::chrono::seconds;

// A pool of three, and a plan for it in a few words: "make:2 drop:a drop:b fail:why @5 3/3".
class StandbysTest : public ::testing::Test {
 protected:
  StandbysTest() {
    project_.meta.generation = 1;
    project_.warm.sandboxes = 3;
    project_.warm.max_age_seconds = 100;
    project_.limits.pending_seconds = 60;
    pool_.digest = "now";
    pool_.room = 100;
  }
  Standby& add(const std::string& name, int age = 10) {
    Standby standby;
    standby.job.name = name;
    standby.digest = "now";
    standby.age = seconds(age);
    standby.ready = true;
    pool_.standbys.push_back(std::move(standby));
    return pool_.standbys.back();
  }
  std::string plan() {
    ProjectObserved observed;
    observed.project = std::make_shared<const api::ModelProject>(project_);
    if (looked_at_) observed.pool = pool_;
    observed.pool_trouble = trouble_;
    ProjectPlan plan;
    status_ = project_.status;
    plan_standbys(observed, plan, status_, at(1));
    std::string text;
    const auto say = [&](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
    if (plan.make_standbys > 0) say(fmt::format("make:{}", plan.make_standbys));
    for (const auto& job : plan.drop_standbys) say("drop:" + job.name);
    for (const auto& failure : plan.failures) say("fail:" + failure);
    if (!plan.no_image_volumes.empty()) say("no-image-volumes:" + plan.no_image_volumes);
    if (plan.requeue_after) say(fmt::format("@{}", std::chrono::duration_cast<seconds>(*plan.requeue_after).count()));
    if (status_.warm) say(fmt::format("{}/{}", status_.warm->ready, status_.warm->wanted));
    return text;
  }
  std::string condition() {
    const auto* found = api::find_condition(status_.conditions, "WarmPoolHealthy");
    return found == nullptr ? "" : found->reason + ": " + found->message;
  }
  api::ModelProject project_;
  StandbyPool pool_;
  bool looked_at_ = true;
  std::string trouble_;  // why not
  api::ModelProjectStatus status_;
};

TEST_F(StandbysTest, AsManyAsAreWantedAreMade) {
  EXPECT_EQ(plan(), "make:3 @5 0/3");
  add("a");
  EXPECT_EQ(plan(), "make:2 @5 1/3");
  add("b", 40);
  add("c");
  EXPECT_EQ(plan(), "@60 3/3");
  EXPECT_EQ(condition(), "Maintained: 3 sandboxes are kept ready");
}

TEST_F(StandbysTest, ThoseThatWereAdoptedAreReplacedAMomentLater) {
  add("a");
  pool_.refill_in = seconds(1);
  EXPECT_EQ(plan(), "@1 1/3");
  EXPECT_EQ(condition(), "Maintained: 3 sandboxes are kept ready");
  pool_.refill_in = seconds(0);
  EXPECT_EQ(plan(), "make:2 @5 1/3");
}

TEST_F(StandbysTest, OneThatFallsSilentIsNoticedWithinAMinute) {
  project_.warm.sandboxes = 1;
  project_.warm.max_age_seconds = 3600;
  add("a");
  EXPECT_EQ(plan(), "@60 1/1");
}

TEST_F(StandbysTest, AProjectWithoutThemIsLeftAlone) {
  project_.warm.sandboxes = 0;
  EXPECT_EQ(plan(), "");
  EXPECT_EQ(condition(), "");
  add("left");
  EXPECT_EQ(plan(), "drop:left @60");
}

TEST_F(StandbysTest, NeverMoreThanAskedForAndTheLeastUsefulGoes) {
  add("a", 30);
  auto& starts = add("starts", 20);
  starts.ready = false;
  starts.unready_for = seconds(20);
  add("b", 40);
  add("c", 50);
  EXPECT_EQ(plan(), "drop:starts @40 3/3");
}

TEST_F(StandbysTest, ThoseWithOtherSettingsOrTooOldAreReplaced) {
  add("a").digest = "before";
  add("b", 100);
  add("c");
  EXPECT_EQ(plan(), "make:2 drop:a drop:b @5 1/3");
}

TEST_F(StandbysTest, OneOnANodeWithoutImageVolumesTellsOfAll) {
  auto& a = add("a");
  a.ready = false;
  a.look_at_volume = seconds(2);
  EXPECT_EQ(plan(), "make:2 @2 0/3") << "that may show soon";
  a.look_at_volume.reset();
  a.volume_trouble = "node n cannot";
  EXPECT_EQ(plan(), "no-image-volumes:node n cannot @0 0/3") << "none is made before the digest says so";
  pool_.digest = "other";
  EXPECT_EQ(plan(), "drop:a no-image-volumes:node n cannot @0 0/3");
}

TEST_F(StandbysTest, OneThatEndsOrNeverBecomesReadyIsAFailure) {
  auto& a = add("a");
  a.over = true;
  a.ready = false;
  a.trouble = "no module x";
  auto& b = add("b", 60);
  b.ready = false;
  b.unready_for = seconds(60);
  // Nothing is made in this pass: how long to wait is known in the next.
  EXPECT_EQ(plan(), "drop:a drop:b fail:no module x fail:a standby ended before it was needed 0/3");
  pool_.standbys.clear();
  pool_.trouble = "no module x";
  pool_.retry_in = seconds(4);
  EXPECT_EQ(plan(), "@4 0/3");
  EXPECT_EQ(condition(), "StandbyFailed: 0 of 3 are ready: no module x");
  pool_.retry_in = seconds(0);
  EXPECT_EQ(plan(), "make:3 @5 0/3");
}

TEST_F(StandbysTest, ANewLeaderWaitsForEachAnew) {
  auto& a = add("a", 90);  // ready for long, as another leader knew; its agent has not asked this one yet
  a.ready = false;
  a.unready_for = seconds(1);
  EXPECT_EQ(plan(), "make:2 @5 0/3");
}

TEST_F(StandbysTest, APoolThatCannotBeLookedAtStaysAsItIs) {
  add("a");
  plan();
  project_.status = status_;
  looked_at_ = false;
  EXPECT_EQ(plan(), "@5 1/3");
  EXPECT_EQ(status_, project_.status);
  trouble_ = "the operator may not read Secrets here";
  EXPECT_EQ(plan(), "@5 1/3");
  EXPECT_EQ(condition(), "StandbyFailed: the operator may not read Secrets here");
}

TEST_F(StandbysTest, ManyAreMadeAFewInEachPass) {
  project_.warm.sandboxes = 10;
  EXPECT_EQ(plan(), "make:4 @0 0/10");
}

TEST_F(StandbysTest, NoneWhileSuspended) {
  project_.suspend = true;
  add("a");
  EXPECT_EQ(plan(), "drop:a @60 0/0");
  EXPECT_EQ(condition(), "Suspended: the project is suspended");
}

TEST_F(StandbysTest, NoneWithSettingsThatCannotBeUsed) {
  pool_.digest.clear();
  pool_.trouble = "Secret s does not exist";
  EXPECT_EQ(plan(), "0/3");
  EXPECT_EQ(condition(), "StandbyFailed: 0 of 3 are ready: Secret s does not exist");
}

TEST_F(StandbysTest, TheOperatorsLimitBoundsThem) {
  pool_.room = 1;
  EXPECT_EQ(plan(), "make:1 @5 0/3");
  EXPECT_EQ(condition(),
            "LimitReached: 0 of 3 are ready: the operator's --max-standbys is reached, of which one namespace has half "
            "at most");
  pool_.room = 0;
  EXPECT_EQ(plan(), "0/3");
}

TEST_F(StandbysTest, AUsedOneDoesNotChangeTheCondition) {
  add("a");
  add("b");
  add("c");
  plan();
  const auto before = status_.conditions;
  project_.status = status_;
  pool_.standbys.pop_back();
  EXPECT_EQ(plan(), "make:1 @5 2/3");
  EXPECT_EQ(status_.conditions, before);
}

// ---- Adoption

struct Warm : Scene {
  Warm() {
    project.warm.sandboxes = 1;
    resolved().admitted();
    seen.source.held = true;
    auto pod = std::make_shared<api::PodView>();
    pod->meta.name = "s-pod";
    pod->meta.uid = "s-pod-uid";
    pod->node = "node-1";
    seen.standby.emplace();
    seen.standby->job.name = "p-standby-x";
    seen.standby->job.uid = "s-uid";
    seen.standby->pod = std::move(pod);
  }
};

TEST(Adoption, OneWritePinsAndPermits) {
  const Warm scene;
  EXPECT_EQ(scene.at_second(1), "adopt:p-standby-x:1 [Running Running] @0.001");
  const auto status = *scene.plan(1).status;
  EXPECT_EQ(status.job_name, "p-standby-x");
  EXPECT_EQ(status.pod_uid, "s-pod-uid");
  EXPECT_EQ(status.commit_sha, kCommit);
  EXPECT_EQ(status.run_number, 7);
  EXPECT_EQ(status.attempts, 1);
  EXPECT_EQ(status.provenance.start, "Warm");
  EXPECT_EQ(status.timeline.adopted, at(1));
  EXPECT_FALSE(status.timeline.job_created);
}

TEST(Adoption, ParametersAreShownAfterTheWrite) {
  Warm scene;
  scene.run.spec.parameters = nlohmann::json{{"growth", 0.25}};
  EXPECT_EQ(scene.at_second(1), "adopt:p-standby-x:1 [Running Running] show-parameters:s-uid @0.001");
}

TEST(Adoption, NothingIsPermittedThatIsNotAtHand) {
  Warm scene;
  scene.seen.source.held = false;
  EXPECT_EQ(scene.at_second(1), "hold @30");
}

TEST(Adoption, WhatWasAdoptedBeforeACrashIsNotAdoptedAgain) {
  Warm scene;
  scene.seen.standby->adopted = true;
  EXPECT_EQ(scene.at_second(1), "[Running Running] @0.001");
}

TEST(Adoption, WithoutAStandbyTheRunStartsColdAtOnceAndSaysWhy) {
  Warm scene;
  scene.seen.standby.reset();
  scene.seen.cold_reason = "PoolEmpty";
  EXPECT_EQ(scene.at_second(1), "[Pending Starting] job:1");
  EXPECT_EQ(scene.plan(1).status->provenance.start, "Cold");
  EXPECT_EQ(scene.plan(1).status->provenance.cold_reason, "PoolEmpty");
}

struct Adopted : Warm {
  Adopted() {
    run.status = *plan(1).status;
    job.emplace();
    job->meta.name = run.status.job_name;
    job->meta.uid = "s-uid";
    job->standby = "now";
    seen.standby.reset();
    seen.job_seen = true;
    marks[Mark::kAttempt] = 1;
    api::PodView pod;
    pod.meta.name = "s-pod";
    pod.meta.uid = "s-pod-uid";
    pods.push_back(pod);
  }
};

TEST(Adoption, ItsAttemptIsFollowedAsAnyOther) {
  Adopted scene;
  EXPECT_EQ(scene.at_second(2).find("["), std::string::npos) << scene.at_second(2);
  scene.frame(api::ExitHow::kExited, 0);
  EXPECT_EQ(scene.at_second(2), "[Succeeded Succeeded]");
}

// Its pod is found by the Job, and by nothing else.
TEST(Adoption, ItIsLookedAtOftenOnceItsJobIsGone) {
  Adopted scene;
  scene.job.reset();
  EXPECT_TRUE(scene.at_second(2).ends_with("@30")) << scene.at_second(2);
}

TEST(Adoption, AStandbyThatCouldNotStartTheModelCostsNoAttempt) {
  Adopted scene;
  scene.project.limits.attempts = 1;
  scene.frame(api::ExitHow::kNotStarted);
  scene.result->error = api::FrameError{"SandboxSetupFailed", "signal 9"};
  const auto plan = scene.plan(2);
  EXPECT_EQ(show(plan), "[Pending Retrying] delete:p-standby-x job:2");
  EXPECT_EQ(plan.status->provenance.start, "Cold");
  EXPECT_EQ(plan.status->provenance.cold_reason, "FurtherAttempt");
  EXPECT_EQ(plan.status->job_name, child_name(scene.run.meta, 2));
}

TEST(Adoption, AStandbyThatIsLostBeforeItsWorkCostsNoAttempt) {
  for (const bool awaits : {true, false}) {
    Adopted scene;
    scene.project.limits.attempts = 1;
    scene.pods.clear();
    scene.seen.awaits_work = awaits;
    scene.mark(Mark::kPodLost, 2);
    // Without that knowledge the model may have run, and is not run again.
    EXPECT_EQ(scene.at_second(60).find("job:2") != std::string::npos, awaits) << scene.at_second(60);
  }
}

TEST(Adoption, AStatusWithAJobNameThatIsAPathIsNotAnOperators) {
  Adopted scene;
  EXPECT_TRUE(is_sound(scene.observed(2)));
  for (const char* name : {"../x", "a/b", "..", "A"}) {
    scene.run.status.job_name = name;
    EXPECT_FALSE(is_sound(scene.observed(2))) << name;
  }
}

}  // namespace
}  // namespace modelrun::controller::testing
