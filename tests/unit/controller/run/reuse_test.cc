// spec.reuse: what identical means, and observed → plan of a run that finds another.
#include "controller/run/reuse.h"

#include <gtest/gtest.h>

#include <set>

#include "controller/caches/caches.h"
#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using api::Phase;
using api::Reuse;

constexpr const char* kIdentity = "sha256:0123456789abcdef";

// ---- Identity -----------------------------------------------------------------------------------------------------

struct Parts {
  Scene scene;
  std::string commit = kCommit;
  std::map<std::string, std::string> secrets = {{"key", "uid/5"}};
  [[nodiscard]] std::string identity() const {
    return identity_of(scene.run, scene.project, commit, secrets, scene.settings);
  }
};

TEST(Identity, IsOfEverythingThatCounts) {
  std::set<std::string> seen = {Parts().identity()};
  const auto differs = [&](const char* what, const std::function<void(Parts&)>& change) {
    Parts parts;
    change(parts);
    EXPECT_TRUE(seen.insert(parts.identity()).second) << what;
  };
  differs("namespace", [](Parts& p) { p.scene.run.meta.namespace_ = "m"; });
  differs("project", [](Parts& p) { p.scene.project.meta.uid = "another of the name"; });
  differs("generation", [](Parts& p) { ++p.scene.project.meta.generation; });
  differs("Secret", [](Parts& p) { p.secrets["key"] = "uid/6"; });
  differs("another Secret", [](Parts& p) { p.secrets["more"] = "uid/5"; });
  differs("commit", [](Parts& p) { p.commit = std::string(40, '2'); });
  differs("entry point", [](Parts& p) {
    p.scene.run.spec.scope = api::Scope::kModel;
    p.scene.run.spec.model_name = "revenue";
  });
  differs("no parameters are not {}", [](Parts& p) { p.scene.run.spec.parameters = nlohmann::json::object(); });
  differs("parameters", [](Parts& p) { p.scene.run.spec.parameters = {{"rate", 1}}; });
  differs("image", [](Parts& p) { p.scene.project.runtime.image = "python:2"; });
  differs("the operator's image", [](Parts& p) { p.scene.settings.default_image = "python:3"; });
  differs("snapshot", [](Parts& p) { p.scene.project.data.snapshot_ref = "s"; });
  differs("time-out", [](Parts& p) { p.scene.run.spec.timeout_seconds = 7; });
  differs("a loss is no failure", [](Parts& p) { p.scene.run.spec.fail_on_artifact_loss = false; });
  differs("a loss is a failure", [](Parts& p) { p.scene.run.spec.fail_on_artifact_loss = true; });
  differs("the operator's cap", [](Parts& p) { p.scene.settings.max_timeout_seconds = 8; });
}

TEST(Identity, IsNotOfTheRest) {
  Parts parts;
  parts.scene.run.meta.name = parts.scene.run.meta.uid = "another";
  parts.scene.run.spec.branch = "another of the same commit";
  parts.scene.run.spec.model_name = "ignored";
  parts.scene.run.spec.reuse = Reuse::kJoin;
  parts.scene.run.spec.timeout_seconds = kDefaultTimeoutSeconds;
  EXPECT_EQ(parts.identity(), Parts().identity());
}

TEST(Identity, OfParametersIsCanonical) {
  Parts one, two;
  one.scene.run.spec.parameters = nlohmann::json::parse(R"({"a":1.0,"b":2})");
  two.scene.run.spec.parameters = nlohmann::json::parse(R"({"b":2,"a":1})");
  EXPECT_EQ(one.identity(), two.identity());
}

TEST(Identity, NoneWithDataThatMayChange) {
  Parts parts;
  parts.scene.project.data.claim_name = "data";
  EXPECT_EQ(parts.identity(), "");
  parts.scene.project.data.snapshot_ref = "2026-04";
  EXPECT_NE(parts.identity(), "");
}

TEST(Identity, IsRecordedByThePin) {
  Scene scene = Scene().resolved().admitted();
  scene.seen.identity = kIdentity;
  EXPECT_EQ(scene.plan(2).status->identity, kIdentity);
}

TEST(Identity, StaysWithAWholeResult) {
  Scene scene = Scene().running().model_ended(9).frame(api::ExitHow::kExited, 0);
  scene.run.status.identity = kIdentity;
  EXPECT_EQ(scene.plan(10).status->identity, kIdentity);
  scene.result->partial = true;
  EXPECT_EQ(scene.plan(10).status->phase, Phase::kSucceeded);
  EXPECT_EQ(scene.plan(10).status->identity, "") << "nobody is to take this for the result";
}

