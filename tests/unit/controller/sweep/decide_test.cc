// A sweep: observed → plan.
#include "controller/sweep/decide.h"

#include <gmock/gmock.h>

#include "api/reason.h"
#include "controller/run/limits.h"
#include "controller/sweep/status.h"

namespace modelrun::controller {
namespace {

using api::Phase;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Time kNow = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
const std::string kCommit(40, 'a');

// Three shards of 4, 4 and 2 points; two runs at a time.
struct SweepScene {
  api::ModelSweep sweep;
  SweepObserved seen;
  Settings settings;

  SweepScene() {
    sweep.meta.namespace_ = "n";
    sweep.meta.name = "grid";
    sweep.meta.uid = "12345678-0000";
    sweep.meta.generation = 1;
    sweep.spec.project = "p";
    sweep.spec.limits.parallelism = 2;
    seen.layout = std::make_shared<const SweepLayout>(SweepLayout{10, {{0, 4}, {4, 4}, {8, 2}}});
  }

  SweepRunView& run(const std::string& tail, Phase phase, std::int64_t succeeded = 0, std::int64_t failed = 0) {
    auto& view = seen.runs["grid-12345678-" + tail];
    view.uid = "uid-" + tail;
    view.phase = phase;
    view.succeeded = succeeded;
    view.failed = failed;
    view.commit = kCommit;
    if (phase == Phase::kFailed) view.error = api::RunError{"PointsFailed", "some failed"};
    if (phase == Phase::kTimedOut) view.error = api::RunError{"Timeout", "it took too long"};
    if (phase == Phase::kCancelled) view.error = api::RunError{"Cancelled", "it was cancelled"};
    return view;
  }

