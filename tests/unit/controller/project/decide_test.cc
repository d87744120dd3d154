#include "controller/project/decide.h"

#include <gmock/gmock.h>

#include "controller/slot_queue.h"
#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using ::testing::ElementsAre;

SlotRequest candidate(const std::string& name, double created = 0) {
  return {name + "-uid", name, at(created)};
}

// "a=1 b=2 queued:1 last:2"
std::string show(const api::ModelProjectStatus& status) {
  std::string text;
  for (const auto& run : status.active) text += fmt::format("{}={} ", run.name, run.number);
  return text + fmt::format("queued:{} last:{}", status.queued_runs, status.last_run_number);
}

class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() { project_.status.observed_generation = project_.meta.generation = 1; }
  void active(const std::string& name, std::int64_t number) {
    project_.status.active.push_back({name + "-uid", name, number});
    project_.status.last_run_number = std::max(project_.status.last_run_number, number);
  }
  std::string admitted(std::vector<SlotRequest> waiting) { return show(next(std::move(waiting))); }
  api::ModelProjectStatus next(std::vector<SlotRequest> waiting, std::optional<BranchProbe> probe = {}) {
    ProjectObserved observed;
    observed.project = std::make_shared<const api::ModelProject>(project_);
    observed.waiting = std::move(waiting);
    observed.over = over_;
    observed.highest_number = highest_;
    observed.probe = std::move(probe);
    return admit(observed, at(1));
  }
  api::ModelProject project_;
  std::set<std::string> over_;
  std::int64_t highest_ = 0;
};

TEST_F(AdmissionTest, NumbersRiseFromOne) {
  EXPECT_EQ(admitted({candidate("a"), candidate("b")}), "a=1 b=2 queued:0 last:2");
  active("x", 4);
  EXPECT_EQ(admitted({candidate("a")}), "x=4 a=5 queued:0 last:5");
}

TEST_F(AdmissionTest, NumbersAreNeverGivenAgain) {
  highest_ = 40;  // the project's status was lost, its runs were not
  EXPECT_EQ(admitted({candidate("a")}), "a=41 queued:0 last:41");
  project_.status.last_run_number = 90;  // those runs were deleted
  EXPECT_EQ(admitted({candidate("a")}), "a=91 queued:0 last:91");
}

TEST_F(AdmissionTest, UpToTheLimit) {
  project_.limits.max_concurrent_runs = 2;
  EXPECT_EQ(admitted({candidate("a"), candidate("b"), candidate("c")}), "a=1 b=2 queued:1 last:2");
  active("x", 1);
  active("y", 2);
  EXPECT_EQ(admitted({candidate("a")}), "x=1 y=2 queued:1 last:2");
  over_ = {"x-uid"};
  EXPECT_EQ(admitted({candidate("a"), candidate("b")}), "y=2 a=3 queued:1 last:3");
}

TEST_F(AdmissionTest, LoweredLimitTakesNothingBack) {
  active("x", 1);
  active("y", 2);
  project_.limits.max_concurrent_runs = 1;
  EXPECT_EQ(admitted({candidate("a")}), "x=1 y=2 queued:1 last:2");
}

TEST_F(AdmissionTest, AskingTwiceGivesOneNumber) {
  active("a", 1);
  EXPECT_EQ(admitted({candidate("a")}), "a=1 queued:0 last:1");
}

TEST_F(AdmissionTest, RunThatWasSuspendedKeepsItsNumber) {
  active("x", 5);
  auto resumed = candidate("a");
  resumed.number = 3;
  resumed.generation = 4;
  EXPECT_EQ(admitted({resumed, candidate("b", 1)}), "x=5 a=3 b=6 queued:0 last:6");
  EXPECT_EQ(next({resumed}).active.back().generation, 4);
  active("a", 3);
  over_ = {"a-uid"};  // its slot is of the time before; in the same write it gets another
  EXPECT_EQ(admitted({resumed}), "x=5 a=3 queued:0 last:5");
}

TEST(HasLost, TheSlotOfARunThatWasSuspendedAndHasNoJob) {
  api::ModelRun run;
  run.meta.generation = 2;
  const auto lost = [&](std::int64_t generation) { return has_lost({"uid", "a", 1, generation}, run); };
  EXPECT_TRUE(lost(1));
  EXPECT_FALSE(lost(2)) << "admitted as it is now";
  EXPECT_FALSE(lost(3)) << "the run is the cache's, and the cache is behind";
  EXPECT_FALSE(lost(0)) << "of an operator that did not say";
  run.status.job_name = "a-1";
  EXPECT_FALSE(lost(1)) << "as long as the status names a Job";
}

TEST_F(AdmissionTest, NothingToDoIsNoChange) {
  active("a", 1);
  highest_ = 1;
  EXPECT_EQ(next({}), project_.status);
}