// ---- What another run is good for ---------------------------------------------------------------------------------

api::ModelRun other_run(Phase phase, std::string_view why = {}) {
  api::ModelRun other;
  other.meta.namespace_ = "n";
  other.meta.name = "first";
  other.meta.uid = "first-uid";
  other.status.phase = phase;
  other.status.identity = kIdentity;
  other.status.run_number = 3;
  other.status.commit_sha = kCommit;
  other.status.branch = "main";
  other.status.message = "how it went";
  if (!why.empty()) other.status.error = api::RunError{std::string(why), "how it went"};
  if (phase == Phase::kTimedOut) other.status.exit_code = 143;
  return other;
}

TEST(UseOf, EachEnd) {
  struct Case {
    Phase phase;
    std::string_view why;
    Use join, reuse;
  };
  namespace reason = api::reason;
  for (const auto& [phase, why, join, reuse] :
       std::vector<Case>{{Phase::kSucceeded, {}, Use::kTake, Use::kTake},
                         {Phase::kFailed, reason::kNonZeroExit, Use::kTake, Use::kNone},
                         {Phase::kFailed, reason::kSignaled, Use::kTake, Use::kNone},
                         {Phase::kFailed, reason::kOOMKilled, Use::kTake, Use::kNone},
                         {Phase::kTimedOut, reason::kTimeout, Use::kTake, Use::kNone},
                         {Phase::kFailed, reason::kOutputsInvalid, Use::kTake, Use::kNone},
                         {Phase::kFailed, reason::kOutputsTooLarge, Use::kTake, Use::kNone},
                         {Phase::kFailed, reason::kEntryPointNotFound, Use::kTake, Use::kNone},
                         {Phase::kFailed, reason::kImagePullFailed, Use::kTake, Use::kNone},
                         {Phase::kFailed, reason::kUnschedulable, Use::kTake, Use::kNone},
                         {Phase::kFailed, reason::kPendingTimeout, Use::kTake, Use::kNone},
                         {Phase::kFailed, reason::kNodeLost, Use::kNone, Use::kNone},
                         {Phase::kFailed, reason::kEvicted, Use::kNone, Use::kNone},
                         {Phase::kFailed, reason::kJobDeleted, Use::kNone, Use::kNone},
                         {Phase::kFailed, reason::kAgentLost, Use::kNone, Use::kNone},
                         {Phase::kFailed, reason::kInternal, Use::kNone, Use::kNone},
                         {Phase::kCancelled, reason::kCancelled, Use::kNone, Use::kNone},
                         {Phase::kRunning, {}, Use::kWait, Use::kNone},
                         {Phase::kPending, {}, Use::kWait, Use::kNone}}) {
    const auto other = other_run(phase, why);
    EXPECT_EQ(use_of(other, kIdentity, Reuse::kJoin), join) << to_string(phase) << ' ' << why;
    EXPECT_EQ(use_of(other, kIdentity, Reuse::kReuse), reuse) << to_string(phase) << ' ' << why;
    EXPECT_EQ(use_of(other, kIdentity, Reuse::kNever), Use::kNone);
    EXPECT_EQ(use_of(other, "sha256:another", Reuse::kJoin), Use::kNone);
    EXPECT_EQ(use_of(other, "", Reuse::kJoin), Use::kNone);
  }
}

TEST(UseOf, OnesThatWillNotHaveAResult) {
  auto other = other_run(Phase::kRunning);
  other.spec.cancel = true;
  EXPECT_EQ(use_of(other, kIdentity, Reuse::kJoin), Use::kNone);
  other = other_run(Phase::kPending);
  other.spec.suspend = true;
  EXPECT_EQ(use_of(other, kIdentity, Reuse::kJoin), Use::kNone);
  other = other_run(Phase::kPending);
  other.status.reused_from = api::RunRef{"a third", "third-uid", 0};
  EXPECT_EQ(use_of(other, kIdentity, Reuse::kJoin), Use::kNone) << "it waits itself";
  other = other_run(Phase::kPending);
  other.status.job_name = "first-1";
  other.status.identity.clear();
  EXPECT_EQ(use_of(other, kIdentity, Reuse::kJoin), Use::kNone) << "admitted, and like no other";
  other = other_run(Phase::kTimedOut, "Timeout");
  other.status.exit_code.reset();
  EXPECT_EQ(use_of(other, kIdentity, Reuse::kJoin), Use::kNone) << "the pod's time, not the model's";
  other = other_run(Phase::kSucceeded);
  other.meta.deletion = at(1);
  EXPECT_EQ(use_of(other, kIdentity, Reuse::kJoin), Use::kNone);
}

