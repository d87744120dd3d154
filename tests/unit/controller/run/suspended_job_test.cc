// A run whose Job somebody suspends: a queue such as Kueue, or a person. Observed → plan.
#include <gtest/gtest.h>

#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using api::ExitHow;
using api::Phase;
namespace reason = api::reason;

const std::string kJob1 = "forecast-12345678-1";
const std::string kAgain = "[Pending Retrying] delete:" + kJob1 + " job:2";
constexpr int kDay = 24 * 60 * 60;

// Its Job has been suspended since its creation at second 1.
Scene queued() {
  Scene scene = Scene().pending().mark(Mark::kJobSuspended, 1);
  scene.job->suspended = true;
  scene.job->queue = "team-a";
  return scene;
}

// Its Job was suspended, and is not any more.
Scene resumed(Scene scene = queued()) {
  scene.job->suspended = false;
  scene.job->resumed = true;
  scene.marks.erase(Mark::kJobSuspended);
  return scene;
}

// Its model runs, and its Job has been suspended since second 20.
Scene preempted(Scene scene = Scene().running()) {
  scene.job->suspended = true;
  scene.job->resumed = true;
  return scene.mark(Mark::kJobSuspended, 20);
}

Scene reported(Scene scene, std::string_view reason) {
  scene.run.status = waiting(scene.observed(), reason, "", at(2));
  return scene;
}

// ---- Before the model ---------------------------------------------------------------------------------------------

TEST(JobSuspended, SaysWhatItWaitsForAfterASecond) {
  Scene scene = queued();
  EXPECT_EQ(scene.at_second(1.25), "~job @0.75") << "a queue with room resumes it at once";
  EXPECT_EQ(scene.at_second(2), "[Pending JobSuspended] ~job");
  EXPECT_NE(scene.plan(2).status->message.find("it waits in the queue team-a"), std::string::npos);
  scene.job->queue.clear();
  EXPECT_NE(scene.plan(2).status->message.find(kJob1 + " is suspended, and goes on when it is resumed"),
            std::string::npos);
}

TEST(JobSuspended, NoClockRuns) {
  EXPECT_EQ(queued().at_second(1e6), "[Pending JobSuspended] ~job") << "limits.pendingSeconds are long over";
  Scene scene = resumed().mark(Mark::kAttempt, 1e6).with_pod();
  EXPECT_EQ(scene.at_second(1e6 + 10), "@590") << "they begin when the Job is resumed";
}

TEST(JobSuspended, NoPodOfItIsLookedAt) {
  Scene scene = queued().with_pod().claim("pod-a");
  scene.deleting(3).model_ended(4).agent_ended();
  scene.pods[0].phase = "Failed";
  EXPECT_EQ(scene.at_second(5), "[Pending JobSuspended] ~job") << "neither permitted nor judged";
}

TEST(JobSuspended, ACancelEndsItAtOnce) {
  Scene scene = queued();
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(2), "[Cancelled Cancelled] delete:" + kJob1);
  scene.run.spec.cancel = false;
  scene.has_project = false;
  EXPECT_EQ(scene.at_second(2), "[Cancelled Cancelled] delete:" + kJob1) << "its project is gone";
}

TEST(JobSuspended, ItsRunCanBeSuspendedToo) {
  Scene scene = queued();
  scene.run.spec.suspend = true;
  EXPECT_EQ(scene.at_second(2), "[Pending Suspended] delete:" + kJob1 + " @0.001") << "it leaves the queue";
}

TEST(JobSuspended, ADeletedJobEndsIt) {
  Scene scene = queued();
  scene.job.reset();
  EXPECT_EQ(scene.at_second(2), "[Failed JobDeleted] delete:" + kJob1);
}

