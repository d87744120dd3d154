#include "cli/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace modelrun::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string refusal(const std::vector<std::string>& pairs) {
  const auto merged = merge_parameters(std::nullopt, pairs);
  return merged ? "" : merged.error().message;
}

TEST(Parameters, ValuesAreJsonIfTheyParseElseText) {
  const auto merged = merge_parameters(
      std::nullopt, {"rate=0.05", "n=-3", "on=true", "none=null", "list=[1,\"a\"]", "map={\"a\":{}}", "name=Ann Lee",
                     "quoted=\"7\"", "empty=", "url=https://x/?a=b", "date=2026-01-01", "nan=NaN", "broken={a"});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(**merged, json::parse(R"({"rate":0.05,"n":-3,"on":true,"none":null,"list":[1,"a"],"map":{"a":{}},
    "name":"Ann Lee","quoted":"7","empty":"","url":"https://x/?a=b","date":"2026-01-01","nan":"NaN","broken":"{a"})"));
}

TEST(Parameters, AbsentAndEmptyDiffer) {
  EXPECT_EQ(*merge_parameters(std::nullopt, {}), std::nullopt);
  EXPECT_EQ(*merge_parameters(json::object(), {}), json::object());
}

TEST(Parameters, PairsGoOnTopOfTheBase) {
  EXPECT_EQ(**merge_parameters(json{{"a", 1}, {"b", 2}}, {"b=3", "c=4"}), (json{{"a", 1}, {"b", 3}, {"c", 4}}));
}

TEST(Parameters, Refusals) {
  EXPECT_THAT(refusal({"rate"}), HasSubstr("name=value"));
  EXPECT_THAT(refusal({"=5"}), HasSubstr("name=value"));
  EXPECT_THAT(refusal({"a=1", "a=2"}), HasSubstr("twice"));
  EXPECT_THAT(refusal({"a=18446744073709551616"}), HasSubstr("int64"));
  for (const char* number :
       {"1e400", "-1e999", "[1e400]", "{\"b\": {\"c\": 1e400}}", "123456789012345678901234567890"}) {
    EXPECT_THAT(refusal({std::string("key=") + number}), HasSubstr("--param key")) << number;
  }
  EXPECT_EQ((*merge_parameters({}, {"a=\"1e400\"", "b=1e400m", "c=NaN"}))->dump(),
            R"({"a":"1e400","b":"1e400m","c":"NaN"})");
  EXPECT_THAT(refusal({"a=" + std::string(64 * 1024, 'x')}), HasSubstr("smaller than 65536"));
}

TEST(ParametersFile, MustBeAnObject) {
  EXPECT_EQ(*parse_parameters_file("p.json", R"({"a": 1})"), (json{{"a", 1}}));
  EXPECT_THAT(parse_parameters_file("p.json", "[1]").error().message,
              HasSubstr("p.json: parameters are a JSON object"));
  EXPECT_THAT(parse_parameters_file("p.json", R"({"a":1,"a":2})").error().message, HasSubstr("duplicate key"));
}

TEST(PointsFile, IsAListOrALineEach) {
  const auto two = json::array({{{"a", 1}}, {{"a", 2}}});
  EXPECT_EQ(*parse_points_file("p", R"([{"a":1},{"a":2}])"), two);
  EXPECT_EQ(*parse_points_file("p", "{\"a\":1}\n\n{\"a\":2}\n"), two);
  const auto refusal = [](const std::string& text) {
    const auto points = parse_points_file("p.jsonl", text);
    return points ? "" : points.error().message;
  };
  EXPECT_THAT(refusal(""), HasSubstr("no point"));
  EXPECT_THAT(refusal("[]"), HasSubstr("no point"));
  EXPECT_THAT(refusal("[1]"), HasSubstr("point 0 is a number"));
  EXPECT_THAT(refusal("{\"a\":1}\n{\"a\":"), HasSubstr("p.jsonl, line 2"));
  EXPECT_THAT(refusal("[{\"a\":1,\"a\":2}]"), HasSubstr("duplicate key"));
  std::string many;
  for (int i = 0; i < 10'001; ++i) many += "{}\n";
  EXPECT_THAT(refusal(many), HasSubstr("one run takes 10000 points"));
}

}  // namespace
}  // namespace modelrun::cli