TEST(UseOf, OneThatIsNotAdmittedYet) {
  auto other = other_run(Phase::kPending);
  other.status.identity.clear();
  EXPECT_EQ(use_of(other, kIdentity, Reuse::kJoin), Use::kWait);
  other.status.phase = Phase::kFailed;
  other.status.error = api::RunError{"PendingTimeout", ""};
  EXPECT_EQ(use_of(other, kIdentity, Reuse::kJoin), Use::kNone);
}

// ---- Plans --------------------------------------------------------------------------------------------------------

Scene joining() {
  Scene scene = Scene().resolved();
  scene.run.spec.reuse = Reuse::kJoin;
  scene.seen.identity = kIdentity;
  return scene;
}

Scene& sees(Scene& scene, const api::ModelRun& other) {
  scene.seen.other = {.run = std::make_shared<const api::ModelRun>(other)};
  return scene;
}

// Has waited since second 2.
Scene joined_to(const api::ModelRun& other) {
  Scene scene = joining();
  sees(scene, other);
  scene.run.status = *scene.plan(2).status;
  scene.seen.source = {};  // as after a restart
  return scene;
}

TEST(Join, TheFirstLeads) {
  EXPECT_EQ(joining().at_second(2), "lead admit [Pending Queued] ~slot");
  EXPECT_EQ(joining().at_second(0.5), "lead admit ~slot @0.5");
  EXPECT_EQ(joining().admitted().at_second(2), "[Pending Starting] job:1");
  Scene never = joining();
  never.run.spec.reuse = Reuse::kNever;
  EXPECT_EQ(never.at_second(2), "admit [Pending Queued] ~slot");
  Scene reuse = joining();
  reuse.project.runtime.image = "python@sha256:1";
  reuse.run.spec.reuse = Reuse::kReuse;
  EXPECT_EQ(reuse.at_second(2), "admit [Pending Queued] ~slot") << "others join it once it is admitted";
}

TEST(Join, WaitsForTheOther) {
  Scene scene = joining();
  sees(scene, other_run(Phase::kRunning));
  EXPECT_EQ(scene.at_second(0.1), "[Pending Joined] @30") << "at once: else the other's end would not wake it";
  const auto plan = scene.plan(2);
  const auto& status = *plan.status;
  EXPECT_EQ(status.reused_from, (api::RunRef{"first", "first-uid", 3}));
  EXPECT_EQ(status.identity, kIdentity);
  EXPECT_EQ(status.commit_sha, kCommit) << "whatever becomes of the branch";
  EXPECT_EQ(status.project_uid, "project-uid");
  EXPECT_EQ(status.run_number, 0);
  EXPECT_EQ(status.message, "waiting for the result of run first, which is identical");
  ASSERT_EQ(plan.events.size(), 1U);
  EXPECT_EQ(plan.events[0].reason, "Joined");
  scene.run.status = status;
  EXPECT_EQ(*scene.plan(20).status, status) << "no write";
  EXPECT_TRUE(scene.plan(20).events.empty()) << "said once";
}

TEST(Join, TakesTheResult) {
  auto other = other_run(Phase::kRunning);
  Scene scene = joined_to(other);
  other.status.phase = Phase::kSucceeded;
  other.status.exit_code = 0;
  other.status.out = "printed";
  other.status.outputs = nlohmann::json{{"answer", 42}};
  other.status.started_at = at(3);
  other.status.finished_at = at(8);
  other.status.timeline.started = at(3);
  other.status.warning = "2 artifacts were left out";
  other.status.project_generation = 3;
  other.status.provenance.image_id = "python@sha256:1";
  sees(scene, other);
  EXPECT_EQ(scene.at_second(9), "[Succeeded Succeeded]");
  const auto plan = scene.plan(9);
  const auto& status = *plan.status;
  EXPECT_EQ(status.exit_code, 0);
  EXPECT_EQ(status.out, "printed");
  EXPECT_EQ(status.outputs, other.status.outputs);
  EXPECT_EQ(status.started_at, at(3));
  EXPECT_EQ(status.finished_at, at(8));
  EXPECT_EQ(status.warning, other.status.warning);
  EXPECT_EQ(status.provenance, other.status.provenance);
  EXPECT_EQ(status.project_generation, 3);
  EXPECT_EQ(status.message, "as run first: how it went");
  EXPECT_EQ(status.reused_from->uid, "first-uid");
  EXPECT_EQ(status.identity, kIdentity);
  EXPECT_EQ(status.run_number, 0);
  EXPECT_EQ(status.attempts, 0);
  EXPECT_EQ(status.timeline.recorded, at(9));
  EXPECT_FALSE(status.timeline.started || status.timeline.resumed) << "its own way";
  EXPECT_EQ(plan.events.at(0).reason, "Reused");
}

