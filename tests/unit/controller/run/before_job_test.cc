// Before the Job: observed → plan.
#include <gtest/gtest.h>

#include "controller/end_times.h"
#include "fakes/manual_clock.h"
#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using api::Phase;
using State = SourceView::State;

Scene failed_source(ErrorKind kind) {
  Scene scene;
  scene.seen.source.state = State::kFailed;
  scene.seen.source.error = {kind, "git says no"};
  return scene;
}

TEST(Start, ResolvesFirst) {
  EXPECT_EQ(Scene().at_second(0.25), "resolve @0.75") << "a wait of less than a second is not written";
  EXPECT_EQ(Scene().at_second(1), "resolve [Pending Resolving] @30");
}

TEST(Start, ShortWaitsAreWrittenOnceSomethingStands) {
  Scene scene;
  scene.run.status = *scene.plan(1).status;
  scene.seen.source.state = State::kWorking;
  scene.run.meta.creation = at(5);  // young again: only what is unwritten waits for its second
  EXPECT_EQ(scene.at_second(5.1), "[Pending Resolving] @30");
}

TEST(Start, AnUnchangedWaitIsNoWrite) {
  Scene scene;
  scene.seen.source.state = State::kWorking;
  scene.run.status = *scene.plan(1).status;
  EXPECT_EQ(*scene.plan(20).status, scene.run.status);
}

TEST(Start, ProjectThatIsNotThereYet) {
  Scene scene;
  scene.has_project = false;
  EXPECT_EQ(scene.at_second(0.5), "@0.5");
  EXPECT_EQ(scene.at_second(2), "[Pending ProjectNotFound] @58");
  EXPECT_EQ(scene.at_second(59.5), "[Pending ProjectNotFound] @0.5");
  EXPECT_EQ(scene.at_second(60), "[Failed ProjectNotFound]");
  const auto status = *scene.plan(60).status;
  EXPECT_EQ(status.error->message, "there is no ModelProject p in namespace n: create it, then run again");
  EXPECT_EQ(status.exit_code, std::nullopt);
  EXPECT_EQ(status.finished_at, at(60));
}

TEST(Start, ProjectDeletedAfterThePin) {
  Scene scene;
  scene.run.status.project_uid = "project-uid";
  scene.has_project = false;
  EXPECT_EQ(scene.at_second(2), "[Cancelled Cancelled]");
  scene.has_project = true;
  scene.project.meta.uid = "another of the same name";
  EXPECT_EQ(scene.at_second(2), "[Cancelled Cancelled]");
  scene.project.meta.uid = "project-uid";
  scene.project.meta.deletion = at(1);
  EXPECT_EQ(scene.at_second(2), "[Cancelled Cancelled]");
}

TEST(Start, NoAttemptHasANumberThatWouldNotBeReadBack) {
  Scene scene;
  scene.resolved().admitted();
  scene.run.status.attempts = api::kMaxAttempts - 1;
  EXPECT_EQ(scene.plan(2).status->attempts, api::kMaxAttempts);
  scene.run.status.attempts = api::kMaxAttempts;
  EXPECT_EQ(scene.at_second(2), "[Failed Internal]");
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(2), "[Cancelled Cancelled]");
}

TEST(Start, Suspended) {
  Scene scene;
  scene.resolved().admitted();
  scene.run.spec.suspend = true;
  EXPECT_EQ(scene.at_second(2), "[Pending Suspended] ~spec");
  EXPECT_EQ(scene.plan(2).status->message, "spec.suspend is true");
  scene.run.spec.suspend = false;
  scene.project.suspend = true;
  EXPECT_EQ(scene.plan(1'000'000).status->message, "the project's spec.suspend is true") << "no clock";
}