// A run that holds a slot keeps others waiting.
TEST(JobSuspended, ItsSlotIsNotHeldForEver) {
  Scene scene = queued();
  scene.project.limits.max_concurrent_runs = 1;
  EXPECT_EQ(scene.at_second(11), fmt::format("[Pending JobSuspended] ~job @{}", kDay - 10));
  EXPECT_EQ(scene.at_second(kDay + 1), "[Failed PendingTimeout] delete:" + kJob1);
  scene.project.limits.queue_seconds = 60;
  EXPECT_EQ(scene.at_second(11), "[Pending JobSuspended] ~job @50");
  EXPECT_EQ(scene.at_second(61), "[Failed PendingTimeout] delete:" + kJob1);
  EXPECT_NE(scene.plan(61).status->message.find("nobody has resumed it for 60 s"), std::string::npos);
  scene.project.limits.max_concurrent_runs.reset();
  EXPECT_EQ(scene.at_second(61), "[Failed PendingTimeout] delete:" + kJob1) << "its own bound";
}

TEST(JobSuspended, ItsConfigMapIsSeenToAfterACrash) {
  Scene scene = queued();
  scene.seen.children_ensured = false;
  EXPECT_EQ(scene.at_second(2), "[Pending JobSuspended] job:1 ~job");
  scene.seen.job_error = "failed calling webhook";
  EXPECT_EQ(scene.at_second(2), "[Pending JobSuspended] job:1 ~job @5");
  EXPECT_NE(scene.plan(2).status->message.find("failed calling webhook"), std::string::npos);
}

TEST(JobSuspended, TheTimeOfItsResumptionIsNoted) {
  Scene scene = resumed(reported(queued(), reason::kJobSuspended));
  EXPECT_EQ(scene.at_second(30), "[Pending Starting] @0.001");
  EXPECT_EQ(scene.plan(30).status->timeline.job_resumed, at(30));
  scene.claim("pod-a").with_pod();
  EXPECT_EQ(scene.at_second(30), "[Pending Starting] @0.001") << "before anything else";
  scene.run.status = *scene.plan(30).status;
  EXPECT_EQ(scene.plan(30).status->phase, Phase::kRunning);
  EXPECT_EQ(scene.plan(30).status->timeline.job_resumed, at(30));
}

TEST(JobSuspended, PodsOfTheTimeBeforeAreNotTheAttempts) {
  Scene scene = resumed().with_pod().claim("pod-a");
  scene.mark(Mark::kAttempt, 4).mark(Mark::kRefusalRead, 5).deleting(4);
  EXPECT_EQ(scene.at_second(5), "@5") << "not permitted, and its end is nobody's loss";
  scene.model_ended(5).agent_ended();
  scene.pods[0].phase = "Failed";
  EXPECT_EQ(scene.at_second(6), "@4");
  scene.with_pod("pod-b").claim("pod-b");
  EXPECT_EQ(scene.plan(6).status->pod_uid, "pod-b-uid");
  scene.job->resumed = false;
  scene.pods.pop_back();
  scene.seen.claims.clear();
  EXPECT_EQ(scene.at_second(6), "read-last:pod-a @5") << "of a Job that was never suspended, it is";
}

// ---- Under the model ----------------------------------------------------------------------------------------------

TEST(Preempted, IsSaidWhileTheModelIsBeingEnded) {
  Scene scene = preempted();
  EXPECT_TRUE(scene.at_second(21).starts_with("[Running Preempted] @")) << scene.at_second(21);
  scene = reported(scene, reason::kPreempted);
  scene.job->suspended = false;
  EXPECT_TRUE(scene.at_second(22).starts_with("[Running Running]")) << "resumed before its controller saw it";
  EXPECT_TRUE(scene.deleting(22).at_second(23).starts_with("[Running Preempted] @59")) << scene.at_second(23);
}

// Whoever has resumed it would wait in vain for a Job that nobody resumes.
TEST(Preempted, AJobThatWasResumedMeanwhileIsFollowedByOneThatStarts) {
  Scene scene = preempted();
  scene.job->suspended = false;
  scene.pods.clear();
  scene.mark(Mark::kPodLost, 22);
  EXPECT_EQ(scene.at_second(24), kAgain);
  EXPECT_EQ(scene.plan(24).status->preemptions, 1);
  EXPECT_FALSE(scene.plan(24).status->job_suspended);
  scene.project.limits.attempts = 1;
  EXPECT_EQ(scene.at_second(24), "[Failed Preempted] delete:" + kJob1);
}