TEST(Join, TakesAFailureOfTheModel) {
  auto other = other_run(Phase::kRunning);
  Scene scene = joined_to(other);
  other = other_run(Phase::kFailed, "NonZeroExit");
  other.status.exit_code = 3;
  sees(scene, other);
  EXPECT_EQ(scene.at_second(9), "[Failed NonZeroExit]");
  EXPECT_EQ(scene.plan(9).status->exit_code, 3);
  EXPECT_EQ(scene.plan(9).status->error->reason, "NonZeroExit");
}

TEST(Join, KeepsAFullResultOfItsOwn) {
  auto other = other_run(Phase::kRunning);
  Scene scene = joined_to(other);
  other.status.phase = Phase::kSucceeded;
  other.status.truncated = other.status.out_truncated = true;
  other.status.artifacts = {{"a.csv", 1, "", "text/csv", true}};
  other.status.result_ref = api::ResultRef{{"first-first-ui-1-12345678-1"}, "12345678", 1};
  sees(scene, other);
  api::ResultFrame full;
  full.run_uid = "first-uid";
  scene.seen.other.full = std::make_shared<const api::ResultFrame>(std::move(full));
  EXPECT_EQ(scene.at_second(9), "payload:1 [Succeeded Succeeded]");
  const auto status = *scene.plan(9).status;
  ASSERT_EQ(status.result_ref->config_maps.size(), 1U);
  EXPECT_TRUE(status.result_ref->config_maps[0].starts_with("forecast-12345678-0-"))
      << status.result_ref->config_maps[0];
  EXPECT_TRUE(status.truncated);
  scene.seen.payload_refusals = kPayloadTries - 1;
  scene.seen.payload_error = "exceeded quota";
  EXPECT_EQ(scene.at_second(9), "payload:1 [Succeeded Succeeded]") << "a quota may be free again by the next try";
  scene.seen.payload_refusals = kPayloadTries;
  EXPECT_EQ(scene.at_second(9), "[Succeeded Succeeded]") << "better than none";
  EXPECT_FALSE(scene.plan(9).status->result_ref);
  EXPECT_FALSE(scene.plan(9).status->artifacts.at(0).stored);
  EXPECT_NE(scene.plan(9).status->warning, "");
  EXPECT_EQ(scene.plan(9).status->identity, "") << "nobody is to take this for the result";
  api::ResultFrame with_file = *scene.seen.other.full;
  with_file.artifacts = {{"a.csv", 3, std::string(64, '0'), "text/csv", "abc"}};
  scene.seen.other.full = std::make_shared<const api::ResultFrame>(std::move(with_file));
  scene.project.limits.fail_on_artifact_loss = true;
  EXPECT_EQ(scene.at_second(9), "[Failed ArtifactsLost]") << "its own copy of the artifacts was not kept";
}

TEST(Join, GoesOnAloneWhenTheOtherIsOfNoUse) {
  Scene scene = joined_to(other_run(Phase::kRunning));
  scene.seen.other = {};
  EXPECT_EQ(scene.at_second(400), "resolve [Pending Resolving] @30");
  scene.resolved();
  scene.project.limits.queue_seconds = 50;
  EXPECT_EQ(scene.at_second(400), "[Pending Queued] @30") << "it cannot lead while it is known to follow";
  scene.run.status = *scene.plan(400).status;
  EXPECT_FALSE(scene.run.status.reused_from);
  EXPECT_EQ(scene.run.status.project_uid, "") << "it may be another one when it is admitted";
  EXPECT_EQ(scene.at_second(400), "lead admit [Pending Queued] ~slot @50") << "the queue's clock begins now";
  EXPECT_EQ(scene.run.status.identity, "") << "the project may change before it is admitted";
  EXPECT_EQ(scene.run.status.timeline.resumed, at(400));
  EXPECT_EQ(scene.at_second(440), "lead admit [Pending Queued] ~slot @10");
  EXPECT_EQ(scene.at_second(450), "[Failed PendingTimeout]");
}

TEST(Join, ChangesToAnother) {
  Scene scene = joined_to(other_run(Phase::kRunning));
  auto next = other_run(Phase::kRunning);
  next.meta.name = next.meta.uid = "second";
  sees(scene, next);
  const auto plan = scene.plan(5);
  EXPECT_EQ(show(plan), "[Pending Joined] @30");
  EXPECT_EQ(plan.status->reused_from->uid, "second");
  EXPECT_EQ(plan.events.at(0).reason, "Joined");
}

