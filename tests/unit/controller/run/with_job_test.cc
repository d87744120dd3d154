// From the Job to the end: observed → plan.
#include <gmock/gmock.h>

#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using api::ContainerView;
using api::ExitHow;
using api::Phase;

constexpr const char* kJob1 = "forecast-12345678-1";

// ---- The Job ------------------------------------------------------------------------------------------------------

TEST(Job, IsMadeAgainAfterACrash) {
  Scene scene = Scene().pending();
  scene.job.reset();
  scene.seen.job_seen = scene.seen.children_ensured = false;
  EXPECT_EQ(scene.at_second(2), "job:1");
}

TEST(Job, IsLookedAtAgainAtOnce) {
  Scene scene;
  scene.resolved().admitted();
  EXPECT_EQ(scene.plan(2).requeue_after, kAtOnce) << "pinned";
  scene.pending();
  scene.seen.job.reset();
  scene.job.reset();
  scene.seen.job_seen = scene.seen.children_ensured = false;
  EXPECT_EQ(scene.plan(2).requeue_after, kAtOnce) << "made again";
  scene.seen.job_error = "exceeded quota";
  EXPECT_EQ(scene.plan(2).requeue_after, std::chrono::seconds(5)) << "not after a refusal";
  Scene lost;
  lost.pending().job->failed = true;
  lost.mark(Mark::kPodLost, 4);
  ASSERT_EQ(lost.plan(80).status->attempts, 2);
  EXPECT_EQ(lost.plan(80).requeue_after, kAtOnce) << "another attempt";
}

TEST(Job, ItsConfigMapIsSeenToAfterACrash) {
  Scene scene = Scene().pending().with_pod().claim("pod-a");
  scene.seen.children_ensured = false;
  EXPECT_EQ(scene.at_second(2), "job:1") << "the claim waits for it: the pod would mount anybody's";
  scene.seen.job_error = "ConfigMap x exists and is not this run's; delete it";
  EXPECT_EQ(scene.at_second(3), "[Pending Unschedulable] job:1 @5");
}

TEST(Job, SeenThenGone) {
  Scene scene = Scene().pending().with_pod();
  scene.job.reset();
  EXPECT_EQ(scene.at_second(2), std::string("[Failed JobDeleted] delete:") + kJob1);
}

TEST(Job, SomebodyElses) {
  Scene scene = Scene().pending();
  scene.job.reset();
  scene.seen.job_foreign = true;
  EXPECT_EQ(scene.at_second(2), "[Failed Internal]") << "and not deleted";
}

TEST(Job, RefusedByTheApiServer) {
  Scene scene = Scene().pending();
  scene.job.reset();
  scene.seen.job_seen = scene.seen.children_ensured = false;
  scene.seen.job_error = "exceeded quota";
  EXPECT_EQ(scene.at_second(1.5), "job:1 @1") << "tried again, not written yet";
  EXPECT_EQ(scene.at_second(10), "[Pending Unschedulable] job:1 @5");
  EXPECT_EQ(scene.at_second(601), std::string("[Failed Unschedulable]")) << "nothing to delete";
}

// ---- Pending ------------------------------------------------------------------------------------------------------

TEST(Pending, WaitsQuietly) {
  EXPECT_EQ(Scene().pending().mark(Mark::kRefusalRead, 2).at_second(2), "@5") << "the Job has no Pod yet";
  EXPECT_EQ(Scene().pending().with_pod().at_second(11), "@590");
}

TEST(Pending, Problems) {
  struct Case {
    const char* word;
    const char* plan;
  };
  const std::string failed = std::string("[Failed ImagePullFailed] delete:") + kJob1;
  for (const auto& [word, plan] : std::vector<Case>{{"ErrImagePull", "[Pending ImagePullFailed] @591"},
                                                    {"ImagePullBackOff", "[Pending ImagePullFailed] @591"},
                                                    {"ErrImageNeverPull", "[Pending ImagePullFailed] @591"},
                                                    {"InvalidImageName", failed.c_str()},
                                                    {"CreateContainerConfigError", "[Pending SandboxSetupFailed] @591"},
                                                    {"CreateContainerError", "[Pending SandboxSetupFailed] @591"},
                                                    {"RunContainerError", "[Pending SandboxSetupFailed] @591"},
                                                    {"ContainerCreating", "@591"}}) {
    for (auto container : {&api::PodView::agent, &api::PodView::model}) {
      Scene scene = Scene().pending().with_pod();
      (scene.pods[0].*container).state = ContainerView::State::kWaiting;
      (scene.pods[0].*container).reason = word;
      EXPECT_EQ(scene.at_second(10), plan) << word;
    }
  }
}

