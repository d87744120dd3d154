// What has changed between the snapshot that a decision about a sweep saw and the writes that carry it out: another
// operator may lead, and a cache may be behind.
#include <gtest/gtest.h>

#include "controller/apply_sweep.h"
#include "controller/observe_sweep.h"
#include "controller/reconcile_sweep.h"
#include "faults/every_write.h"

namespace modelrun::faults {
namespace {

using api::Phase;
using controller::SweepEnd;
using controller::SweepObserved;
using controller::SweepPlan;
using kube::Json;

void add_small_sweep(World& world) {
  world.add_sweep("small", {{"space", {{"grid", {{{"name", "i"}, {"values", {0, 1, 2, 3}}}}}}}});
}

class StaleSweeps : public ::testing::Test {
 protected:
  // A sweep with a run of which a point is done.
  StaleSweeps() {
    add_small_sweep(world_);
    world_.run([this] { return !world_.node().executed().empty(); });
    const auto record = world_.process().context().caches.sweeps.find(world_.namespace_() + "/small");
    observed_ = controller::observe_sweep(world_.process().context(), record->active, {}).value();
  }

  // What comes of the plan; "" if it was carried out.
  std::string apply(const SweepPlan& plan) {
    controller::LargeWork::Turn turn(world_.process().context().large, observed_.sweep->meta);
    const auto applied = controller::apply_sweep(world_.process().context(), observed_, plan, turn, {});
    return applied ? "" : std::string(to_string(applied.error().kind));
  }

  static SweepPlan end() {
    SweepPlan plan;
    plan.end = SweepEnd{Phase::kCancelled, "Cancelled", "cancelled"};
    return plan;
  }
  static SweepPlan one_more_run() {
    SweepPlan plan;
    plan.actions.emplace_back(controller::MakeSweepRun{"small-one-more", 0, 1, {}, 5, 5});
    return plan;
  }
  // Somebody deletes the sweep's run, and another one's finalizer holds it.
  void delete_run() {
    auto run = world_.machine().server.all(kube::kModelRuns).at(0);
    run["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    run["metadata"]["finalizers"] = {"example.com/held"};
    world_.machine().server.put(kube::kModelRuns, run);
    for (auto& [name, view] : observed_.runs) view.deleting = true;
  }
  std::size_t runs() { return world_.machine().server.all(kube::kModelRuns).size(); }

  World world_{{.runs = 0}};
  SweepObserved observed_;
};

const std::string kBehind(to_string(ErrorKind::kConflict));

TEST_F(StaleSweeps, DoNotEndWithoutARunThatTheCacheDoesNotShow) {
  observed_.runs.clear();
  EXPECT_EQ(apply(end()), kBehind);
  EXPECT_FALSE(api::is_final(world_.find_sweep("small").status.phase));
}

TEST_F(StaleSweeps, DoNotTakeTheRowsOfARunThatGoesOn) {
  for (auto& [name, run] : observed_.runs) run.phase = Phase::kSucceeded;
  EXPECT_EQ(apply(end()), kBehind);
  EXPECT_FALSE(api::is_final(world_.find_sweep("small").status.phase));
}

TEST_F(StaleSweeps, EndWithARunThatIsBeingDeleted) {
  delete_run();
  EXPECT_EQ(apply(end()), "");
  EXPECT_EQ(world_.find_sweep("small").status.phase, Phase::kCancelled);
}

// A plan may tell what was in the way, and end the sweep all the same.
TEST_F(StaleSweeps, KeepWhatTheStatusBeforeTheEndSays) {
  delete_run();
  auto plan = end();
  plan.status = observed_.sweep->status;
  plan.status->started_at = Time{std::chrono::sys_days{std::chrono::year{2020} / 1 / 1}};
  observed_.runs.begin()->second.phase = Phase::kRunning;
  auto sweep = *observed_.sweep;
  sweep.status.started_at.reset();
  observed_.sweep = std::make_shared<const api::ModelSweep>(sweep);
  EXPECT_EQ(apply(plan), "");
  EXPECT_EQ(world_.find_sweep("small").status.started_at, plan.status->started_at);
}

// What stood in the way for long was a refusal; what stands in the way now is over in a moment.
TEST_F(StaleSweeps, DoNotLoseATableForAnErrorThatPasses) {
  delete_run();
  observed_.trouble = controller::SweepTrouble{"exceeded quota", true, controller::kRefusedWait};
  world_.set_faults([](const kube::Request& request, int) {
    return request.method == kube::Method::kPost && request.path.ends_with("/configmaps") ? fakes::Fault::k503
                                                                                          : fakes::Fault::kNone;
  });
  EXPECT_EQ(apply(end()), to_string(ErrorKind::kUnavailable));
  EXPECT_FALSE(api::is_final(world_.find_sweep("small").status.phase));
}

TEST_F(StaleSweeps, MakeNoRunOnceTheyAreCancelled) {
  const auto before = runs();
  world_.set_sweep_spec("small", {{"cancel", true}});
  EXPECT_EQ(apply(one_more_run()), kBehind);
  EXPECT_EQ(runs(), before);
}

TEST_F(StaleSweeps, MakeNoRunOnceTheyAreOver) {
  const auto before = runs();
  auto sweep = world_.machine().server.find(kube::kModelSweeps, world_.namespace_(), "small").value();
  sweep["status"]["phase"] = "Cancelled";
  world_.machine().server.put(kube::kModelSweeps, sweep);
  EXPECT_EQ(apply(one_more_run()), kBehind);
  EXPECT_EQ(runs(), before);
}

// Somebody else has written the first part of the table of the sweep. Its name has the digest of the table.
void put_other_table(World& world) {
  World first({.runs = 0});
  add_small_sweep(first);
  first.run_to_the_end();
  const auto name = first.find_sweep("small").status.table_ref.value().config_maps.at(0);
  const auto uid = world.find_sweep("small").meta.uid;
  world.machine().server.put(
      kube::kConfigMaps,
      {{"metadata",
        {{"name", name},
         {"namespace", world.namespace_()},
         {"ownerReferences", {{{"kind", "ModelSweep"}, {"name", "small"}, {"uid", uid}, {"controller", true}}}}}},
       {"binaryData", {{"table.jsonl.gz", "bm90IGEgdGFibGU="}}}});
}

TEST(Sweeps, DoNotReferToATablePartWithAnotherContent) {
  World world({.runs = 0});
  add_small_sweep(world);
  put_other_table(world);
  world.run_to_the_end();
  const auto sweep = world.find_sweep("small");
  EXPECT_EQ(sweep.status.phase, Phase::kSucceeded);
  EXPECT_FALSE(sweep.status.table_ref.has_value());
  EXPECT_NE(sweep.status.warning.find("another content"), std::string::npos) << sweep.status.warning;
}

// Two sweeps whose tables are refused take turns; else neither would come to its end.
TEST(Sweeps, AreStillRefusedWhileTheyWaitForTheirTurn) {
  World world({.runs = 0});
  add_small_sweep(world);
  put_other_table(world);
  const auto sweep = world.find_sweep("small").meta;
  const auto& context = world.process().context();
  world.run([&] { return context.sweeps.trouble(sweep.uid).has_value(); });
  auto other = sweep;
  other.uid = "other";
  controller::LargeWork::Turn turn(context.large, other);
  ASSERT_TRUE(turn.take());
  const auto result = controller::reconcile_sweep(context, sweep.key(), {});
  EXPECT_EQ(context.large.waiting(), 1U);
  EXPECT_TRUE(context.sweeps.trouble(sweep.uid)) << "it has only stood in the line";
}

}  // namespace
}  // namespace modelrun::faults