TEST(Join, CancelSuspendAndTheProjectComeFirst) {
  const auto other = other_run(Phase::kRunning);
  Scene scene = joined_to(other);
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(5), "[Cancelled Cancelled]");
  EXPECT_FALSE(scene.plan(5).status->reused_from) << "it is nobody's result";
  scene = joined_to(other);
  scene.run.spec.suspend = true;
  EXPECT_EQ(scene.at_second(5), "[Pending Suspended] ~spec");
  EXPECT_FALSE(scene.plan(5).status->reused_from);
  scene = joined_to(other);
  scene.project.suspend = true;
  EXPECT_EQ(scene.at_second(5), "[Pending Suspended] ~spec");
  scene = joined_to(other);
  scene.has_project = false;
  EXPECT_EQ(scene.at_second(5), "[Cancelled Cancelled]");
}

TEST(Reuse, WantsAnImageThatCannotChange) {
  Scene scene = joining();
  scene.run.spec.reuse = Reuse::kReuse;
  EXPECT_EQ(scene.at_second(0), "[Failed InvalidSpec]");
  EXPECT_EQ(scene.plan(0).status->error->message,
            "spec.reuse is Reuse, but image python:1 has no digest, so what is behind its name may change: give "
            "spec.runtime.image of ModelProject p with @sha256:..., or use Join");
  scene.run.status.attempts = 1;
  EXPECT_EQ(scene.at_second(2), "admit [Pending Queued] ~slot") << "resumed: it runs itself, whatever the image";
  scene.run.status.attempts = 0;
  scene.settings.default_image = "python@sha256:1";
  EXPECT_EQ(scene.at_second(2), "admit [Pending Queued] ~slot");
}

TEST(Reuse, TakesAResultAtOnce) {
  Scene scene = joining();
  scene.settings.default_image = "python@sha256:1";
  scene.run.spec.reuse = Reuse::kReuse;
  sees(scene, other_run(Phase::kSucceeded));
  EXPECT_EQ(scene.at_second(0.1), "[Succeeded Succeeded]");
  EXPECT_EQ(scene.plan(0.1).status->commit_sha, kCommit);
}

TEST(Reuse, NamesTheRunThatRan) {
  Scene scene = joining();
  auto other = other_run(Phase::kSucceeded);
  other.status.reused_from = api::RunRef{"origin", "origin-uid", 1};
  other.status.message = "as run origin: done";
  sees(scene, other);
  EXPECT_EQ(scene.plan(2).status->reused_from->uid, "origin-uid");
  EXPECT_EQ(scene.plan(2).status->message, "as run origin: done");
}

TEST(Reuse, WithoutEffectIsSaid) {
  for (const auto wish : {Reuse::kJoin, Reuse::kReuse, Reuse::kNever}) {
    Scene scene = joining().admitted();
    scene.settings.default_image = "python@sha256:1";
    scene.run.spec.reuse = wish;
    scene.project.data.claim_name = "data";
    scene.seen.identity.clear();
    const auto warning = scene.plan(2).status->warning;
    EXPECT_EQ(warning.find("data without data.snapshotRef") != std::string::npos, wish != Reuse::kNever) << warning;
    scene.run.spec.timeout_seconds = 1000;
    EXPECT_NE(scene.plan(2).status->warning.find("was lowered to 300"), std::string::npos) << "both are said";
  }
}

// ---- The cache ----------------------------------------------------------------------------------------------------

TEST(Record, ATakenResultIsAsOldAsTheRun) {
  auto run = other_run(Phase::kSucceeded);
  run.status.finished_at = at(5);
  run.status.timeline.recorded = at(9);
  EXPECT_EQ(make_record(run).finished_at, at(5));
  run.status.reused_from = api::RunRef{"origin", "origin-uid", 1};
  EXPECT_EQ(make_record(run).finished_at, at(9)) << "else history would delete it at once";
}

TEST(Record, FoundByIdentity) {
  const auto key = [](const api::ModelRun& run) { return make_record(run).identity; };
  EXPECT_EQ(key(other_run(Phase::kSucceeded)), "0123456789abcde");
  EXPECT_EQ(key(other_run(Phase::kRunning)), "0123456789abcde");
  EXPECT_EQ(key(other_run(Phase::kFailed, "NonZeroExit")), "") << "nobody takes it after its end";
  auto follower = other_run(Phase::kPending);
  follower.status.reused_from = api::RunRef{"origin", "origin-uid", 1};
  EXPECT_EQ(key(follower), "") << "nobody joins it";
  EXPECT_EQ(key(api::ModelRun{}), "");
}

}  // namespace
}  // namespace modelrun::controller::testing