TEST(Start, QueuedSinceItBeganToWaitForItsSlot) {
  Scene scene;
  scene.resolved();
  const auto waits = scene.plan(2).status;
  ASSERT_TRUE(waits);
  EXPECT_EQ(waits->timeline.queued, at(2));
  scene.run.status = *waits;
  scene.admitted();
  const auto pinned = scene.plan(7).status;
  ASSERT_TRUE(pinned);
  EXPECT_EQ(pinned->attempts, 1);
  EXPECT_EQ(pinned->timeline.queued, at(2));
}

TEST(Start, CancelWinsOverEveryWait) {
  Scene missing;
  missing.has_project = false;
  Scene queued = Scene().resolved();
  Scene suspended;
  suspended.run.spec.suspend = true;
  for (Scene scene :
       {Scene(), missing, queued, suspended, failed_source(ErrorKind::kUnavailable), Scene().resolved().admitted()}) {
    scene.run.spec.cancel = true;
    EXPECT_EQ(scene.at_second(0.1), "[Cancelled Cancelled]");
  }
}

TEST(Start, SpecThatCannotRun) {
  Scene scene;
  scene.run.spec.scope = api::Scope::kModel;
  EXPECT_EQ(scene.at_second(0), "[Failed InvalidSpec]");
  scene = Scene().resolved().admitted();
  scene.seen.env_error = "Secret s may not be seen";
  EXPECT_EQ(scene.at_second(0), "[Failed InvalidSpec]");
}

TEST(Start, ParametersUnder64KiB) {
  Scene scene;
  const auto with_bytes = [](std::size_t bytes) {
    return nlohmann::json{{"k", std::string(bytes - std::string(R"({"k":""})").size(), 'x')}};
  };
  scene.run.spec.parameters = with_bytes(kMaxParameterBytes - 1);
  ASSERT_EQ(scene.run.spec.parameters->size(), kMaxParameterBytes - 1);
  EXPECT_EQ(scene.at_second(1), "resolve [Pending Resolving] @30");
  scene.run.spec.parameters = with_bytes(kMaxParameterBytes);
  EXPECT_EQ(scene.at_second(1), "[Failed InvalidParameters]");
}

TEST(Start, SourceFailures) {
  struct Case {
    ErrorKind kind;
    const char* plan;
  };
  for (const auto& [kind, plan] : std::vector<Case>{{ErrorKind::kNotFound, "[Failed RefNotFound]"},
                                                    {ErrorKind::kDenied, "[Failed SourceDenied]"},
                                                    {ErrorKind::kTooLarge, "[Failed SourceTooLarge]"},
                                                    {ErrorKind::kInvalid, "[Failed InvalidSpec]"},
                                                    {ErrorKind::kUnavailable, "resolve [Pending SourceUnreachable] @2"},
                                                    {ErrorKind::kTimeout, "resolve [Pending SourceUnreachable] @2"},
                                                    {ErrorKind::kInternal, "resolve [Pending SourceUnreachable] @2"}}) {
    EXPECT_EQ(failed_source(kind).at_second(5), plan) << to_string(kind);
  }
}

TEST(Start, UnreachableSourceIsTriedForPendingSeconds) {
  Scene scene = failed_source(ErrorKind::kUnavailable);
  scene.project.limits.pending_seconds = 100;
  EXPECT_EQ(scene.at_second(99), "resolve [Pending SourceUnreachable] @1");
  EXPECT_EQ(scene.at_second(100), "[Failed SourceUnreachable]");
}

TEST(Start, AnUnreachableSourceIsTriedOnceMoreWhenTheTimeIsOver) {
  Scene scene = failed_source(ErrorKind::kUnavailable);
  scene.project.limits.pending_seconds = 100;
  scene.seen.source.since_try = std::chrono::seconds(25);
  EXPECT_EQ(scene.at_second(99), "resolve [Pending SourceUnreachable] @1");
  EXPECT_EQ(scene.at_second(100), "resolve-now [Pending SourceUnreachable] @2");
  scene.seen.source.since_try = std::chrono::seconds(3);
  EXPECT_EQ(scene.at_second(104), "[Failed SourceUnreachable]") << "the try that was begun at 101 s has failed";
  scene.seen.source.since_try = std::chrono::seconds(90);
  EXPECT_EQ(scene.at_second(159), "resolve-now [Pending SourceUnreachable] @2");
  EXPECT_EQ(scene.at_second(160), "[Failed SourceUnreachable]") << "the last try does not end";
}

