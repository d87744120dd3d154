// The table of a sweep from the rows of its runs, and what the cache keeps of a sweep.
#include "controller/sweep/result.h"

#include <gmock/gmock.h>

#include "controller/sweep/record.h"

namespace modelrun::controller {
namespace {

using api::Phase;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

api::ModelSweepSpec spec_of(int points) {
  nlohmann::json values = nlohmann::json::array();
  for (int i = 0; i < points; ++i) values.push_back(i);
  api::ModelSweepSpec spec;
  spec.space = nlohmann::json{{"grid", {{{"name", "i"}, {"values", values}}}}};
  spec.parameters = nlohmann::json{{"years", 5}};
  return spec;
}

api::PointRow row_of(std::int64_t point, const nlohmann::json& outputs) {
  api::PointRow row;
  row.point = point;
  row.milliseconds = 250;
  row.outputs = outputs;
  return row;
}

// Of four points in two runs.
struct TableScene {
  api::ModelSweepSpec spec = spec_of(4);
  sweep::SpacePoints space = sweep::points_of(spec).value();
  SweepRunView run;
  SweepPart first{"a", 0, 2, 2, &run, false};
  SweepPart second{"b", 2, 2, 2, &run, false};
  SweepTable table{spec, space};

  sweep::Table unpacked(const SweepResult& result) {
    return sweep::unpack_table(result.table.parts, result.table.sha256, result.table.bytes).value();
  }
};

TEST(SweepTable, HasTheRowsOfAllRuns) {
  TableScene scene;
  scene.table.take(scene.second, row_of(0, {{"x", 20}}));
  scene.table.take(scene.first, row_of(0, {{"x", 0.5}, {"nested", {{"y", true}}}}));
  scene.table.take(scene.first, row_of(1, {{"x", 10}, {"text", "not in the table"}}));
  api::PointRow failed = row_of(1, nullptr);
  failed.outputs.reset();
  failed.phase = api::PointPhase::kFailed;
  failed.reason = "NonZeroExit";
  failed.message = "code 3";
  failed.err = "Traceback\nValueError";
  scene.table.take(scene.second, failed);
  const auto result = scene.table.finish("grid-table");
  ASSERT_TRUE(result) << result.error().message;
  const auto table = scene.unpacked(*result);
  EXPECT_THAT(table.parameters, ElementsAre("i"));
  EXPECT_THAT(table.outputs, ElementsAre("x", "/nested/y"));
  ASSERT_EQ(table.rows.size(), 4U);
  EXPECT_THAT(table.rows[0].outputs, ElementsAre("0.5", "true"));
  EXPECT_THAT(table.rows[1].parameters, ElementsAre("1"));
  EXPECT_EQ(table.rows[2].run, "b");
  EXPECT_EQ(table.rows[2].seconds, 0.25);
  EXPECT_EQ(table.rows[3].phase, Phase::kFailed);
  EXPECT_EQ(table.rows[3].message, "code 3: Traceback ValueError");
  EXPECT_EQ(result->succeeded, 3);
  EXPECT_EQ(result->failed, 1);
  ASSERT_EQ(result->summary.size(), 2U);
  EXPECT_EQ(result->summary[0].max, 20);
  EXPECT_EQ(result->summary[0].max_point, 2);
  ASSERT_EQ(result->sensitivity.size(), 2U);
  EXPECT_EQ(result->sensitivity[0].measure, "RangeOfMeans");
  EXPECT_EQ(result->sensitivity[0].high_at, "2");
  EXPECT_THAT(result->ref->config_maps, ElementsAre("grid-table-" + result->table.sha256.substr(0, 8) + "-1"));
}

TEST(SweepTable, QuotesTheEndOfStderrOnce) {
  TableScene scene;
  api::PointRow failed = row_of(0, nullptr);
  failed.outputs.reset();
  failed.phase = api::PointPhase::kFailed;
  failed.reason = "NonZeroExit";
  failed.message = "the model exited with code 3: ValueError: no rate";
  failed.err = "Traceback\nValueError: no rate\n";
  scene.table.take(scene.first, failed);
  failed.point = 1;
  failed.err = "\n";
  scene.table.take(scene.first, failed);
  const auto result = scene.table.finish("grid-table");
  ASSERT_TRUE(result) << result.error().message;
  const auto table = scene.unpacked(*result);
  EXPECT_EQ(table.rows[0].message, "the model exited with code 3: Traceback ValueError: no rate");
  EXPECT_EQ(table.rows[1].message, "the model exited with code 3: ValueError: no rate");
}

TEST(SweepTable, SaysOfEachPointWhyItHasNoRow) {
  TableScene scene;
  scene.table.take(scene.first, row_of(0, {{"x", 1}}));
  scene.table.miss(scene.first, {Phase::kTimedOut, "Timeout", "too slow"});
  scene.second.run = nullptr;
  scene.table.miss(scene.second, {Phase::kCancelled, "Cancelled", "not executed"});
  const auto result = scene.table.finish("t");
  ASSERT_TRUE(result);
  const auto table = scene.unpacked(*result);
  EXPECT_EQ(table.rows[0].phase, Phase::kSucceeded);
  EXPECT_EQ(table.rows[1].reason, "Timeout");
  EXPECT_EQ(table.rows[1].run, "a");
  EXPECT_EQ(table.rows[3].phase, Phase::kCancelled);
  EXPECT_EQ(table.rows[3].run, "");
  EXPECT_EQ(result->failed, 1) << "what was not executed has not failed";
}

// A part whose rest is another part's answers for its own points only.
TEST(SweepTable, LeavesOutRowsThatAreNotThePartsOwn) {
  TableScene scene;
  scene.first.covers = 1;
  scene.table.take(scene.first, row_of(1, {{"x", 1}}));
  scene.table.take(scene.first, row_of(-1, {{"x", 1}}));
  scene.table.take(scene.second, row_of(0, {{"x", 2}}));
  scene.table.take(scene.second, row_of(0, {{"x", 3}}));
  const auto result = scene.table.finish("t");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->succeeded, 1);
  EXPECT_THAT(scene.unpacked(*result).rows[2].outputs, ElementsAre("2"));
}

TEST(SweepTable, HasTheOutputsThatAreWanted) {
  TableScene scene;
  scene.spec.outputs = {"/a/b", "text"};
  scene.table.take(scene.first, row_of(0, {{"a", {{"b", 1}}}, {"text", "t"}, {"other", 3}}));
  const auto result = scene.table.finish("t");
  ASSERT_TRUE(result);
  const auto table = scene.unpacked(*result);
  EXPECT_THAT(table.outputs, ElementsAre("/a/b", "text"));
  EXPECT_THAT(table.rows[0].outputs, ElementsAre("1", "\"t\""));
  EXPECT_EQ(result->summary.size(), 1U) << "a text has no mean";
}

TEST(SweepTable, IsRefusedIfItIsTooLarge) {
  TableScene scene;
  scene.spec.outputs = {"text"};
  scene.spec.space = spec_of(2000).space;
  scene.space = sweep::points_of(scene.spec).value();
  SweepTable table(scene.spec, scene.space);
  const SweepPart all{"a", 0, 2000, 2000, &scene.run, false};
  for (int i = 0; i < 2000; ++i) table.take(all, row_of(i, {{"text", std::string(15'000, 'x')}}));
  const auto result = table.finish("t");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kTooLarge);
  EXPECT_THAT(result.error().message, HasSubstr("spec.outputs"));
}

TEST(SweepTable, BoundsWhatStatusHolds) {
  TableScene scene;
  nlohmann::json axes = nlohmann::json::array();
  for (int i = 0; i < 16; ++i) {
    axes.push_back({{"name", std::string(200, static_cast<char>('a' + i))}, {"values", {std::string(300, 'v'), 1}}});
  }
  scene.spec.space = nlohmann::json{{"oneAtATime", axes}};
  const auto space = sweep::points_of(scene.spec);
  ASSERT_TRUE(space) << space.error().message;
  SweepTable table(scene.spec, *space);
  const auto count = space->points.points.size();
  const SweepPart all{"a", 0, count, count, &scene.run, false};
  for (std::size_t i = 0; i < count; ++i) {
    nlohmann::json outputs = nlohmann::json::object();
    for (int j = 0; j < 64; ++j) outputs[fmt::format("{:03}{}", j, std::string(200, 'o'))] = i;
    table.take(all, row_of(static_cast<std::int64_t>(i), outputs));
  }
  const auto result = table.finish("t");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(result->warning, HasSubstr("not whole"));
  api::ModelSweepStatus status;
  status.summary = result->summary;
  status.sensitivity = result->sensitivity;
  EXPECT_LE(api::encode_status(status).dump().size(), kMaxStatisticsBytes);
  for (const auto& each : result->sensitivity) EXPECT_LE(each.low_at.size(), kMaxShownAxisValue);
}

TEST(SweepLayout, CoversAllPoints) {
  auto spec = spec_of(1000);
  const auto layout = lay_out(spec, sweep::points_of(spec)->points);
  EXPECT_EQ(layout.total, 1000U);
  std::size_t next = 0;
  for (const auto& shard : layout.shards) {
    EXPECT_EQ(shard.first, next);
    next += shard.count;
  }
  EXPECT_EQ(next, 1000U);
  EXPECT_LE(layout.shards.size(), 40U);
}

TEST(SweepPoints, StartFromTheParameters) {
  auto spec = spec_of(2);
  EXPECT_EQ(sweep::points_of(spec)->points.points[1].parameters, R"({"i":1,"years":5})");
  spec.parameters = api::JsonText();
  EXPECT_EQ(sweep::points_of(spec)->points.points[1].parameters, R"({"i":1})");
  spec.outputs = {"a", "a"};
  EXPECT_FALSE(sweep::points_of(spec));
}

TEST(SweepRecord, KeepsNoTexts) {
  api::ModelSweep sweep;
  sweep.spec = spec_of(2);
  sweep.labels = {{"a", "b"}};
  auto record = make_sweep_record(sweep);
  ASSERT_TRUE(record.active);
  EXPECT_EQ(record.active->spec.space.text(), "null");
  EXPECT_EQ(record.active->spec.parameters.text(), "null");
  EXPECT_THAT(record.active->labels, IsEmpty());
  sweep.status.phase = Phase::kSucceeded;
  record = make_sweep_record(sweep);
  EXPECT_FALSE(record.active);
  EXPECT_EQ(record.phase, Phase::kSucceeded);
}

}  // namespace
}  // namespace modelrun::controller