TEST(Pending, ANodeWithoutImageVolumes) {
  const auto scene_of = [](const char* message) {
    Scene scene = Scene().pending().with_pod().mark(Mark::kScheduled, 2);
    scene.pods[0].image_volume = true;
    scene.pods[0].model.state = ContainerView::State::kWaiting;
    scene.pods[0].model.reason = *message == '\0' ? "ContainerCreating" : "CreateContainerError";
    scene.pods[0].model.message = message;
    return scene;
  };
  const std::string again = std::string("avoid-image-volumes [Pending Retrying] delete:") + kJob1 + " job:2";
  for (const char* message :
       {"ImageVolumeMountFailed: no such snapshot",
        "failed to generate container spec: failed to mkdir \"\": mkdir : no such file or directory",
        "mount.HostPath is empty"}) {
    Scene scene = scene_of(message);
    EXPECT_EQ(scene.at_second(3), again) << message;
    EXPECT_THAT(scene.plan(3).events.at(0).note, ::testing::HasSubstr("node-of-pod-a cannot mount the agent's image"));
    scene.project.limits.attempts = 1;
    EXPECT_EQ(scene.at_second(3), again) << "it is not the run's attempt that failed";
    EXPECT_EQ(scene.plan(3).status->free_attempts, 1);
    scene.settings.image_volumes = ImageVolumes::kAlways;
    EXPECT_EQ(scene.at_second(3), "[Pending SandboxSetupFailed] @598");
    EXPECT_THAT(scene.plan(3).status->message, ::testing::HasSubstr("operator.imageVolumes"));
  }
  EXPECT_EQ(scene_of("OCI runtime create failed").at_second(3), "[Pending SandboxSetupFailed] @598");
}

// The runtime took the volume and cannot start what is in it. The agent does not know, and would wait long.
TEST(Pending, ARuntimeThatCannotStartOurProgramFromAnImageVolume) {
  Scene scene = Scene().pending().with_pod().mark(Mark::kScheduled, 2);
  scene.pods[0].agent.state = ContainerView::State::kRunning;
  scene.pods[0].model.state = ContainerView::State::kTerminated;
  scene.pods[0].model.reason = "StartError";
  scene.pods[0].model.message = "failed to load /modelrun/modelrun-sandbox: no such file or directory";
  EXPECT_EQ(scene.at_second(3), "@2") << "the pod has no such volume";
  scene.pods[0].image_volume = true;
  EXPECT_EQ(scene.at_second(3), std::string("avoid-image-volumes [Pending Retrying] delete:") + kJob1 + " job:2");
}

TEST(Pending, AttemptsThatAreFreeDoNotCount) {
  Scene scene = Scene().pending(2).with_pod();
  scene.project.limits.attempts = 2;
  scene.pods[0].disruption = "EvictionByEvictionAPI";
  scene.pods[0].phase = "Failed";
  scene.seen.durable_final = true;
  EXPECT_TRUE(is_final(scene.plan(20).status->phase));
  scene.run.status.free_attempts = 1;
  const auto plan = scene.plan(20);
  EXPECT_EQ(plan.status->attempts, 3);
  EXPECT_EQ(plan.status->free_attempts, 1);
  scene.run.status.attempts = 3;
  EXPECT_TRUE(is_final(scene.plan(20).status->phase));
}

TEST(Pending, AKubeletThatDoesNotKnowImageVolumes) {
  Scene scene = Scene().pending().with_pod().mark(Mark::kScheduled, 2);
  scene.pods[0].agent.state = scene.pods[0].model.state = ContainerView::State::kWaiting;
  EXPECT_EQ(scene.at_second(33), "@568") << "the pod has no such volume";
  scene.pods[0].image_volume = true;
  EXPECT_EQ(scene.at_second(3), "@29");
  EXPECT_EQ(scene.at_second(32), std::string("avoid-image-volumes [Pending Retrying] delete:") + kJob1 + " job:2");
  scene.pods[0].set_up = true;
  EXPECT_EQ(scene.at_second(33), "@568") << "it has mounted it";
}

TEST(Pending, NotScheduled) {
  Scene scene = Scene().pending().with_pod();
  scene.pods[0].scheduled = false;
  scene.pods[0].scheduling_message = "0/1 nodes are available";
  EXPECT_EQ(scene.at_second(1.5), "@1") << "most are scheduled by then";
  EXPECT_EQ(scene.at_second(10), "[Pending Unschedulable] @591");
  EXPECT_EQ(scene.plan(10).status->message, "0/1 nodes are available");
}