Scene suspended(double seconds) {
  Scene scene;
  scene.run.spec.suspend = true;
  scene.run.status = *scene.plan(seconds).status;
  scene.run.spec.suspend = false;
  return scene;
}

TEST(Start, SuspendedTimeDoesNotCountForTheSource) {
  Scene scene = suspended(5);
  scene.seen.source = failed_source(ErrorKind::kUnavailable).seen.source;
  scene.project.limits.pending_seconds = 100;
  EXPECT_EQ(scene.at_second(1000), "resolve [Pending SourceUnreachable] @2") << "resumed just now";
  scene.run.status = *scene.plan(1000).status;
  EXPECT_EQ(scene.run.status.timeline.resumed, at(1000));
  EXPECT_EQ(scene.at_second(1099), "resolve [Pending SourceUnreachable] @1");
  EXPECT_EQ(scene.at_second(1100), "[Failed SourceUnreachable]");
}

TEST(Start, SuspendedTimeDoesNotCountForTheQueue) {
  Scene scene = suspended(5).resolved();
  scene.project.limits.queue_seconds = 50;
  scene.run.status = *scene.plan(1000).status;
  EXPECT_EQ(scene.at_second(1040), "admit [Pending Queued] ~slot @10");
  EXPECT_EQ(scene.at_second(1050), "[Failed PendingTimeout]");
  EXPECT_EQ(scene.plan(1040).status->timeline.resumed, at(1000)) << "once";
}

TEST(Start, SuspendedWhileItRanCountsFromItsResumption) {
  Scene scene = Scene().running();
  scene.run.spec.suspend = true;
  scene.run.status = *scene.plan(10).status;
  EXPECT_EQ(scene.at_second(5000), "[Pending Suspended] ~spec");
  scene.run.spec.suspend = false;
  scene.seen.source = failed_source(ErrorKind::kUnavailable).seen.source;
  EXPECT_EQ(scene.at_second(5000), "resolve [Pending SourceUnreachable] @2");
}

TEST(Start, CancelledWhileSuspendedIsNotResumed) {
  Scene scene = suspended(5);
  scene.run.spec.suspend = scene.run.spec.cancel = true;
  EXPECT_FALSE(scene.plan(10).status->timeline.resumed);
}

TEST(Start, EntryPointMissing) {
  Scene scene = Scene().resolved().admitted();
  scene.seen.source.has_entry_point = false;
  EXPECT_EQ(scene.at_second(0), "[Failed EntryPointNotFound]");
  scene.run.spec.scope = api::Scope::kModel;
  scene.run.spec.model_name = "revenue";
  EXPECT_EQ(scene.plan(0).status->message, fmt::format("commit {} has no file model/revenue.py", kCommit));
}

