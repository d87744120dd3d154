// The table of a sweep: which outputs it has, its forms, and how the points are divided into runs.
#include "sweep/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <queue>
#include <random>

#include "fakes/peak_memory.h"
#include "sweep/outputs.h"
#include "sweep/pointer.h"
#include "sweep/shards.h"

namespace modelrun::sweep {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

api::JsonText outputs(std::string_view text) {
  return api::JsonText::from_compact(std::string(text));
}

std::vector<std::string> names_of(const PointOutputs& point) {
  std::vector<std::string> names;
  for (const auto& output : point.outputs) names.push_back(output.name);
  return names;
}

TEST(OutputsOf, FindsEveryNumberAndBooleanByDefault) {
  const auto point = outputs_of(
      outputs(R"({"/x":6,"a":{"deep":{"er":1.50},"z":2},"list":[1,2],"n":-3e5,"ok":true,"s":"text","v":null})"), {});
  EXPECT_THAT(point.outputs, ElementsAre(Output{"/~1x", "6"}, Output{"n", "-3e5"}, Output{"ok", "true"},
                                         Output{"/a/z", "2"}, Output{"/a/deep/er", "1.50"}));
  EXPECT_FALSE(point.more);
  EXPECT_TRUE(outputs_of(outputs("[1]"), {}).outputs.empty());
}

TEST(OutputsOf, TakesWhatIsWanted) {
  const auto text = outputs(R"({"a":{"b":[1,{"c":0.10}]},"s":"=1","v":null})");
  const auto point = outputs_of(text, {"/a/b/1/c", "s", "v", "missing", "a"});
  EXPECT_THAT(point.outputs, ElementsAre(Output{"/a/b/1/c", "0.10"}, Output{"s", R"("=1")"}, Output{"v", "null"},
                                         Output{"missing", ""}, Output{"a", R"({"b":[1,{"c":0.10}]})"}));
  EXPECT_FALSE(point.more);
  const auto large = outputs(R"({"s":")" + std::string(kMaxOutputBytes, 'x') + R"("})");
  EXPECT_THAT(outputs_of(large, {"s"}).outputs, ElementsAre(Output{"s", ""}));
  EXPECT_TRUE(outputs_of(large, {"s"}).more);
}

TEST(ColumnsOf, AreTheFirstOfAllPoints) {
  json many = json::object();
  for (int i = 0; i < 100; ++i) many["deep"][fmt::format("n{:02}", i)] = i;
  many["top"] = 1;
  const auto point = outputs_of(api::JsonText(many), {});
  EXPECT_TRUE(point.more);
  ASSERT_EQ(point.outputs.size(), kMaxColumns);
  EXPECT_EQ(point.outputs[0].name, "top");
  EXPECT_EQ(point.outputs.back().name, "/deep/n62");
  const auto other = outputs_of(outputs(R"({"another":1,"deep":{"a":1}})"), {});
  for (const auto& points : {std::vector{point, other}, std::vector{other, point}}) {
    const auto columns = columns_of(points, {});
    EXPECT_TRUE(columns.more);
    ASSERT_EQ(columns.names.size(), kMaxColumns);
    EXPECT_THAT(std::vector(columns.names.begin(), columns.names.begin() + 4),
                ElementsAre("another", "top", "/deep/a", "/deep/n00"));
  }
  EXPECT_FALSE(columns_of({other, other}, {}).more);
  EXPECT_THAT(columns_of({other}, {"b", "a"}).names, ElementsAre("b", "a"));
  // By keys, not by the bytes of pointers.
  const auto keys = outputs_of(outputs(R"({"a~":{"x":1},"b":{"x":1},"b!":{"x":1}})"), {});
  EXPECT_THAT(names_of(keys), ElementsAre("/a~0/x", "/b/x", "/b!/x"));
  EXPECT_THAT(columns_of({keys}, {}).names, ElementsAre("/a~0/x", "/b/x", "/b!/x"));
}

TEST(ColumnsOf, LongNamesAreLeftOut) {
  const auto point = outputs_of(api::JsonText(json{{std::string(257, 'n'), 1}, {"a", 2}}), {});
  EXPECT_THAT(names_of(point), ElementsAre("a"));
  EXPECT_TRUE(point.more);
}

TEST(ColumnsOf, LongNamesOfObjectsAreLeftOut) {
  const std::string longer(kMaxNameBytes, 'n');
  const auto point = outputs_of(api::JsonText(json{{longer, {{"deep", {{"x", 1}}}}}, {"a", {{"b", 2}}}}), {});
  EXPECT_THAT(names_of(point), ElementsAre("/a/b"));
  EXPECT_TRUE(point.more);
  EXPECT_FALSE(outputs_of(api::JsonText(json{{longer, {{"deep", {{"x", "text"}}}}}}), {}).more);
}

// A model chooses names and depth, for each of thousands of points.
TEST(OutputsOf, ManyNamesThatShareTheirWayCostAboutAsMuchAsOne) {
  json deep = json::object();
  std::vector<std::string> wanted;
  for (std::size_t i = 0; i < kMaxColumns; ++i) deep[fmt::format("v{}", i)] = i;
  std::string way;
  for (std::size_t level = 1; level < kMaxPointerDepth; ++level) {
    json above = {{"d", std::move(deep)}};
    for (int i = 0; i < 20; ++i) above[fmt::format("a key that needs memory {}", i)] = nullptr;
    deep = std::move(above);
    way += "/d";
  }
  for (std::size_t i = 0; i < kMaxColumns; ++i) wanted.push_back(fmt::format("{}/v{}", way, i));
  const api::JsonText text(deep);
  PointOutputs found;
  const auto of_one = fakes::allocations_of([&] { found = outputs_of(text, {wanted[0]}); });
  const auto of_all = fakes::allocations_of([&] { found = outputs_of(text, wanted); });
  EXPECT_EQ(found.outputs.back(), (Output{wanted.back(), std::to_string(kMaxColumns - 1)}));
  EXPECT_LT(of_all, 5 * of_one);
}

TEST(OutputsOf, WhatIsTooMuchIsNotEvenNamed) {
  json deep = json::object();
  for (int i = 0; i < 2000; ++i) deep[fmt::format("v{:04}", i)] = i;
  for (std::size_t level = 1; level < kMaxPointerDepth; ++level) deep = json{{"d", std::move(deep)}};
  const api::JsonText text(deep);
  PointOutputs found;
  const auto made = fakes::allocations_of([&] { found = outputs_of(text, {}); });
  EXPECT_EQ(found.outputs.size(), kMaxColumns);
  EXPECT_TRUE(found.outputs.back().name.ends_with("/d/v0063"));
  EXPECT_LT(made, 1000U);
}

TEST(ColumnsOf, NamesAreComparedAsTheyAre) {
  std::string way;
  for (std::size_t level = 1; level < kMaxPointerDepth; ++level) way += "/d";
  std::vector<PointOutputs> points(100);
  std::size_t names = 0;
  for (auto& point : points) {
    for (std::size_t i = 0; i < kMaxColumns; ++i)
      point.outputs.push_back({fmt::format("{}/v{:05}", way, names++), "1"});
  }
  std::ranges::reverse(points);
  Columns columns;
  const auto made = fakes::allocations_of([&] { columns = columns_of(points, {}); });
  EXPECT_EQ(columns.names.front(), way + "/v00000");
  EXPECT_TRUE(columns.more);
  EXPECT_LT(made, 4 * names);
}

TEST(CheckOutputs, NamesTheElement) {
  EXPECT_TRUE(check_outputs({"a", "/a/b"}));
  EXPECT_THAT(check_outputs({"a", "/a"}).error().message, HasSubstr("outputs[1]: '/a' is there twice"));
  EXPECT_THAT(check_outputs({""}).error().message, HasSubstr("outputs[0]: must not be empty"));
  EXPECT_EQ(check_outputs(std::vector<std::string>(65, "a")).error().kind, ErrorKind::kTooLarge);
}

TEST(NumberIn, CountsABooleanAsOneOrZero) {
  EXPECT_EQ(number_in("true"), 1);
  EXPECT_EQ(number_in("false"), 0);
  EXPECT_EQ(number_in("-2.50"), -2.5);
  for (const char* other : {"", "null", "\"1\"", "[1]", "{}"}) EXPECT_FALSE(number_in(other)) << other;
}

Table table() {
  return {
      {"growth", "/m/x"},
      {"value", "note", "growth"},
      {{0, {"0.10", "1"}, {"1234567890123456789", R"("a")", "2"}, api::Phase::kSucceeded, "", "", 0.25, "s-1"},
       {1, {"=x", ""}, {"", "", ""}, api::Phase::kFailed, "NonZeroExit", "line\tone, \"two\"", std::nullopt, "s-2"}}};
}

TEST(Csv, IsWhatRfc4180Says) {
  auto some = table();
  some.rows[1].parameters[0] = R"x("=HYPERLINK(\"http\",1)")x";
  EXPECT_EQ(to_csv(some),
            "index,parameter growth,/m/x,value,note,output growth,phase,reason,message,durationSeconds,run\r\n"
            "0,0.10,1,1234567890123456789,a,2,Succeeded,,,0.25,s-1\r\n"
            "1,\"'=HYPERLINK(\"\"http\"\",1)\",,,,,Failed,NonZeroExit,\"line\tone, \"\"two\"\"\",,s-2\r\n");
}

TEST(Csv, ANameIsNoFormula) {
  EXPECT_EQ(to_csv({{}, {"=out"}, {{0, {}, {"1"}}}}),
            "index,'=out,phase,reason,message,durationSeconds,run\r\n0,1,,,,,\r\n");
}

TEST(JsonLines, KeepEveryDigit) {
  auto some = table();
  some.rows[1].parameters[0] = "0.5000";
  EXPECT_EQ(
      to_json_lines(some),
      R"({"index":0,"parameters":{"growth":0.10,"/m/x":1},"outputs":{"value":1234567890123456789,"note":"a","growth":2},"phase":"Succeeded","durationSeconds":0.25,"run":"s-1"})"
      "\n"
      R"({"index":1,"parameters":{"growth":0.5000},"outputs":{},"phase":"Failed","reason":"NonZeroExit","message":"line\tone, \"two\"","run":"s-2"})"
      "\n");
}