TEST(Pending, TheJobControllerMakesNoPod) {
  Scene scene = Scene().pending();
  EXPECT_EQ(scene.at_second(1.25), "@0.75") << "then it is looked up why";
  scene.mark(Mark::kRefusalRead, 2);
  EXPECT_EQ(scene.at_second(3), "@4") << "nothing was found; looked up again";
  scene.seen.pod_refusal = "no PriorityClass with name gone was found";
  EXPECT_EQ(scene.at_second(3), "[Pending Unschedulable] @4");
  EXPECT_THAT(scene.plan(3).status->message,
              ::testing::HasSubstr("cannot be created: no PriorityClass with name gone"));
  scene.mark(Mark::kRefusalRead, 100);
  EXPECT_EQ(scene.at_second(101), "[Pending Unschedulable] @24") << "ever less often";
  EXPECT_EQ(scene.at_second(601), std::string("[Failed Unschedulable] delete:") + kJob1);
}

TEST(Pending, SaysThatWhatWasInItsWayIsGone) {
  Scene scene = Scene().pending();
  scene.seen.pod_refusal = "exceeded quota";
  scene.run.status = *scene.mark(Mark::kRefusalRead, 2).plan(3).status;
  scene.with_pod();
  EXPECT_EQ(scene.at_second(10), "[Pending Starting] @591");
}

TEST(Pending, HasAClock) {
  Scene scene = Scene().pending().with_pod();
  scene.project.limits.pending_seconds = 30;
  EXPECT_EQ(scene.at_second(30.5), "@0.5");
  EXPECT_EQ(scene.at_second(31), std::string("[Failed PendingTimeout] delete:") + kJob1);
  scene.pods[0].scheduled = false;
  EXPECT_EQ(scene.at_second(31), std::string("[Failed Unschedulable] delete:") + kJob1);
  scene.claim("pod-a");
  EXPECT_EQ(scene.at_second(31), "[Running Running] @480") << "it has come after all";
}

TEST(Pending, ANodeThatDiesBeforeTheModelStarts) {
  Scene scene = Scene().pending().with_pod().deleting(20);
  EXPECT_EQ(scene.at_second(79), "@1");
  EXPECT_EQ(scene.at_second(80), std::string("[Pending Retrying] delete:") + kJob1 + " job:2");
}

TEST(Pending, Cancelled) {
  Scene scene = Scene().pending().with_pod().claim("pod-a");
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(2), std::string("[Cancelled Cancelled] delete:") + kJob1);
}

TEST(Pending, PodEndsWithoutClaiming) {
  Scene scene = Scene().pending().with_pod().agent_ended(1).model_ended(2, 128, "StartError");
  scene.pods[0].agent.message = "no run server";
  EXPECT_EQ(scene.at_second(3), "read-last:pod-a @5");
  scene.seen.durable_final = true;
  const Plan plan = scene.plan(4);
  EXPECT_EQ(show(plan), std::string("[Pending Retrying] delete:") + kJob1 + " job:2");
  EXPECT_EQ(plan.events.at(0).note,
            "attempt 1 was lost: the pod ended before the model started: no run server; starting attempt 2");
}

TEST(Pending, SetupFailureIsRetriedMissingEntryPointIsNot) {
  Scene scene = Scene().pending().with_pod().frame(ExitHow::kNotStarted);
  EXPECT_EQ(scene.at_second(3), std::string("[Pending Retrying] delete:") + kJob1 + " job:2");
  scene.result->error = api::FrameError{"EntryPointNotFound", "there is no run.py"};
  EXPECT_EQ(scene.at_second(3), "[Failed EntryPointNotFound]");
}

TEST(Pending, SetupFailureOfARunThatIsCancelledIsNotRetried) {
  Scene scene = Scene().pending().with_pod().frame(ExitHow::kNotStarted);
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(3), "[Failed SandboxSetupFailed]");
}

TEST(Pending, JobEndedAndLeftNoPod) {
  Scene scene = Scene().pending();
  scene.job->failed = true;
  EXPECT_EQ(scene.at_second(5), "!PodLost @2");
  scene.mark(Mark::kPodLost, 5);
  EXPECT_EQ(scene.at_second(6), "!PodLost @1");
  EXPECT_EQ(scene.at_second(7), std::string("[Pending Retrying] delete:") + kJob1 + " job:2");
}

// ---- Claims -------------------------------------------------------------------------------------------------------