TEST(Start, AnEndBeforeThePinSaysWhatIsKnown) {
  Scene no_entry_point = Scene().resolved();
  no_entry_point.seen.source.has_entry_point = false;
  auto status = *no_entry_point.plan(5).status;
  EXPECT_EQ(status.error->reason, "EntryPointNotFound");
  EXPECT_EQ(status.commit_sha, kCommit);
  EXPECT_EQ(status.branch, "main");
  EXPECT_EQ(status.timeline.resolved, at(5));
  EXPECT_EQ(status.provenance.source_digest, "sha256:" + std::string(64, 'a'));
  EXPECT_EQ(status.project_uid, "project-uid");
  EXPECT_EQ(status.project_generation, 3);
  EXPECT_EQ(status.run_number, 0) << "it had none";
  EXPECT_EQ(status.attempts, 0);

  Scene too_large = failed_source(ErrorKind::kTooLarge);
  too_large.seen.source.commit = kCommit;
  too_large.seen.source.branch = "main";
  status = *too_large.plan(5).status;
  EXPECT_EQ(status.commit_sha, kCommit);
  EXPECT_EQ(status.provenance.source_digest, "") << "there is no archive";

  Scene admitted = Scene().resolved().admitted(7);
  admitted.run.spec.cancel = true;
  status = *admitted.plan(5).status;
  EXPECT_EQ(status.commit_sha, kCommit);
  EXPECT_EQ(status.run_number, 7) << "it is nobody else's";

  Scene unresolved;
  unresolved.run.spec.cancel = true;
  status = *unresolved.plan(5).status;
  EXPECT_EQ(status.commit_sha, "");
  EXPECT_FALSE(status.timeline.resolved);
  EXPECT_EQ(status.project_generation, 3);
}

TEST(Start, ACommitThatIsPinnedStays) {
  Scene scene = Scene().running();
  scene.run.spec.suspend = true;
  scene.run.status = *scene.plan(10).status;
  scene.seen.source.commit = std::string(40, '2');
  scene.project.meta.generation = 9;
  scene.run.spec.cancel = true;
  const auto status = *scene.plan(20).status;
  EXPECT_EQ(status.commit_sha, kCommit);
  EXPECT_EQ(status.project_generation, 3);
  EXPECT_EQ(status.run_number, 7);
}

TEST(Start, AsksForASlot) {
  Scene scene = Scene().resolved();
  EXPECT_EQ(scene.at_second(0.5), "admit ~slot @0.5");
  EXPECT_EQ(scene.at_second(1'000'000), "admit [Pending Queued] ~slot") << "no clock by default";
  scene.project.limits.queue_seconds = 50;
  EXPECT_EQ(scene.at_second(40), "admit [Pending Queued] ~slot @10");
  EXPECT_EQ(scene.at_second(50), "[Failed PendingTimeout]");
}

TEST(Start, PinsTheCommitBeforeTheJob) {
  Scene scene = Scene().resolved().admitted(7);
  scene.project.data.snapshot_ref = "snap-1";
  const Plan plan = scene.plan(0.2);
  EXPECT_EQ(show(plan), "[Pending Starting] job:1");
  EXPECT_TRUE(plan.before.empty()) << "the Job comes after the status";
  EXPECT_EQ(plan.status->commit_sha, kCommit);
  EXPECT_EQ(plan.status->branch, "main");
  EXPECT_EQ(plan.status->run_number, 7);
  EXPECT_EQ(plan.status->attempts, 1);
  EXPECT_EQ(plan.status->job_name, "forecast-12345678-1");
  EXPECT_EQ(plan.status->project_uid, "project-uid");
  EXPECT_EQ(plan.status->project_generation, 3);
  EXPECT_EQ(plan.status->data_snapshot_ref, "snap-1");
  EXPECT_EQ(plan.status->run_id, scene.run.meta.uid);
  EXPECT_EQ(plan.status->provenance.image, "python:1");
  EXPECT_EQ(plan.status->provenance.source_digest, "sha256:" + std::string(64, 'a'));
  EXPECT_EQ(plan.status->provenance.parameters_digest, "");
}

TEST(Start, RecordsWhatRulesTheRun) {
  Scene scene = Scene().resolved().admitted();
  const nlohmann::json rules{{"source", {{"git", {{"url", "https://git.example/p.git"}}}}},
                             {"runtime", {{"image", "python:2"}, {"env", {{{"name", "A"}, {"value", "1"}}}}}},
                             {"limits", {{"attempts", 2}}},
                             {"data", {{"snapshotRef", "s"}}}};
  auto spec = rules;
  spec["history"] = {{"podSeconds", 1}};
  spec["suspend"] = false;
  const auto status = *scene.project_spec(spec).plan(1).status;
  EXPECT_EQ(status.project_spec, rules) << "history and suspend are those of the day";
  EXPECT_EQ(status.project_generation, 4);
}