TEST(Preempted, AnotherAttemptBeginsWhenThePodIsGone) {
  Scene scene = preempted();
  scene.pods.clear();
  EXPECT_EQ(scene.at_second(22), "!PodLost @2") << "its push may be on its way";
  scene.mark(Mark::kPodLost, 22);
  EXPECT_EQ(scene.at_second(24), kAgain);
  const auto plan = scene.plan(24);
  EXPECT_EQ(plan.status->attempts, 2);
  EXPECT_EQ(plan.status->free_attempts, 1) << "it is nobody's failure";
  EXPECT_EQ(plan.status->preemptions, 1);
  EXPECT_TRUE(plan.status->job_suspended) << "it waits for the same one";
  EXPECT_EQ(plan.status->job_name, child_name(scene.run.meta, 2));
  EXPECT_TRUE(plan.status->pod_uid.empty());
  ASSERT_EQ(plan.events.size(), 1U);
  EXPECT_EQ(plan.events[0].reason, "Preempted");
}

TEST(Preempted, AsOftenAsTheQueueLikes) {
  Scene scene = preempted(Scene().running(5));
  scene.run.status.free_attempts = 4;
  scene.run.status.preemptions = 4;
  scene.pods.clear();
  scene.mark(Mark::kPodLost, 22);
  EXPECT_EQ(scene.plan(24).status->attempts, 6);
  EXPECT_EQ(scene.plan(24).status->preemptions, 5);
}

TEST(Preempted, ARunThatMayBeExecutedOnceEnds) {
  Scene scene = preempted();
  scene.project.limits.attempts = 1;
  scene.pods.clear();
  scene.mark(Mark::kPodLost, 22);
  EXPECT_EQ(scene.at_second(24), "[Failed Preempted] delete:" + kJob1) << "its Job would go on otherwise";
  EXPECT_NE(scene.plan(24).status->message.find("limits.attempts does not let it"), std::string::npos);
  scene.seen.awaits_work = true;
  scene.run.status.provenance.start = api::kStartWarm;
  EXPECT_EQ(scene.plan(24).status->attempts, 2) << "its standby had no work yet";
}

TEST(Preempted, AResultThatIsThereCounts) {
  Scene scene = preempted().frame(ExitHow::kExited, 0);
  EXPECT_EQ(scene.at_second(22), "[Succeeded Succeeded] delete:" + kJob1) << "its Job would go on otherwise";
  EXPECT_EQ(preempted().frame(ExitHow::kExited, 3).at_second(22), "[Failed NonZeroExit] delete:" + kJob1);
}

TEST(Preempted, AResultThatWasCutShortDoesNot) {
  Scene scene = preempted().frame(ExitHow::kTerminated, {}, 15).deleting(20);
  EXPECT_EQ(scene.at_second(21), kAgain) << "at once: the agent waits for the answer";
  scene.model_ended(22).agent_ended();
  EXPECT_EQ(scene.at_second(23), kAgain);
  EXPECT_TRUE(scene.plan(23).status->out.empty());
  scene.project.limits.attempts = 1;
  EXPECT_EQ(scene.at_second(23), "[Failed Preempted] delete:" + kJob1);
  EXPECT_EQ(scene.plan(23).status->out, "hello\n") << "of a run that ends by it, it is shown";
}