TEST(Claims, TheFirstOfThisAttemptIsWrittenDown) {
  Scene scene = Scene().pending().with_pod().claim("pod-a");
  const Plan plan = scene.plan(3);
  EXPECT_EQ(show(plan), "[Running Running] @1078");
  EXPECT_EQ(plan.status->pod_name, "pod-a");
  EXPECT_EQ(plan.status->pod_uid, "pod-a-uid");
  EXPECT_EQ(plan.status->node_name, "node-of-pod-a");
  EXPECT_EQ(plan.status->started_at, at(3));
}

TEST(Claims, WaitForTheArchive) {
  Scene scene = Scene().pending().with_pod().claim("pod-a");
  scene.project.limits.pending_seconds = 100;
  scene.seen.source = {};
  EXPECT_EQ(scene.at_second(3), "hold @2") << "after a restart";
  scene.seen.source.state = SourceView::State::kFailed;
  scene.seen.source.error = {ErrorKind::kUnavailable, "no answer"};
  EXPECT_EQ(scene.at_second(3), "hold [Pending SourceUnreachable] @2");
  EXPECT_EQ(scene.at_second(101), std::string("[Failed SourceUnreachable] delete:") + kJob1);
  scene.seen.source.since_try = std::chrono::seconds(25);
  EXPECT_EQ(scene.at_second(101), "hold-now [Pending SourceUnreachable] @2") << "the last try is older than that";
  scene.seen.source.error = {ErrorKind::kNotFound, "no such commit"};
  EXPECT_EQ(scene.at_second(3), std::string("[Failed RefNotFound] delete:") + kJob1);
}

TEST(Claims, OfAnotherAttempt) {
  EXPECT_EQ(Scene().pending(2).with_pod().claim("pod-a", 1).at_second(11), "@590");
  EXPECT_EQ(Scene().pending(2).with_pod().claim("pod-a", 1).claim("pod-a", 2).at_second(11), "[Running Running] @1070");
}

TEST(Claims, ASecondPodGetsNothing) {
  Scene scene = Scene().running().with_pod("pod-b").claim("pod-b");
  EXPECT_EQ(scene.at_second(4), "@1077");
}

TEST(Claims, TheClaimantsNodeIsNoted) {
  Scene scene = Scene().pending().with_pod("pod-b").with_pod("pod-a").claim("pod-a");
  EXPECT_EQ(scene.plan(4).status->node_name, "node-of-pod-a") << "of two pods of a Job";
}

// ---- Running ------------------------------------------------------------------------------------------------------

TEST(Running, WaitsForThePush) {
  EXPECT_EQ(Scene().running().at_second(1000), "@81") << "the pod keeps the time";
}

TEST(Running, HasAClockOfItsOwn) {
  Scene scene = Scene().running();
  EXPECT_EQ(scene.at_second(1080), "@1");
  const Plan plan = scene.plan(1081);
  EXPECT_EQ(show(plan), std::string("[Pending Retrying] delete:") + kJob1 + " job:2")
      << "neither pod nor agent has said anything: the node is dead";
  scene.project.limits.attempts = 1;
  EXPECT_EQ(scene.at_second(1081), std::string("[Failed NodeLost] delete:") + kJob1);
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(1081), "cancel [Running Cancelling] !Cancel @20");
}

TEST(Running, SourceThatIsLost) {
  Scene scene = Scene().running();
  scene.project.limits.pending_seconds = 100;
  scene.seen.source_lost = Error{ErrorKind::kUnavailable, "no answer"};
  scene.mark(Mark::kSourceLost, 5);
  EXPECT_EQ(scene.at_second(6), "[Running SourceUnreachable] @99");
  EXPECT_EQ(scene.at_second(105), std::string("[Failed SourceUnreachable] delete:") + kJob1);
  scene.seen.source_lost = Error{ErrorKind::kNotFound, "no such commit"};
  EXPECT_EQ(scene.at_second(6), std::string("[Failed RefNotFound] delete:") + kJob1) << "at once";
  scene.frame(ExitHow::kExited, 0);
  EXPECT_EQ(scene.at_second(6), "[Succeeded Succeeded]") << "it was asked for again, after it had been given";
}

TEST(Running, SaysSoAgainWhenTheTroubleIsOver) {
  Scene scene = Scene().running();
  for (const auto why : {api::reason::kBlocked, api::reason::kSourceUnreachable}) {
    scene.run.status = waiting(scene.observed(), why, "no answer", at(5));
    EXPECT_EQ(scene.at_second(10), "[Running Running] @1071") << why;
    scene.run.status = *scene.plan(10).status;
    EXPECT_EQ(scene.at_second(20), "@1061") << "once";
  }
  scene = Scene().pending().with_pod();
  scene.run.status = waiting(scene.observed(), api::reason::kBlocked, "no answer", at(5));
  EXPECT_EQ(scene.at_second(11), "[Pending Starting] @590");
}