TEST(Start, NotWithThePriorityOfTheClustersOwnPods) {
  for (const char* name : {"system-node-critical", "system-cluster-critical", "system-other"}) {
    Scene scene = Scene().resolved().admitted();
    scene.project.runtime.priority_class_name = name;
    EXPECT_EQ(scene.at_second(1), "[Failed InvalidSpec]") << name;
  }
  Scene scene = Scene().resolved().admitted();
  scene.project.runtime.priority_class_name = "batch-system-low";
  EXPECT_EQ(scene.at_second(1), "[Pending Starting] job:1");
}

TEST(Start, SettingsUnder256KiB) {
  Scene scene = Scene().resolved().admitted();
  const auto with_bytes = [](std::size_t bytes) {
    return nlohmann::json{{"k", std::string(bytes - std::string(R"({"k":""})").size(), 'x')}};
  };
  EXPECT_EQ(scene.project_spec(with_bytes(api::kMaxSettingsBytes - 1)).at_second(1), "[Pending Starting] job:1");
  EXPECT_EQ(scene.project_spec(with_bytes(api::kMaxSettingsBytes)).at_second(1), "[Failed InvalidSpec]");
}

TEST(Start, ResumedRunTakesTheSettingsOfThatMoment) {
  Scene scene = Scene().project_spec({{"runtime", {{"image", "python:2"}}}}).running();
  scene.run.spec.suspend = true;
  scene.run.status = *scene.plan(10).status;
  scene.run.spec.suspend = false;
  const nlohmann::json next{{"runtime", {{"image", "python:3"}}}, {"data", {{"snapshotRef", "s"}}}};
  const auto status = *scene.project_spec(next).plan(20).status;
  EXPECT_EQ(status.project_spec, next);
  EXPECT_EQ(status.project_generation, 5);
  EXPECT_EQ(status.provenance.image, "python:3");
  EXPECT_EQ(status.data_snapshot_ref, "s");
  EXPECT_EQ(status.commit_sha, kCommit);
}

TEST(Start, ResumedRunKeepsNumberAndCommit) {
  Scene scene = Scene().running();
  scene.run.spec.suspend = true;
  scene.run.status = *scene.plan(10).status;
  EXPECT_EQ(scene.run.status.phase, Phase::kPending);
  scene.run.spec.suspend = false;
  scene.seen.source.commit = std::string(40, '2');  // the branch has moved
  scene.seen.admitted_number = 99;
  const Plan plan = scene.plan(20);
  EXPECT_EQ(show(plan), "[Pending Retrying] job:2");
  EXPECT_EQ(plan.status->run_number, 7);
  EXPECT_EQ(plan.status->commit_sha, kCommit);
}

TEST(Start, TimeoutOverTheCapIsLowered) {
  Scene scene = Scene().resolved().admitted();
  scene.run.spec.timeout_seconds = 300;
  EXPECT_EQ(scene.plan(0).status->warning, "");
  scene.run.spec.timeout_seconds = 301;
  EXPECT_EQ(scene.plan(0).status->warning,
            "spec.timeoutSeconds 301 was lowered to 300, the operator's --max-timeout-seconds");
  EXPECT_EQ(timeout_seconds(scene.run.spec, scene.project.limits, scene.settings), 300);
}

TEST(Start, WarnsOfABranchThatIsNotLookedAtAndOfWhatTheCommitLacks) {
  Scene scene = Scene().resolved().admitted();
  scene.run.spec.branch = "main";
  EXPECT_EQ(scene.plan(0).status->warning, "");
  scene.run.spec.commit_sha = kCommit;
  scene.seen.source.branch.clear();
  EXPECT_EQ(scene.plan(0).status->warning,
            "spec.branch 'main' was not looked at: spec.commitSHA says which commit runs");
  EXPECT_EQ(scene.plan(0).status->branch, "");
  scene.run.spec.branch.clear();
  scene.seen.source.warning = "the commit has submodules";
  EXPECT_EQ(scene.plan(0).status->warning, "the commit has submodules");
}