TEST(Preempted, BeforeTheModelStartedItCostsNothingEither) {
  Scene scene = queued().frame(ExitHow::kNotStarted);
  scene.result->error = api::FrameError{"SandboxSetupFailed", "signal 15"};
  scene.project.limits.attempts = 1;
  EXPECT_EQ(scene.at_second(5), kAgain);
  EXPECT_EQ(scene.plan(5).status->free_attempts, 1);
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(5), "[Cancelled Cancelled] delete:" + kJob1);
  scene.run.spec.cancel = false;
  scene.job->suspended = false;
  EXPECT_EQ(scene.at_second(5), "[Failed SandboxSetupFailed]") << "without a suspension it is what it says";
}

TEST(Preempted, ACancelWins) {
  Scene scene = preempted();
  scene.run.spec.cancel = true;
  EXPECT_TRUE(scene.at_second(21).starts_with("cancel [Running Cancelling]")) << scene.at_second(21);
  scene.pods.clear();
  scene.mark(Mark::kPodLost, 22);
  EXPECT_EQ(scene.at_second(24), "[Cancelled Cancelled] delete:" + kJob1);
}

// The operator was away, or its watch behind, while the Job was suspended and resumed.
TEST(Preempted, IsKnownByASecondPodOfTheJob) {
  Scene scene = resumed(Scene().running());
  scene.pods.clear();
  EXPECT_EQ(scene.at_second(22), "!PodLost @30") << "the Job is about to fail, or to make another pod";
  scene.mark(Mark::kPodLost, 22);
  EXPECT_EQ(scene.at_second(52), "[Failed PodDeleted]") << "it did neither";
  Scene failed = scene;
  failed.job->failed = true;
  EXPECT_EQ(failed.at_second(24), "[Failed PodDeleted]") << "somebody deleted the pod";
  Scene going = resumed(Scene().running()).deleting(20).model_ended(21).agent_ended();
  going.pods[0].phase = "Failed";
  going.seen.durable_final = true;
  EXPECT_EQ(going.at_second(22), "!Evidence @30") << "its object may be there longer than its containers";
  going.job->failed = true;
  EXPECT_EQ(going.at_second(22), "[Failed PodDeleted]");
  scene.with_pod("pod-b");
  EXPECT_EQ(scene.at_second(24), kAgain);
  scene.project.limits.attempts = 1;
  EXPECT_EQ(scene.at_second(24), "[Failed Preempted] delete:" + kJob1) << "that pod would go on otherwise";
  scene.pods[0].meta.deletion = at(24);
  EXPECT_EQ(scene.at_second(24), "!PodLost @28") << "one that goes may be of the time before the recorded one";
}

TEST(Preempted, AJobThatHasFailedWasNot) {
  Scene scene = preempted();
  scene.job->failed = true;
  scene.pods.clear();
  scene.mark(Mark::kPodLost, 22);
  EXPECT_EQ(scene.at_second(24), "[Failed PodDeleted]") << "its pod had failed before";
}

TEST(Preempted, AnEvictedPodIsEvicted) {
  Scene scene = preempted().deleting(20);
  scene.pods[0].disruption = "EvictionByEvictionAPI";
  scene.pods[0].phase = "Failed";
  scene.seen.durable_final = true;
  EXPECT_EQ(scene.at_second(23), kAgain);
  EXPECT_EQ(scene.plan(23).status->free_attempts, 0);
  EXPECT_TRUE(scene.plan(23).status->job_suspended) << "the Job was suspended, whatever ended the pod";
  scene.job->suspended = false;
  EXPECT_FALSE(scene.plan(23).status->job_suspended);
}

TEST(Preempted, TheNextAttemptIsAsAnyOther) {
  Scene scene = preempted();
  scene.pods.clear();
  scene.mark(Mark::kPodLost, 22);
  scene.run.status = *scene.plan(24).status;
  scene.run.spec.suspend = true;
  scene.marks.clear();
  const auto held = scene.plan(25);
  EXPECT_EQ(show(held).substr(0, 19), "[Pending Suspended]");
  scene.run.status = *held.status;
  scene.run.spec.suspend = false;
  EXPECT_FALSE(scene.plan(30).status->job_suspended) << "a run that was resumed asks anew";
}

}  // namespace
}  // namespace modelrun::controller::testing