TEST(Running, FrameEndsIt) {
  Scene scene = Scene().running().frame(ExitHow::kExited, 0);
  const Plan plan = scene.plan(9);
  EXPECT_EQ(show(plan), "[Succeeded Succeeded]") << "Job and Pod stay for podSeconds";
  EXPECT_EQ(plan.status->started_at, at(3));
  EXPECT_EQ(plan.status->finished_at, at(7.5));
  EXPECT_EQ(plan.status->timeline.recorded, at(9));
  EXPECT_EQ(plan.status->exit_code, 0);
  EXPECT_EQ(plan.status->out, "hello\n");
  EXPECT_EQ(Scene().running().frame(ExitHow::kExited, 3).at_second(9), "[Failed NonZeroExit]");
}

// Lost in the pod, or with the full result that the API server refuses.
TEST(Running, LostArtifactsAreAWarningOrTheEnd) {
  for (const bool refused : {false, true}) {
    Scene scene = Scene().running().frame(ExitHow::kExited, 0);
    scene.result->outputs = api::JsonText::from_compact(R"({"a":1})");
    scene.result->artifacts = {{"kept.csv", 3, std::string(64, '0'), "text/csv", "abc"}};
    if (refused) {
      scene.seen.payload_refusals = kPayloadTries;
      scene.seen.payload_error = "exceeded quota";
    } else {
      scene.result->artifact_loss = "artifacts were not kept: 'lost.csv'";
    }
    const std::string cause = refused ? "exceeded quota" : "'lost.csv'";
    Plan plan = scene.plan(9);
    EXPECT_EQ(plan.status->phase, api::Phase::kSucceeded);
    EXPECT_THAT(plan.status->warning, ::testing::HasSubstr(cause));

    scene.run.spec.fail_on_artifact_loss = true;
    EXPECT_EQ(scene.plan(9).status->phase, api::Phase::kFailed) << "the run asks for it";
    scene.project.limits.fail_on_artifact_loss = true;
    scene.run.spec.fail_on_artifact_loss = false;
    EXPECT_EQ(scene.plan(9).status->phase, api::Phase::kSucceeded) << "the run does not want it";
    scene.run.spec.fail_on_artifact_loss.reset();
    plan = scene.plan(9);
    EXPECT_EQ(plan.status->phase, api::Phase::kFailed);
    ASSERT_TRUE(plan.status->error);
    EXPECT_EQ(plan.status->error->reason, "ArtifactsLost");
    EXPECT_THAT(plan.status->message, ::testing::HasSubstr(cause));
    EXPECT_THAT(plan.status->message, ::testing::HasSubstr("onArtifactLoss"));
    EXPECT_TRUE(plan.status->outputs) << "what was kept stays";
    EXPECT_EQ(plan.status->exit_code, 0);
    ASSERT_EQ(plan.status->artifacts.size(), 1U);
    EXPECT_EQ(plan.status->artifacts[0].stored, !refused);

    scene.result->artifact_loss.clear();
    scene.seen.payload_refusals = kPayloadTries - 1;
    EXPECT_EQ(scene.plan(9).status->phase, api::Phase::kSucceeded) << "nothing is lost yet";
    scene.result->exit.code = 3;
    scene.result->artifact_loss = "artifacts were not kept: 'lost.csv'";
    EXPECT_EQ(scene.plan(9).status->error->reason, "NonZeroExit") << "the model's own failure comes first";
  }
}

TEST(Running, FrameBeatsCancelSuspendAndDeletedProject) {
  Scene scene = Scene().running().frame(ExitHow::kExited, 0);
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(9), "[Succeeded Succeeded]");
  scene.run.spec.cancel = false;
  scene.run.spec.suspend = true;
  EXPECT_EQ(scene.at_second(9), "[Succeeded Succeeded]");
  scene.has_project = false;
  EXPECT_EQ(scene.at_second(9), "[Succeeded Succeeded]");
}

TEST(Running, LooksForTheDurableCopyWhenThePushIsLate) {
  Scene scene = Scene().running().model_ended(10);
  EXPECT_EQ(scene.at_second(11), "@1") << "the push may still come";
  EXPECT_EQ(scene.at_second(12), "read:pod-a @5");
  scene.mark(Mark::kDurableRead, 12);
  EXPECT_EQ(scene.at_second(13), "@4");
  EXPECT_EQ(scene.at_second(17), "read:pod-a @5");
  scene.agent_ended();
  EXPECT_EQ(scene.at_second(13), "read-last:pod-a @5") << "what is not there now never will be";
}