TEST(Start, WarnsOfAParameterThatAClientHasChanged) {
  Scene scene = Scene().resolved().admitted();
  scene.run.spec.parameters = nlohmann::json::parse(R"({"n": 7, "id": 123456789012345678901234567890})");
  EXPECT_EQ(
      scene.plan(0).status->warning,
      "spec.parameters/id has 1.2345678901234568e+29, which was rounded before it came here: write it as text, in "
      "quotes");
  scene.run.spec.parameters->drop_text();  // as the operator's cache holds it
  EXPECT_NE(scene.plan(0).status->warning, "");
  scene.run.spec.parameters = nlohmann::json::parse(R"({"n": 7, "x": 1e30, "id": "123456789012345678901234567890"})");
  EXPECT_EQ(scene.plan(0).status->warning, "");
}

TEST(Start, TimeoutOfTheProjectOverTheCapIsLowered) {
  Scene scene = Scene().resolved().admitted();
  scene.project.limits.timeout_seconds = 600;
  EXPECT_EQ(scene.plan(0).status->warning,
            "limits.timeoutSeconds 600 of ModelProject p was lowered to 300, the operator's --max-timeout-seconds");
  scene.run.spec.timeout_seconds = 60;
  EXPECT_EQ(scene.plan(0).status->warning, "") << "the run has its own";
}

TEST(Start, TimeoutInForce) {
  Scene scene;
  EXPECT_EQ(timeout_seconds(scene.run.spec, scene.project.limits, scene.settings), 300);
  scene.project.limits.timeout_seconds = 60;
  EXPECT_EQ(timeout_seconds(scene.run.spec, scene.project.limits, scene.settings), 60);
  scene.run.spec.timeout_seconds = 120;
  EXPECT_EQ(timeout_seconds(scene.run.spec, scene.project.limits, scene.settings), 120);
}

TEST(Finished, JobGoesAfterPodSecondsRunAfterItsTtl) {
  FinishedRun run{.finished_at = at(0), .managed = true, .has_job = true, .job_name = "j", .history = {}};
  run.history.pod_seconds = 10;
  const auto at_second = [&](double seconds) {
    run.ended_for = at(seconds) - at(0);
    return show(decide_finished(run, at(seconds)));
  };
  EXPECT_EQ(at_second(4), "@6");
  EXPECT_EQ(at_second(10), "delete:j");
  run.history.ttl_seconds = 60;
  EXPECT_EQ(at_second(4), "@6");
  EXPECT_EQ(at_second(10), "delete:j @50");
  EXPECT_EQ(at_second(60), "delete:j delete-run");
  run.has_job = false;
  EXPECT_EQ(at_second(10), "@50");
  run.managed = false;
  EXPECT_EQ(at_second(1'000'000), "") << "GitOps would apply it again";
}

TEST(Finished, NoClockThatIsSetKeepsAJob) {
  fakes::ManualSteadyClock steady;
  EndTimes ends(steady);
  EXPECT_EQ(ends.since_end("a", std::chrono::seconds(5)), std::chrono::seconds(5));
  steady.advance(std::chrono::seconds(3));
  EXPECT_EQ(ends.since_end("a", std::chrono::hours(-1)), std::chrono::seconds(8)) << "set back";
  EXPECT_EQ(ends.since_end("a", std::chrono::hours(1)), std::chrono::seconds(8)) << "set forward";
  EXPECT_EQ(ends.since_end("b", std::chrono::seconds(-120)), Duration::zero()) << "a node's clock is ahead";
  ends.forget("a");
  EXPECT_EQ(ends.since_end("a", std::chrono::seconds(1)), std::chrono::seconds(1));
}

}  // namespace
}  // namespace modelrun::controller::testing