  SweepPlan decide() {
    seen.sweep = std::make_shared<const api::ModelSweep>(sweep);
    return decide_sweep(seen, kNow, settings);
  }
};

std::vector<std::string> made(const SweepPlan& plan) {
  std::vector<std::string> runs;
  for (const auto& action : plan.actions) {
    if (const auto* make = std::get_if<MakeSweepRun>(&action))
      runs.push_back(fmt::format("{} {}+{}", make->name, make->first, make->count));
  }
  return runs;
}

std::vector<std::string> told(const SweepPlan& plan) {
  std::vector<std::string> runs;
  for (const auto& action : plan.actions) {
    if (const auto* cancel = std::get_if<CancelSweepRun>(&action)) runs.push_back("cancel " + cancel->name);
    if (const auto* hold = std::get_if<SuspendSweepRun>(&action))
      runs.push_back((hold->suspend ? "suspend " : "resume ") + hold->name);
  }
  return runs;
}

std::string condition(const api::ModelSweepStatus& status) {
  const auto* found = api::find_condition(status.conditions, "Succeeded");
  return found == nullptr ? "" : found->reason;
}

TEST(DecideSweep, BeginsWithOneRunThatFindsTheCommit) {
  SweepScene scene;
  scene.sweep.spec.branch = "main";
  const auto plan = scene.decide();
  EXPECT_THAT(made(plan), ElementsAre("grid-12345678-0 0+4"));
  EXPECT_EQ(std::get<MakeSweepRun>(plan.actions[0]).commit, "");
  ASSERT_TRUE(plan.status);
  EXPECT_EQ(plan.status->phase, Phase::kPending);
  EXPECT_EQ(plan.status->points->total, 10);
  EXPECT_EQ(condition(*plan.status), "Resolving");
}

TEST(DecideSweep, WaitsUntilTheFirstRunHasTheCommit) {
  SweepScene scene;
  scene.run("0", Phase::kPending).commit.clear();
  const auto plan = scene.decide();
  EXPECT_THAT(made(plan), IsEmpty());
  EXPECT_EQ(condition(*plan.status), "Resolving");
}

TEST(DecideSweep, RecordsTheCommitAndGivesItToTheOthers) {
  SweepScene scene;
  scene.run("0", Phase::kPending);
  const auto plan = scene.decide();
  EXPECT_EQ(plan.status->commit_sha, kCommit);
  EXPECT_EQ(condition(*plan.status), "Starting");
  EXPECT_THAT(made(plan), ElementsAre("grid-12345678-1 4+4"));
  EXPECT_EQ(std::get<MakeSweepRun>(plan.actions[0]).commit, kCommit);
}

TEST(DecideSweep, NeverChangesTheCommit) {
  SweepScene scene;
  scene.sweep.status.commit_sha = std::string(40, 'b');
  scene.run("0", Phase::kPending);
  const auto plan = scene.decide();
  EXPECT_EQ(plan.status->commit_sha, std::string(40, 'b'));
  EXPECT_EQ(std::get<MakeSweepRun>(plan.actions[0]).commit, std::string(40, 'b'));
}

TEST(DecideSweep, OfANamedCommitBeginsWithAllRunsThatItMayHave) {
  SweepScene scene;
  scene.sweep.spec.commit_sha = std::string(40, 'A');
  const auto plan = scene.decide();
  EXPECT_THAT(made(plan), ElementsAre("grid-12345678-0 0+4", "grid-12345678-1 4+4"));
  EXPECT_EQ(plan.status->commit_sha, kCommit);
}

TEST(DecideSweep, MakesARunForEachThatHasEnded) {
  SweepScene scene;
  scene.run("0", Phase::kSucceeded, 4);
  scene.run("1", Phase::kRunning, 1);
  const auto plan = scene.decide();
  EXPECT_THAT(made(plan), ElementsAre("grid-12345678-2 8+2"));
  EXPECT_EQ(plan.status->points->succeeded, 5);
  EXPECT_EQ(plan.status->points->running, 1);
  EXPECT_EQ(plan.status->phase, Phase::kRunning);
  EXPECT_EQ(plan.status->started_at, kNow);
}

TEST(DecideSweep, BoundsTheTimeOfRunsByTheOperatorsCap) {
  struct Row {
    std::optional<std::int64_t> own, project;
    std::int64_t cap, point, run;
  };
  for (const auto& row : {Row{30, {}, 300, 30, 180}, Row{{}, 10, 300, 10, 100}, Row{{}, {}, 300, 300, 300},
                          Row{900, {}, 300, 300, 300}, Row{900, {}, 86'400, 900, 3'660}}) {
    SweepScene scene;
    scene.sweep.spec.limits.timeout_seconds = row.own;
    scene.seen.project_timeout = row.project;
    scene.settings.max_timeout_seconds = row.cap;
    const auto plan = scene.decide();
    const auto& make = std::get<MakeSweepRun>(plan.actions.at(0));
    EXPECT_EQ(make.point_timeout, row.point);
    EXPECT_EQ(make.timeout, row.run);
  }
}

TEST(DecideSweep, HasAnotherRunGoOnWhereOneRanOutOfTime) {
  SweepScene scene;
  scene.run("0", Phase::kTimedOut, 2, 1);
  scene.run("1", Phase::kRunning, 1);
  auto plan = scene.decide();
  EXPECT_THAT(made(plan), ElementsAre("grid-12345678-0-2 3+1"));
  EXPECT_EQ(plan.status->points->failed, 1);
  scene.run("0-2", Phase::kSucceeded, 1);
  plan = scene.decide();
  EXPECT_THAT(made(plan), ElementsAre("grid-12345678-2 8+2"));
  EXPECT_EQ(plan.status->points->succeeded, 4);
}

// A point that takes all the time that a run may have has failed, and the others go on.
TEST(DecideSweep, DoesNotTryAPointAgainThatTookAllTheTime) {
  SweepScene scene;
  scene.run("0", Phase::kTimedOut);
  scene.run("1", Phase::kRunning);
  const auto plan = scene.decide();
  EXPECT_THAT(made(plan), ElementsAre("grid-12345678-0-2 1+3"));
  EXPECT_EQ(plan.status->points->failed, 1);
}

TEST(DecideSweep, WritesProgressOnceASecond) {
  SweepScene scene;
  scene.run("0", Phase::kRunning, 1);
  scene.run("1", Phase::kRunning, 1);
  scene.sweep.status = *scene.decide().status;
  scene.seen.since_write = std::chrono::milliseconds(400);
  EXPECT_FALSE(scene.decide().status) << "nothing has changed";
  EXPECT_FALSE(scene.decide().requeue_after);
  scene.run("0", Phase::kRunning, 2);
  const auto plan = scene.decide();
  EXPECT_FALSE(plan.status);
  EXPECT_EQ(plan.requeue_after, std::chrono::milliseconds(1600));
  scene.seen.since_write = kProgressWrite;
  EXPECT_TRUE(scene.decide().status);
}

TEST(DecideSweep, TellsAtOnceWhatSomebodyWaitsFor) {
  SweepScene scene;
  scene.run("0", Phase::kRunning, 1);
  scene.sweep.status = *scene.decide().status;
  scene.seen.since_write = Duration::zero();
  scene.sweep.spec.suspend = true;
  scene.sweep.meta.generation = 2;
  ASSERT_TRUE(scene.decide().status);
  EXPECT_EQ(condition(*scene.decide().status), "Suspended");
}

TEST(DecideSweep, IsOverWhenAllRunsAre) {
  SweepScene scene;
  scene.run("0", Phase::kSucceeded, 4);
  scene.run("1", Phase::kFailed, 3, 1);
  scene.run("2", Phase::kSucceeded, 2);
  const auto plan = scene.decide();
  ASSERT_TRUE(plan.end);
  EXPECT_EQ(plan.end->phase, Phase::kSucceeded);
  EXPECT_EQ(plan.end->message, "9 of 10 points succeeded, 1 failed");
  EXPECT_FALSE(plan.status) << "there is one write, with the table";
}

TEST(DecideSweep, TellsWhatKeepsItFromItsEnd) {
  SweepScene scene;
  scene.run("0", Phase::kSucceeded, 4);
  scene.run("1", Phase::kSucceeded, 4);
  scene.run("2", Phase::kSucceeded, 2);
  scene.seen.trouble = SweepTrouble{"store the table: exceeded quota", true, kTellTrouble};
  const auto plan = scene.decide();
  ASSERT_TRUE(plan.end);
  ASSERT_TRUE(plan.status);
  EXPECT_EQ(condition(*plan.status), "Blocked");
  ASSERT_EQ(plan.events.size(), 2U) << "that it has started, and that it is blocked";
  EXPECT_THAT(plan.events.back().note, HasSubstr("exceeded quota"));
  scene.sweep.status = *plan.status;
  EXPECT_FALSE(scene.decide().status) << "once";
}

TEST(DecideSweep, HasFailedWithoutASuccess) {
  SweepScene scene;
  scene.run("0", Phase::kFailed, 0, 4);
  scene.run("1", Phase::kFailed, 0, 4);
  scene.run("2", Phase::kFailed, 0, 2);
  const auto plan = scene.decide();
  ASSERT_TRUE(plan.end);
  EXPECT_EQ(plan.end->phase, Phase::kFailed);
  EXPECT_EQ(plan.end->reason, "PointsFailed");
}

TEST(DecideSweep, CountsPointsThatTheirRunHasLost) {
  SweepScene scene;
  scene.run("0", Phase::kSucceeded, 4);
  scene.run("1", Phase::kFailed, 1).error = api::RunError{"NodeLost", "gone"};
  scene.run("2", Phase::kRunning);
  EXPECT_EQ(scene.decide().status->points->failed, 3);
}

TEST(DecideSweep, StopsWhenMorePointsFailThanMay) {
  SweepScene scene;
  scene.sweep.spec.limits.max_failed_points = 1;
  scene.run("0", Phase::kFailed, 0, 2);
  scene.run("1", Phase::kRunning, 1);
  auto plan = scene.decide();
  EXPECT_THAT(made(plan), IsEmpty());
  EXPECT_THAT(told(plan), ElementsAre("cancel grid-12345678-1"));
  EXPECT_EQ(condition(*plan.status), "Cancelling");
  EXPECT_EQ(plan.status->points->failed, 2) << "what the run did not come to has not failed";
  scene.run("1", Phase::kRunning, 1).cancel = true;
  EXPECT_THAT(told(scene.decide()), IsEmpty());
  scene.run("1", Phase::kCancelled, 1);
  plan = scene.decide();
  ASSERT_TRUE(plan.end);
  EXPECT_EQ(plan.end->phase, Phase::kFailed);
  EXPECT_EQ(plan.end->reason, "TooManyFailedPoints");
}

TEST(DecideSweep, BearsAsManyFailuresAsItMay) {
  SweepScene scene;
  scene.sweep.spec.limits.max_failed_points = 1;
  scene.run("0", Phase::kFailed, 3, 1);
  EXPECT_FALSE(made(scene.decide()).empty());
}

TEST(DecideSweep, IsCancelledWithItsRuns) {
  SweepScene scene;
  scene.run("0", Phase::kRunning, 1);
  scene.run("1", Phase::kPending);
  scene.sweep.spec.cancel = true;
  auto plan = scene.decide();
  EXPECT_THAT(told(plan), ElementsAre("cancel grid-12345678-0", "cancel grid-12345678-1"));
  EXPECT_THAT(made(plan), IsEmpty());
  EXPECT_FALSE(plan.end);
  scene.run("0", Phase::kCancelled, 1);
  scene.run("1", Phase::kCancelled);
  plan = scene.decide();
  ASSERT_TRUE(plan.end);
  EXPECT_EQ(plan.end->phase, Phase::kCancelled);
}

// Somebody's finalizer may hold a run that is being deleted for ever.
TEST(DecideSweep, DoesNotWaitForARunThatIsBeingDeleted) {
  SweepScene scene;
  scene.run("0", Phase::kRunning, 1).deleting = true;
  EXPECT_FALSE(scene.decide().end) << "it is made again when it is gone";
  scene.sweep.spec.cancel = true;
  EXPECT_TRUE(scene.decide().end);
  scene.run("1", Phase::kRunning);
  EXPECT_FALSE(scene.decide().end) << "the other one is to be stopped first";
}

TEST(DecideSweep, IsCancelledBeforeItHasRuns) {
  SweepScene scene;
  scene.sweep.spec.cancel = true;
  const auto plan = scene.decide();
  ASSERT_TRUE(plan.end);
  EXPECT_EQ(plan.end->phase, Phase::kCancelled);
}

TEST(DecideSweep, IsNotCancelledWhenNothingIsLeft) {
  SweepScene scene;
  scene.run("0", Phase::kSucceeded, 4);
  scene.run("1", Phase::kSucceeded, 4);
  scene.run("2", Phase::kSucceeded, 2);
  scene.sweep.spec.cancel = true;
  EXPECT_EQ(scene.decide().end->phase, Phase::kSucceeded);
}

TEST(DecideSweep, IsSuspendedAndResumedWithItsRuns) {
  SweepScene scene;
  scene.run("0", Phase::kRunning, 1);
  scene.sweep.spec.suspend = true;
  auto plan = scene.decide();
  EXPECT_THAT(told(plan), ElementsAre("suspend grid-12345678-0"));
  EXPECT_THAT(made(plan), IsEmpty());
  scene.run("0", Phase::kPending, 1).suspend = true;
  EXPECT_THAT(told(scene.decide()), IsEmpty());
  scene.sweep.spec.suspend = false;
  plan = scene.decide();
  EXPECT_THAT(told(plan), ElementsAre("resume grid-12345678-0"));
  EXPECT_THAT(made(plan), ElementsAre("grid-12345678-1 4+4"));
}

TEST(DecideSweep, MakesNoMoreRunsWhenTheFirstCouldNotBegin) {
  struct Row {
    const char* reason;
    Phase phase;
    bool commit;
    bool ends;
  };
  for (const auto& row :
       {Row{"RefNotFound", Phase::kFailed, false, true}, Row{"ImagePullFailed", Phase::kFailed, true, true},
        Row{"ProjectNotFound", Phase::kFailed, true, true}, Row{"Cancelled", Phase::kCancelled, false, true},
        Row{"Cancelled", Phase::kCancelled, true, false}, Row{"Timeout", Phase::kTimedOut, true, false}}) {
    SweepScene scene;
    auto& run = scene.run("0", row.phase);
    if (!row.commit) run.commit.clear();
    run.error = api::RunError{row.reason, "why"};
    const auto plan = scene.decide();
    ASSERT_EQ(plan.end.has_value(), row.ends) << row.reason;
    if (!row.ends) continue;
    EXPECT_EQ(plan.end->phase, row.phase);
    EXPECT_EQ(plan.end->reason, row.reason);
    EXPECT_THAT(plan.end->message, HasSubstr("run grid-12345678-0: why"));
  }
}

TEST(DecideSweep, GoesOnIfALaterRunCouldNotBegin) {
  SweepScene scene;
  scene.run("0", Phase::kSucceeded, 4);
  scene.run("1", Phase::kFailed).error = api::RunError{"Unschedulable", "no node"};
  const auto plan = scene.decide();
  EXPECT_THAT(made(plan), ElementsAre("grid-12345678-2 8+2"));
  EXPECT_EQ(plan.status->points->failed, 4);
}

TEST(DecideSweep, EndsIfItsSpaceIsWrong) {
  SweepScene scene;
  scene.seen.layout = nullptr;
  scene.seen.refusal = "space.grid: is empty";
  const auto plan = scene.decide();
  ASSERT_TRUE(plan.end);
  EXPECT_EQ(plan.end->reason, "InvalidSpec");
  EXPECT_FALSE(plan.end->table);
}

TEST(DecideSweep, SaysWhatIsInItsWayAndGivesUpWhenThatLasts) {
  SweepScene scene;
  scene.run("0", Phase::kRunning, 1);
  scene.seen.trouble = SweepTrouble{"a quota", true, std::chrono::seconds(4)};
  EXPECT_EQ(condition(*scene.decide().status), "Running");
  scene.seen.trouble->lasted = std::chrono::seconds(5);
  auto plan = scene.decide();
  EXPECT_EQ(condition(*plan.status), "Blocked");
  EXPECT_THAT(plan.status->message, HasSubstr("a quota"));
  ASSERT_EQ(plan.events.size(), 2U);
  EXPECT_EQ(plan.events[1].reason, "Blocked");
  scene.seen.trouble->lasted = kRefusedWait;
  EXPECT_EQ(scene.decide().give_up, "a quota");
  scene.seen.trouble->refused = false;
  EXPECT_FALSE(scene.decide().give_up) << "an API server that cannot be reached is waited for";
  scene.seen.trouble.reset();
  scene.seen.given_up = "a quota";
  plan = scene.decide();
  EXPECT_THAT(told(plan), ElementsAre("cancel grid-12345678-0"));
  scene.run("0", Phase::kCancelled, 1);
  plan = scene.decide();
  ASSERT_TRUE(plan.end);
  EXPECT_EQ(plan.end->reason, "Internal");
}

TEST(SweepStatus, TellsAboutTheEnd) {
  SweepScene scene;
  scene.run("0", Phase::kSucceeded, 4);
  scene.run("1", Phase::kSucceeded, 4);
  scene.run("2", Phase::kSucceeded, 2);
  const auto plan = scene.decide();
  const auto seen = survey(scene.seen);
  SweepResult result;
  result.rows = 10;
  result.succeeded = 10;
  result.ref = api::TableRef{{"a"}, "digest", 7, 10};
  const auto status = sweep_ended(scene.seen, &seen, *plan.end, &result, kNow);
  EXPECT_EQ(status.phase, Phase::kSucceeded);
  EXPECT_EQ(status.finished_at, kNow);
  EXPECT_EQ(status.table_ref->bytes, 7U);
  EXPECT_EQ(status.runs.size(), 3U);
  EXPECT_FALSE(status.error);
  EXPECT_EQ(api::find_condition(status.conditions, "Finished")->status, api::ConditionStatus::kTrue);
  EXPECT_EQ(api::find_condition(status.conditions, "Stalled"), nullptr);
  const auto least = least_of_sweep(status, "too large");
  EXPECT_TRUE(least.runs.empty());
  EXPECT_TRUE(least.table_ref);
  EXPECT_THAT(least.warning, HasSubstr("too large"));
}

TEST(SweepStatus, NamesAsManyRunsAsItHasRoomFor) {
  SweepScene scene;
  SweepLayout layout{3000, {}};
  for (std::size_t i = 0; i < 1000; ++i) {
    layout.shards.push_back({3 * i, 3});
    scene.run(std::to_string(i), Phase::kSucceeded, 3);
  }
  scene.run("999", Phase::kRunning, 1);
  scene.seen.layout = std::make_shared<const SweepLayout>(std::move(layout));
  const auto status = *scene.decide().status;
  EXPECT_EQ(status.runs.size(), kMaxShownRuns);
  EXPECT_EQ(status.points->succeeded, 2998);
}

TEST(WhyMissing, IsTheReasonOfTheRun) {
  SweepScene scene;
  scene.sweep.spec.limits.max_failed_points = 1;
  (void)scene.decide();
  const SweepEnd end{Phase::kFailed, "TooManyFailedPoints", "2 failed"};
  api::ModelRunStatus run;
  run.phase = Phase::kTimedOut;
  run.error = api::RunError{"Timeout", "slow"};
  EXPECT_EQ(why_missing(scene.seen, end, &run).reason, "Timeout");
  EXPECT_EQ(why_missing(scene.seen, end, &run).phase, Phase::kTimedOut);
  run.phase = Phase::kCancelled;
  EXPECT_EQ(why_missing(scene.seen, end, &run).reason, "TooManyFailedPoints");
  run.phase = Phase::kFailed;
  run.points = api::PointsStatus{4, 0, 2, {}};
  EXPECT_EQ(why_missing(scene.seen, end, &run).phase, Phase::kCancelled) << "it has stopped by itself";
  EXPECT_EQ(why_missing(scene.seen, end, nullptr).reason, "TooManyFailedPoints");
  run = {};
  run.phase = Phase::kSucceeded;
  EXPECT_EQ(why_missing(scene.seen, end, &run).reason, "Internal") << "somebody has deleted the row";
}

}  // namespace
}  // namespace modelrun::controller