TEST(Running, NoResultAnywhere) {
  Scene scene = Scene().running().model_ended(10, 137, "Error").agent_ended(137);
  scene.seen.durable_final = true;
  EXPECT_EQ(scene.at_second(13), "[Failed Signaled]");
  scene.model_ended(10, 125, "Error");
  EXPECT_EQ(scene.at_second(13), "[Failed AgentLost]");
  scene.model_ended(10, 137, "OOMKilled");
  EXPECT_EQ(scene.at_second(13), "[Failed OOMKilled]");
}

TEST(Running, EvidenceWaitsForTheContainersStatus) {
  for (const auto how : {ExitHow::kLost, ExitHow::kTerminated}) {
    Scene scene = Scene().running().frame(how, {}, 15);
    EXPECT_EQ(scene.at_second(10), "!Evidence @30");
    scene.mark(Mark::kEvidence, 10);
    EXPECT_EQ(scene.at_second(39), "!Evidence @1");
    EXPECT_EQ(scene.at_second(40), "[Failed AgentLost]");
    scene.model_ended(10, 137, "OOMKilled");
    EXPECT_EQ(scene.at_second(11), "[Failed OOMKilled]") << "at once when it is there";
    EXPECT_EQ(scene.plan(11).status->out, "hello\n") << "what was printed is kept";
  }
}

// The kubelet tells of the containers of such a pod only when the agent has ended, which waits for its result to be
// taken.
TEST(Running, EvidenceOfAPodThatIsBeingDeletedIsEnough) {
  Scene scene = Scene().running().frame(ExitHow::kTerminated, {}, 15).deleting(10);
  EXPECT_EQ(scene.at_second(11), "[Failed PodDeleted]");
  EXPECT_EQ(scene.plan(11).status->out, "hello\n");
  scene.job.reset();
  EXPECT_EQ(scene.at_second(11), "[Failed JobDeleted]");
  scene = Scene().running().frame(ExitHow::kTerminated, {}, 15).deleting(10);
  scene.pods[0].disruption = "the node is drained";
  EXPECT_EQ(scene.at_second(11), std::string("[Pending Retrying] delete:") + kJob1 + " job:2");
  scene = Scene().running().frame(ExitHow::kLost, {}, 15).deleting(10);
  EXPECT_EQ(scene.at_second(11), "!Evidence @30") << "the agent does not know how the model ended";
}

TEST(Running, PodGone) {
  Scene scene = Scene().running();
  scene.pods.clear();
  EXPECT_EQ(scene.at_second(10), "!PodLost @2") << "its push may be on its way";
  scene.mark(Mark::kPodLost, 10);
  EXPECT_EQ(scene.at_second(12), "[Failed PodDeleted]");
  EXPECT_EQ(scene.plan(12).status->attempts, 1) << "the model had run: no second time";
  scene.job.reset();
  EXPECT_EQ(scene.at_second(12), "[Failed JobDeleted]");
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(12), "[Cancelled Cancelled]");
}

TEST(Running, OverduePodIsGivenUp) {
  struct Case {
    const char* disruption;
    const char* reason;
    bool retried;
  };
  for (const auto& [disruption, reason, retried] : std::vector<Case>{{"DeletionByTaintManager", "NodeLost", true},
                                                                     {"DeletionByPodGC", "NodeLost", true},
                                                                     {"EvictionByEvictionAPI", "Evicted", true},
                                                                     {"PreemptionByScheduler", "Evicted", true},
                                                                     {"", "NodeLost", true}}) {
    Scene scene = Scene().running();
    scene.pods[0].disruption = disruption;
    scene.deleting(20);
    EXPECT_EQ(scene.at_second(79), "@1") << "the agent may still push";
    const std::string retry = std::string("[Pending Retrying] delete:") + kJob1 + " job:2";
    EXPECT_EQ(scene.at_second(80), retried ? retry : fmt::format("[Failed {}]", reason)) << disruption;
    scene.project.limits.attempts = 1;
    EXPECT_EQ(scene.at_second(80), fmt::format("[Failed {}]", reason)) << "no attempt is left";
  }
}

TEST(Running, OverduePodWhoseModelHadEnded) {
  Scene scene = Scene().running().model_ended(10);
  scene.pods[0].disruption = "DeletionByTaintManager";
  scene.deleting(20);
  scene.mark(Mark::kDurableRead, 79);
  EXPECT_EQ(scene.at_second(80), "read-last:pod-a @5") << "its node answers no more: one last try";
  scene.seen.durable_final = true;
  EXPECT_EQ(scene.at_second(80), std::string("[Pending Retrying] delete:") + kJob1 + " job:2");
}

