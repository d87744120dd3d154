// A run with points: observed → plan.
#include "controller/run/points.h"

#include <gmock/gmock.h>

#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using api::ExitHow;
using api::Phase;

constexpr const char* kFirst = "forecast-12345678-points-1";

std::string row(std::int64_t point, bool ok = true) {
  api::PointRow made;
  made.point = point;
  if (!ok) {
    made.phase = api::PointPhase::kFailed;
    made.reason = "NonZeroExit";
    made.message = "the model exited with code 3: no such rate";
  }
  return api::encode_row(made);
}

// A run with `count` points that is under way; none of them has a row.
Scene with_points(int count) {
  Scene scene;
  nlohmann::json points = nlohmann::json::array();
  for (int i = 0; i < count; ++i) points.push_back({{"i", i}});
  scene.run.spec.points = points;
  scene.run.spec.point_count = count;
  scene.running();
  scene.seen.points.emplace();
  scene.seen.points->done.resize(static_cast<std::size_t>(count));
  return scene;
}

Scene& store(Scene& scene, std::int64_t succeeded, std::int64_t failed = 0) {
  auto& points = *scene.seen.points;
  for (std::int64_t i = 0; i < succeeded + failed; ++i) points.done[static_cast<std::size_t>(i)] = true;
  points.stored.succeeded = succeeded;
  points.stored.failed = failed;
  points.stored.of_attempt = succeeded + failed;
  points.stored.first_failed = succeeded;
  points.stored.first_failure = "no such rate";
  points.stored.config_maps = {kFirst};
  return scene;
}

TEST(Points, AreCountedFromTheBeginning) {
  const auto scene = with_points(3);
  ASSERT_TRUE(scene.run.status.points);
  EXPECT_EQ(scene.run.status.points->total, 3);
  EXPECT_EQ(scene.run.status.provenance.parameters_digest, scene.run.spec.points->digest());
}

TEST(Points, RowsWaitForOthersToBeStoredWith) {
  auto scene = with_points(300);
  scene.seen.points->waiting = {row(0), row(1)};
  scene.seen.points->waited = std::chrono::milliseconds(500);
  EXPECT_EQ(scene.at_second(4), "@1.5");
  scene.seen.points->waited = kRowsWait;
  EXPECT_EQ(scene.at_second(4), std::string("rows:0-2:") + kFirst + " [Running Running] @0.001");
  scene.run.meta.owner_kind = "ModelSweep";
  EXPECT_EQ(scene.at_second(4), "@3") << "people look at the sweep";
  scene.seen.points->waited = kSweepRowsWait;
  EXPECT_EQ(scene.at_second(4), std::string("rows:0-2:") + kFirst + " [Running Running] @0.001");
  scene.seen.points->waited = {};
  scene.seen.points->wanted = true;
  EXPECT_EQ(scene.at_second(4), std::string("rows:0-2:") + kFirst + " [Running Running] @0.001");
  scene.seen.points->wanted = false;
  scene.seen.points->waiting.assign(kRowsAtOnce, row(0));
  EXPECT_EQ(scene.at_second(4), std::string("rows:0-100:") + kFirst + " [Running Running] @0.001");
}

TEST(Points, StatusSaysWhatIsStoredThen) {
  auto scene = with_points(300);
  store(scene, 2, 1);
  scene.seen.points->waiting = {row(3), row(4, false)};
  scene.seen.points->wanted = true;
  const auto plan = scene.plan(4);
  ASSERT_TRUE(plan.status);
  EXPECT_EQ(*plan.status->points, (api::PointsStatus{300, 3, 2, {kFirst}}));
  EXPECT_EQ(plan.status->message, "the model is running: 5 of 300 points are done, 2 failed");
}

TEST(Points, AFullConfigMapIsFollowedByAnother) {
  auto scene = with_points(3);
  store(scene, 1).seen.points->stored.last_bytes = kFullMapBytes;
  scene.seen.points->waiting = {row(1)};
  scene.seen.points->wanted = true;
  EXPECT_EQ(scene.at_second(4), "rows:1-2:forecast-12345678-points-2 [Running Running] @0.001");
}

TEST(Points, AreStoredBeforeTheEndIsJudged) {
  auto scene = with_points(2);
  scene.frame(ExitHow::kExited, 0);
  scene.seen.points->waiting = {row(0), row(1)};
  EXPECT_EQ(scene.at_second(9), std::string("rows:0-2:") + kFirst + " [Running Running] @0.001");
}

TEST(Points, TheEnd) {
  struct Case {
    std::int64_t succeeded, failed;
    std::optional<std::int64_t> most;
    const char* plan;
    const char* message;
  };
  for (const auto& each : {
           Case{3, 0, {}, "[Succeeded Succeeded]", "3 of 3 points succeeded, 0 failed"},
           Case{2,
                1,
                {},
                "[Failed PointsFailed]",
                "2 of 3 points succeeded, 1 failed; the first, point 2: no such rate"},
           Case{2, 1, 1, "[Failed PointsFailed]",
                "2 of 3 points succeeded, 1 failed; the first, point 2: no such rate"},
           Case{0, 2, 1, "[Failed PointsFailed]",
                "0 of 3 points succeeded, 2 failed, more than spec.maxFailedPoints allows; the first, point 0: no such "
                "rate"},
       }) {
    auto scene = with_points(3);
    scene.run.spec.max_failed_points = each.most;
    store(scene, each.succeeded, each.failed).frame(ExitHow::kExited, 0);
    const auto plan = scene.plan(9);
    EXPECT_EQ(show(plan), each.plan);
    EXPECT_EQ(plan.status->message, each.message);
    EXPECT_EQ(plan.status->points->done(), each.succeeded + each.failed);
  }
}