TEST_F(AdmissionTest, ReadyFollowsTheProbe) {
  BranchProbe probe;
  const auto ready = [&] {
    const auto status = next({}, probe);
    const auto* condition = api::find_condition(status.conditions, "Ready");
    return condition == nullptr ? "none" : condition->status == api::ConditionStatus::kTrue ? "True" : "False";
  };
  EXPECT_STREQ(ready(), "none");
  probe.done = true;
  probe.error = {ErrorKind::kDenied, "no"};
  EXPECT_STREQ(ready(), "False");
  EXPECT_EQ(api::find_condition(next({}, probe).conditions, "Ready")->reason, "SourceDenied");
  probe.head = BranchProbe::Head{kCommit, "trunk"};
  EXPECT_STREQ(ready(), "True");
  EXPECT_EQ(next({}, probe).default_branch, "trunk");
  EXPECT_EQ(next({}, probe).last_commit, kCommit);
}

TEST(SlotQueueTest, FirstInFirstOutByCreationThenUid) {
  SlotQueue room;
  room.enter("n/p", candidate("c", 2));
  room.enter("n/p", candidate("b", 1));
  room.enter("n/p", candidate("a", 2));
  room.enter("n/p", candidate("b", 1));  // asks again
  room.enter("n/q", candidate("d"));
  const auto names = [&](const std::string& project) {
    std::vector<std::string> all;
    for (const auto& waiting : room.of(project)) all.push_back(waiting.name);
    return all;
  };
  EXPECT_THAT(names("n/p"), ElementsAre("b", "a", "c"));
  EXPECT_THAT(names("n/q"), ElementsAre("d"));
  room.leave("b-uid");
  room.leave("nobody");
  EXPECT_THAT(names("n/p"), ElementsAre("a", "c"));
  room.leave("d-uid");
  EXPECT_THAT(names("n/q"), ElementsAre());
}

class HistoryTest : public ::testing::Test {
 protected:
  void run(const std::string& name, api::Phase phase, double finished, bool by_tool = true) {
    RunRecord record;
    record.meta.name = name;
    record.phase = phase;
    record.finished_at = at(finished);
    record.made_by_tool = by_tool;
    runs_.push_back(std::make_shared<const RunRecord>(std::move(record)));
  }
  std::vector<std::string> over() {
    std::vector<std::string> names;
    for (const auto& record : over_history(runs_, history_)) names.push_back(record->meta.name);
    return names;
  }
  std::vector<std::shared_ptr<const RunRecord>> runs_;
  api::HistorySpec history_;
};

TEST_F(HistoryTest, TheOldestGoEachKindByItself) {
  run("ok-1", api::Phase::kSucceeded, 1);
  run("ok-2", api::Phase::kSucceeded, 2);
  run("ok-3", api::Phase::kSucceeded, 3);
  run("bad-1", api::Phase::kFailed, 1);
  run("bad-2", api::Phase::kTimedOut, 2);
  run("bad-3", api::Phase::kCancelled, 3);
  run("now", api::Phase::kRunning, 0);
  EXPECT_THAT(over(), ElementsAre()) << "no limit, no deletion";
  history_.successful = 1;
  history_.failed = 2;
  EXPECT_THAT(over(), ::testing::UnorderedElementsAre("ok-1", "ok-2", "bad-1"));
  history_.successful = 0;
  EXPECT_EQ(over().size(), 4U);
}

TEST_F(HistoryTest, RunsThatOweTheirEventStay) {
  api::ModelProject project;
  project.history.successful = 0;
  ProjectObserved observed;
  observed.project = std::make_shared<const api::ModelProject>(project);
  for (const bool owes : {true, false}) {
    RunRecord record;
    record.meta.name = owes ? "owes" : "owes-none";
    record.phase = api::Phase::kSucceeded;
    record.made_by_tool = true;
    if (owes) record.owes_event_since = at(1);
    observed.runs.push_back(std::make_shared<const RunRecord>(std::move(record)));
  }
  const auto expired = [&] {
    std::set<std::string> names;
    for (const auto& run : decide_project(observed, at(9)).expired) names.insert(run->meta.name);
    return names;
  };
  observed.end_events = true;
  EXPECT_THAT(expired(), ElementsAre("owes-none"));
  observed.end_events = false;  // the sink was taken away
  EXPECT_THAT(expired(), ElementsAre("owes", "owes-none"));
}

TEST_F(HistoryTest, AppliedRunsStay) {
  history_.successful = 0;
  run("applied", api::Phase::kSucceeded, 1, false);
  EXPECT_THAT(over(), ElementsAre());
  history_.include_applied = true;
  EXPECT_THAT(over(), ElementsAre("applied"));
}

TEST_F(HistoryTest, RunsOfSweepsGoWithTheirSweep) {
  history_.successful = 0;
  history_.include_applied = true;
  RunRecord record;
  record.meta.name = "of-a-sweep";
  record.meta.owner_kind = "ModelSweep";
  record.phase = api::Phase::kSucceeded;
  record.made_by_tool = true;
  runs_.push_back(std::make_shared<const RunRecord>(record));
  EXPECT_THAT(over(), ElementsAre());
}

}  // namespace
}  // namespace modelrun::controller::testing