TEST(Running, LostIsNotRetriedWhenCancelled) {
  Scene scene = Scene().running();
  scene.pods[0].disruption = "EvictionByEvictionAPI";
  scene.pods[0].phase = "Failed";
  scene.seen.durable_final = true;
  EXPECT_EQ(scene.at_second(20), std::string("[Pending Retrying] delete:") + kJob1 + " job:2");
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.plan(20).after.size(), 0U);
  EXPECT_TRUE(is_final(scene.plan(20).status->phase));
}

Scene lost(Scene scene) {
  scene.pods[0].disruption = "EvictionByEvictionAPI";
  scene.pods[0].phase = "Failed";
  scene.seen.durable_final = true;
  return scene;
}

TEST(Running, LostIsRetriedWithTheSettingsItWasAdmittedWith) {
  const nlohmann::json first{{"runtime", {{"image", "python:2"}}}, {"data", {{"snapshotRef", "s"}}}};
  Scene scene = lost(Scene().project_spec(first).running());
  const auto admitted = scene.run.status;
  ASSERT_EQ(admitted.project_spec, first);
  scene.project_spec({{"runtime", {{"image", "python:3"}}}, {"limits", {{"attempts", 1}}}});
  const auto status = *scene.plan(20).status;
  EXPECT_EQ(scene.at_second(20), std::string("[Pending Retrying] delete:") + kJob1 + " job:2");
  EXPECT_EQ(status.project_spec, first);
  EXPECT_EQ(status.project_generation, admitted.project_generation);
  EXPECT_EQ(status.provenance.image, admitted.provenance.image);
  EXPECT_EQ(status.data_snapshot_ref, "s");
}

TEST(Running, AttemptsAreCountedByTheLimitItWasAdmittedWith) {
  Scene scene = lost(Scene().project_spec({{"limits", {{"attempts", 1}}}}).running());
  scene.project_spec({{"limits", {{"attempts", 9}}}});
  EXPECT_EQ(scene.at_second(20), "[Failed Evicted]");
}

TEST(Running, LostIsNotRetriedWhenItsProjectIsDeleted) {
  Scene scene = lost(Scene().project_spec({{"limits", {{"attempts", 2}}}}).running());
  scene.has_project = false;
  EXPECT_EQ(scene.at_second(20), "[Cancelled Cancelled]") << "the deletion is what would have ended it";
}

// As an operator left it that recorded no settings.
TEST(Running, LostIsNotRetriedWithOtherSettings) {
  Scene scene = lost(Scene().running());
  ASSERT_FALSE(scene.run.status.project_spec);
  ++scene.project.meta.generation;
  const auto status = *scene.plan(20).status;
  EXPECT_EQ(status.phase, Phase::kFailed);
  EXPECT_NE(status.message.find("has changed from generation"), std::string::npos) << status.message;
}

TEST(Running, RetryStartsClean) {
  Scene scene = Scene().running();
  scene.pods[0].disruption = "EvictionByEvictionAPI";
  scene.pods[0].phase = "Failed";
  scene.seen.durable_final = true;
  const auto status = *scene.plan(20).status;
  EXPECT_EQ(status.phase, Phase::kPending);
  EXPECT_EQ(status.attempts, 2);
  EXPECT_EQ(status.job_name, "forecast-12345678-2");
  EXPECT_EQ(status.run_number, 7);
  EXPECT_EQ(status.commit_sha, kCommit);
  EXPECT_EQ(status.pod_name + status.pod_uid + status.node_name, "");
  EXPECT_EQ(status.timeline.job_created, at(20));
  EXPECT_EQ(status.timeline.scheduled, std::nullopt);
  EXPECT_EQ(status.started_at, std::nullopt) << "the duration is that of the attempt that counts";
  EXPECT_EQ(status.timeline.started, std::nullopt);
}

TEST(Running, DeadlineOfThePodIsTheLastResort) {
  Scene scene = Scene().running();
  scene.pods[0].phase = "Failed";
  scene.pods[0].reason = "DeadlineExceeded";
  scene.seen.durable_final = true;
  EXPECT_EQ(scene.at_second(1000), "[TimedOut Timeout]");
}

TEST(Running, TimeoutIsTheOneItWasAdmittedWith) {
  Scene scene = Scene().project_spec({{"limits", {{"timeoutSeconds", 7}}}}).running();
  scene.project_spec({{"limits", {{"timeoutSeconds", 9}}}});
  const auto message = scene.frame(ExitHow::kTimedOut).plan(20).status->message;
  EXPECT_NE(message.find("7 s"), std::string::npos) << message;
}