Result<Table> unpacked(const PackedDocument& packed) {
  return unpack_table(packed.parts, packed.sha256, packed.bytes);
}

TEST(PackTable, IsReadBackAsItWas) {
  auto some = table();
  some.rows[1].parameters[0] = "0.5000";
  EXPECT_EQ(decode_table(encode_table(some)), some);
  for (const std::size_t part : {4U, 100U, 1U << 20U}) {
    const auto packed = pack_table(some, part);
    ASSERT_TRUE(packed);
    EXPECT_EQ(unpacked(*packed), some);
  }
  EXPECT_EQ(decode_table(encode_table({})), Table{});
}

// Whoever counts the memory is asked before it is taken.
TEST(DecodeTable, AsksBeforeRowsAreMade) {
  std::size_t asked = 0;
  const auto admit = [&](std::size_t bytes) -> Result<void> {
    asked = bytes;
    if (bytes > 1'000'000) return fail(ErrorKind::kThrottled, "too much");
    return {};
  };
  auto some = table();
  some.rows[1].parameters[0] = "0.5000";
  const auto small = decode_table(encode_table(some), admit);
  ASSERT_TRUE(small) << small.error().message;
  EXPECT_GE(asked, memory_of(*small));
  Table wide;
  for (int i = 0; i < 64; ++i) wide.outputs.push_back("o" + std::to_string(i));
  for (std::size_t i = 0; i < 1'000; ++i) wide.rows.push_back({.index = i, .outputs = std::vector<std::string>(64)});
  EXPECT_LT(encode_table(wide).size(), 100'000);
  EXPECT_EQ(decode_table(encode_table(wide), admit).error().kind, ErrorKind::kThrottled);
  EXPECT_GE(asked, memory_of(wide));
  EXPECT_LE(asked, kMaxTableMemory);
}

TEST(PackTable, RefusesWhatWasChanged) {
  auto damaged = pack_table(table()).value_or(PackedDocument());
  damaged.sha256[0] = damaged.sha256[0] == '0' ? '1' : '0';
  EXPECT_THAT(unpacked(damaged).error().message, HasSubstr("table: its SHA-256 is not the one in status"));
}

TEST(DecodeTable, SaysWhichLineIsWrong) {
  const std::string header = R"({"format":"modelrun.dev/sweep-table/v1","parameters":[],"outputs":["a"]})"
                             "\n";
  const struct {
    std::string text;
    const char* message;
  } rows[] = {
      {"", "table, first line: "},
      {R"({"format":"v9"})", "table, first line.format: must be modelrun.dev/sweep-table/v1"},
      {header + "{", "table, row 0: "},
      {header + R"({"index":0,"parameters":{},"outputs":{"b":1}})", "row 0.outputs: has a member that is no column"},
      {header + R"({"index":-1,"parameters":{},"outputs":{}})", "row 0.index: must be a whole number"},
      {header + R"({"index":0,"parameters":{},"outputs":{},"phase":"Odd"})", "row 0.phase: is no phase"},
      {header + R"({"index":0,"parameters":{},"outputs":{},"x":1})", "row 0.x: there is no such field"},
  };
  for (const auto& row : rows) EXPECT_THAT(decode_table(row.text).error().message, HasSubstr(row.message)) << row.text;
}

TEST(PackTable, RefusesATableThatIsTooLarge) {
  Table large{{}, {"a"}, {}};
  const std::string value = "\"" + std::string(kMaxOutputBytes - 2, 'x') + "\"";
  for (std::size_t i = 0; i < 1100; ++i) large.rows.push_back({i, {}, {value}});
  const auto packed = pack_table(large);
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().kind, ErrorKind::kTooLarge);
  EXPECT_THAT(packed.error().message, HasSubstr("name fewer or smaller outputs in spec.outputs"));
}

std::vector<std::size_t> counts_of(const std::vector<Shard>& shards) {
  std::vector<std::size_t> counts;
  for (const auto& shard : shards) counts.push_back(shard.count);
  return counts;
}

TEST(MakeShards, AreSmallAtTheEnd) {
  const struct {
    std::size_t points, parallelism;
    std::vector<std::size_t> counts;
  } rows[] = {
      {0, 4, {}},
      {1, 4, {1}},
      {3, 4, {1, 1, 1}},
      {4, 4, {1, 1, 1, 1}},
      {40, 4, {10, 10, 10, 10}},
      {100, 2, {40, 40, 20}},
      {1000, 4, {200, 200, 200, 200, 50, 50, 50, 50}},
      {1200, 1, {500, 500, 200}},
      {10, 0, {10}},
  };
  for (const auto& row : rows) {
    const std::vector<std::size_t> bytes(row.points, 10);
    EXPECT_EQ(counts_of(make_shards(bytes, row.parallelism)), row.counts) << row.points;
  }
}

TEST(MakeShards, CoverAllPointsWithinTheirBounds) {
  std::mt19937_64 random(9);
  for (int i = 0; i < 300; ++i) {
    std::vector<std::size_t> bytes(random() % 3000);
    for (auto& size : bytes) size = random() % 2000;
    const ShardLimits limits{1 + random() % 600, 1 + random() % 20'000, random() % 10};
    const auto shards = make_shards(bytes, random() % 20, limits);
    std::size_t at = 0;
    for (const auto& shard : shards) {
      ASSERT_EQ(shard.first, at);
      ASSERT_GE(shard.count, 1);
      ASSERT_LE(shard.count, limits.max_points);
      const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
      const auto size = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(shard.count), std::size_t{0});
      ASSERT_TRUE(size <= limits.max_bytes || shard.count == 1);
      at += shard.count;
    }
    ASSERT_EQ(at, bytes.size());
  }
}

// When the runs end, if each takes the next shard as soon as it is free.
double makespan(const std::vector<Shard>& shards, const std::vector<double>& durations, std::size_t runs) {
  std::priority_queue<double, std::vector<double>, std::greater<>> free;
  for (std::size_t i = 0; i < runs; ++i) free.push(0);
  double end = 0;
  for (const auto& shard : shards) {
    double time = free.top();
    free.pop();
    for (std::size_t i = 0; i < shard.count; ++i) time += durations[shard.first + i];
    free.push(time);
    end = std::max(end, time);
  }
  return end;
}

TEST(MakeShards, KeepAllRunsBusyToTheEnd) {
  std::mt19937_64 random(2);
  constexpr std::size_t kPoints = 1000;
  const std::vector<std::size_t> bytes(kPoints, 50);
  for (const std::size_t runs : {2U, 4U, 8U, 16U}) {
    std::vector<double> durations(kPoints);
    double sum = 0;
    // Some points take five times as long as others, and the later ones longer, as along an axis of a grid.
    for (std::size_t i = 0; i < kPoints; ++i) {
      durations[i] = 1 + static_cast<double>(random() % 4000) / 1000 + static_cast<double>(i) / kPoints;
      sum += durations[i];
    }
    const double ideal = sum / static_cast<double>(runs);
    const auto shards = make_shards(bytes, runs);
    EXPECT_LT(makespan(shards, durations, runs), ideal * 1.3) << runs;
    EXPECT_LE(shards.size(), 2 * runs) << runs;
  }
}

}  // namespace
}  // namespace modelrun::sweep
