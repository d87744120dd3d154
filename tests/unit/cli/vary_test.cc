#include "cli/vary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace modelrun::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// The space as JSON, or the message of the error.
std::string shown(const VaryFlags& flags, std::optional<json> points = {}) {
  const auto space = space_of(flags, std::move(points));
  return space ? space->dump() : space.error().message;
}

std::string same_as(const char* text) {
  return json::parse(text).dump();
}

TEST(Vary, RangesAndLists) {
  EXPECT_EQ(shown({.vary = {"growth=0.02:0.1:9", "rate=0.06,0.08"}}),
            same_as(R"({"grid":[{"name":"growth","from":0.02,"to":0.1,"count":9},
                                {"name":"rate","values":[0.06,0.08]}]})"));
  EXPECT_EQ(shown({.vary = {"region=eu,us", "on=true"}}),
            same_as(R"({"grid":[{"name":"region","values":["eu","us"]},{"name":"on","values":[true]}]})"));
  EXPECT_EQ(shown({.vary = {"/market/fx=1,2"}, .one_at_a_time = true}),
            same_as(R"({"oneAtATime":[{"name":"/market/fx","values":[1,2]}]})"));
}

TEST(Vary, JsonMayHaveCommasInIt) {
  EXPECT_EQ(shown({.vary = {"w=[[1,2],[3]]"}}), same_as(R"({"grid":[{"name":"w","values":[[1,2],[3]]}]})"));
  EXPECT_EQ(shown({.vary = {"w=[1,2],[3]"}}), same_as(R"({"grid":[{"name":"w","values":[[1,2],[3]]}]})"));
  EXPECT_EQ(shown({.vary = {R"(t="a,b",7)"}}), same_as(R"({"grid":[{"name":"t","values":["a,b",7]}]})"));
}

TEST(Vary, WhatLooksLikeARangeAndIsNone) {
  EXPECT_EQ(shown({.vary = {"when=10:30:x"}}), same_as(R"({"grid":[{"name":"when","values":["10:30:x"]}]})"));
  EXPECT_EQ(shown({.vary = {"when=10:30,11:30"}}), same_as(R"({"grid":[{"name":"when","values":["10:30","11:30"]}]})"));
  EXPECT_EQ(shown({.vary = {R"(when="10:30")"}}), same_as(R"({"grid":[{"name":"when","values":["10:30"]}]})"));
  EXPECT_THAT(shown({.vary = {"growth=0.02:0.1"}}), HasSubstr("a range is FROM:TO:COUNT"));
}

TEST(Vary, Samples) {
  EXPECT_EQ(
      shown({.vary = {"growth=normal:0.05:0.01", "fx=uniform:0.9:1.2", "r=choice:a,b"}, .sample = 1000, .seed = 7}),
      same_as(R"({"sample":{"axes":[{"name":"growth","normal":{"mean":0.05,"stddev":0.01}},
              {"name":"fx","uniform":{"low":0.9,"high":1.2}},{"choice":{"values":["a","b"]},"name":"r"}],
              "count":1000,"seed":7}})"));
  EXPECT_THAT(shown({.vary = {"x=triangular:0:1:3"}, .sample = 5, .random = true}), HasSubstr(R"("method":"Random")"));
  EXPECT_THAT(shown({.vary = {"x=lognormal:0:0.5"}, .sample = 5}), HasSubstr(R"("lognormal":{"mu":0,"sigma":0.5})"));
}

TEST(Vary, WrittenPoints) {
  const auto points = json::parse(R"([{"growth":0.1},{"growth":0.2,"rate":1}])");
  EXPECT_EQ(shown({}, points), (json{{"points", points}}.dump()));
  for (const auto& flags : {VaryFlags{.vary = {"a=1"}}, VaryFlags{.one_at_a_time = true}, VaryFlags{.sample = 3}}) {
    EXPECT_THAT(shown(flags, points), HasSubstr("do not go with it"));
  }
}

TEST(Vary, Refusals) {
  struct Row {
    VaryFlags flags;
    const char* message;
  };
  for (const auto& [flags, message] : std::vector<Row>{
           {{}, "say what varies"},
           {{.vary = {"growth"}}, "--vary growth: write NAME="},
           {{.vary = {"=1"}}, "write NAME="},
           {{.vary = {"a="}}, "write NAME="},
           {{.vary = {"a=1,x,,2"}}, "a value is missing"},
           {{.vary = {"a=1", "a=2"}}, "--vary a is given twice"},
           {{.vary = {"a=1"}, .seed = 7}, "belong to --sample"},
           {{.vary = {"a=1"}, .random = true}, "belong to --sample"},
           {{.vary = {"a=uniform:0:1"}, .one_at_a_time = true, .sample = 5}, "exclude each other"},
           {{.vary = {"a=1,2"}, .sample = 5}, "with --sample an axis is"},
           {{.vary = {"a=normal:1"}, .sample = 5}, "takes 2 numbers"},
           {{.vary = {"a=normal:1:2:3"}, .sample = 5}, "takes 2 numbers"},
           {{.vary = {"a=normal:x:1"}, .sample = 5}, "takes 2 numbers"},
           // What the format of a sweep does not take names the flag, too.
           {{.vary = {"a=0:1:1"}}, "--vary a=0:1:1: space.grid[0].count"},
           {{.vary = {"a=uniform:2:1"}, .sample = 5}, "--vary a=uniform:2:1: space.sample.axes[0]"},
           {{.vary = {"a=1,1e400"}}, "--vary a: "},
           {{.vary = {R"(a={"b":1,"b":2})"}}, "--vary a: "},
           {{.vary = {"a=uniform:0:1"}, .sample = 20'000}, "space.sample.count"},
       }) {
    EXPECT_THAT(shown(flags), HasSubstr(message)) << fmt::format("{}", fmt::join(flags.vary, " "));
  }
}

}  // namespace
}  // namespace modelrun::cli