TEST(Pending, WaitsAsLongAsItWasAdmittedFor) {
  Scene scene = Scene().project_spec({{"limits", {{"pendingSeconds", 100}}}}).pending();
  scene.project_spec({{"limits", {{"pendingSeconds", 5}}}});
  EXPECT_EQ(scene.with_pod().at_second(11), "@90");
  EXPECT_EQ(scene.at_second(101), std::string("[Failed PendingTimeout] delete:") + kJob1);
}

TEST(Ended, KeepsNoSettings) {
  Scene scene = Scene().project_spec({{"runtime", {{"image", "python:2"}}}}).running();
  ASSERT_TRUE(scene.run.status.project_spec);
  const auto status = *scene.frame(ExitHow::kExited, 0).plan(9).status;
  EXPECT_EQ(status.phase, Phase::kSucceeded);
  EXPECT_FALSE(status.project_spec) << "a finished run is kept for long";
  EXPECT_EQ(status.project_generation, scene.run.status.project_generation);
}

// ---- Cancel and suspend -------------------------------------------------------------------------------------------

TEST(Cancel, TellsTheAgentThenTheKubelet) {
  Scene scene = Scene().running();
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(10), "cancel [Running Cancelling] !Cancel @20");
  scene.mark(Mark::kCancel, 10);
  EXPECT_EQ(scene.at_second(25), "cancel [Running Cancelling] !Cancel @5");
  EXPECT_EQ(scene.at_second(30), std::string("cancel [Running Cancelling] delete:") + kJob1 + " !Cancel @20");
  EXPECT_EQ(scene.frame(ExitHow::kCancelled, {}, 15).at_second(31), "[Cancelled Cancelled]");
  EXPECT_EQ(scene.plan(31).status->exit_code, 143);
}

TEST(Cancel, OfADeletedProjectsRuns) {
  Scene scene = Scene().running();
  scene.has_project = false;
  EXPECT_EQ(scene.at_second(10), "cancel [Running Cancelling] !Cancel @20");
  EXPECT_EQ(scene.frame(ExitHow::kCancelled, {}, 15).plan(11).status->message,
            "cancelled because ModelProject p was deleted");
  scene.result->exit.how = ExitHow::kLost;
  EXPECT_EQ(scene.model_ended(11, 137).plan(12).status->message, "cancelled because ModelProject p was deleted");
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.plan(12).status->message, "cancelled by spec.cancel");
  scene = Scene().project_spec({{"limits", {{"attempts", 2}}}}).pending();
  scene.has_project = false;
  EXPECT_EQ(scene.at_second(10), std::string("[Cancelled Cancelled] delete:") + kJob1);
  EXPECT_EQ(scene.plan(10).status->message, "cancelled because ModelProject p was deleted, before the model started");
}

TEST(Suspend, EndsTheAttempt) {
  for (Scene scene : {Scene().running(), Scene().pending().with_pod()}) {
    scene.run.spec.suspend = true;
    const auto status = *scene.plan(10).status;
    EXPECT_EQ(status.phase, Phase::kPending);
    EXPECT_EQ(status.job_name + status.pod_name + status.pod_uid, "");
    EXPECT_EQ(status.attempts, 1) << "what comes is attempt 2";
    EXPECT_NE(scene.at_second(10).find(std::string("delete:") + kJob1), std::string::npos);
  }
}

TEST(Suspend, CancelWins) {
  Scene scene = Scene().running();
  scene.run.spec.suspend = scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(10), "cancel [Running Cancelling] !Cancel @20");
}

TEST(Pending, AStatusThatNoOperatorHasWritten) {
  const std::string refused = "[Failed Internal]";
  Scene scene = Scene().pending();
  scene.run.status.job_name = "somebody-elses";
  EXPECT_EQ(scene.at_second(2), refused) << "nothing is deleted by that name";
  scene = Scene().pending();
  scene.run.status.commit_sha.clear();
  scene.seen.source = {};
  EXPECT_EQ(scene.at_second(2), refused);
  scene = Scene().pending();
  scene.has_project = false;
  scene.run.status.project_uid.clear();
  scene.run.status.project_spec.reset();
  EXPECT_EQ(scene.at_second(2), refused);
}

TEST(Decide, EqualInputGivesAnEqualPlan) {
  const Scene scene = Scene().running().frame(ExitHow::kExited, 0);
  EXPECT_EQ(*scene.plan(9).status, *scene.plan(9).status);
  EXPECT_EQ(scene.at_second(9), scene.at_second(9));
}

}  // namespace
}  // namespace modelrun::controller::testing