// An agent says that it is done, and rows are missing: they were lost on the way.
TEST(Points, ThatAreMissingAreExecutedByAnotherAttempt) {
  auto scene = with_points(3);
  scene.project.limits.attempts = 1;
  store(scene, 2).frame(ExitHow::kExited, 0);
  EXPECT_EQ(scene.plan(9).status->attempts, 2);
  store(scene, 0);
  scene.seen.points->stored.of_attempt = 0;
  EXPECT_EQ(scene.at_second(9), "[Failed AgentLost]") << "an attempt that brought nothing counts";
}

TEST(Points, OneThatTookItsSandboxHasARowAndIsNotTriedAgain) {
  auto scene = with_points(3);
  scene.project.limits.attempts = 1;
  store(scene, 1).frame(ExitHow::kLost);
  scene.result->at_point = 1;
  scene.model_ended(8, 137, "OOMKilled");
  const auto plan = scene.plan(9);
  EXPECT_EQ(show(plan), std::string("rows:1-2:") + kFirst + " [Running Running] @0.001");
  const auto stored = api::decode_row(std::get<StoreRows>(plan.before.at(0)).rows.at(0));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->point, 1);
  EXPECT_EQ(stored->reason, "OOMKilled");
  store(scene, 1, 1);
  EXPECT_EQ(scene.plan(9).status->attempts, 2) << "and the rest goes on";
  scene.run.spec.max_failed_points = 0;
  EXPECT_EQ(scene.at_second(9), "[Failed PointsFailed]");
}

TEST(Points, ALostPodHasNoPartInWhatItsPointIs) {
  auto scene = with_points(3);
  store(scene, 1);
  scene.pods.clear();
  scene.marks[Mark::kPodLost] = 1;
  EXPECT_EQ(scene.plan(9).status->attempts, 2);
  scene.run.spec.cancel = true;
  EXPECT_EQ(scene.at_second(9), "[Cancelled Cancelled]");
}

TEST(Points, WhatTheApiServerDoesNotTakeEndsTheRun) {
  auto scene = with_points(2);
  scene.frame(ExitHow::kExited, 0);
  scene.seen.points->waiting = {row(0), row(1)};
  const auto plan = decide_blocked(scene.observed(2000), {ErrorKind::kDenied, "exceeded quota"},
                                   std::chrono::seconds(2000), at(2000), scene.settings);
  ASSERT_TRUE(plan.status);
  EXPECT_EQ(plan.status->phase, Phase::kFailed);
  EXPECT_THAT(plan.status->message, ::testing::HasSubstr("exceeded quota"));
  EXPECT_THAT(plan.status->message, ::testing::HasSubstr("0 of 2 points succeeded"));
}

TEST(Points, ARowOfTheLastPointThatIsNotTakenEndsTheRunToo) {
  auto scene = with_points(3);
  store(scene, 1).frame(ExitHow::kLost);
  scene.result->at_point = 1;
  scene.model_ended(8, 137, "OOMKilled");
  const auto plan = decide_blocked(scene.observed(2000), {ErrorKind::kDenied, "exceeded quota"},
                                   std::chrono::seconds(2000), at(2000), scene.settings);
  EXPECT_EQ(show(plan), "[Failed OOMKilled]");
  EXPECT_THAT(plan.status->message, ::testing::HasSubstr("1 of 3 points succeeded"));
}

// Somebody has deleted one of their ConfigMaps.
TEST(Points, RowsThatCannotBeReadAreNoSuccess) {
  auto scene = with_points(2);
  scene.frame(ExitHow::kExited, 0);
  scene.seen.points.reset();
  const auto plan = decide_blocked(scene.observed(2000), {ErrorKind::kNotFound, "ConfigMap x is not there"},
                                   std::chrono::seconds(2000), at(2000), scene.settings);
  EXPECT_EQ(show(plan), "[Failed Internal]");
  EXPECT_THAT(plan.status->message, ::testing::HasSubstr("could not be read: ConfigMap x is not there"));
}

TEST(Points, ATableThatIsTooLargeEndsTheRun) {
  auto scene = with_points(3);
  store(scene, 1).seen.points->stored.bytes = kMaxTableBytes + 1;
  scene.seen.points->waiting = {row(1)};
  EXPECT_EQ(scene.at_second(4), "[Failed OutputsTooLarge] delete:forecast-12345678-1");
}

TEST(Points, ListsThatCannotBeRunAreRefused) {
  Scene scene;
  scene.resolved().admitted();
  scene.run.spec.points = nlohmann::json::array({{{"text", std::string(api::kMaxPointsBytes, 'x')}}});
  scene.run.spec.point_count = 1;
  EXPECT_EQ(scene.at_second(1), "[Failed InvalidParameters]");
  scene.run.spec.points = nlohmann::json::array({nlohmann::json::object()});
  EXPECT_NE(scene.at_second(1), "[Failed InvalidParameters]");
  scene.run.spec.parameters = nlohmann::json::object();
  EXPECT_EQ(scene.at_second(1), "[Failed InvalidParameters]");
}

}  // namespace
}  // namespace modelrun::controller::testing
