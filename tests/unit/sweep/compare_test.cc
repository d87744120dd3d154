#include "sweep/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "sweep/decimal.h"
#include "sweep/exact_json.h"

namespace modelrun::sweep {
namespace {

using testing::HasSubstr;

Comparison compared(std::string_view base, std::string_view other, const Comparison::Options& options = {}) {
  return compare(api::JsonText::from_compact(std::string(base)), api::JsonText::from_compact(std::string(other)),
                 options);
}

std::vector<std::string> lines_of(const Comparison& comparison) {
  std::vector<std::string> lines;
  for (const auto& each : comparison.differences) {
    lines.push_back(fmt::format("{} {} {}|{}|{}|{}{}", each.path, static_cast<int>(each.kind), each.base, each.other,
                                each.change, each.percent ? fmt::format("{:.6g}%", *each.percent) : "",
                                each.significant ? " !" : ""));
  }
  return lines;
}

TEST(Compare, FindsEveryKindOfDifference) {
  const auto comparison =
      compared(R"({"a":1.10,"b":{"c":100,"d":true},"gone":{"x":1},"l":[1,{"y":2},"s"],"n":null,"t":"old","type":1})",
               R"({"a":1.1,"b":{"c":105.5,"d":false},"l":[1,{"y":3}],"n":null,"new":2,"t":"new","type":"1"})");
  EXPECT_THAT(lines_of(comparison),
              testing::ElementsAre("/b/c 0 100|105.5|5.5|5.5%", "/b/d 1 true|false|| !", R"(/gone 4 {"x":1}||| !)",
                                   "/l/1/y 0 2|3|1|50% !", R"(/l/2 4 "s"||| !)", "/new 5 |2|| !",
                                   R"(/t 2 "old"|"new"|| !)", R"(/type 3 1|"1"|| !)"));
  EXPECT_EQ(comparison.equal, 3);  // a, l/0, n
  EXPECT_EQ(comparison.changed, 8);
  EXPECT_EQ(comparison.significant, 7);
  EXPECT_FALSE(comparison.more());
}

TEST(Compare, IsSignificantFromTheThresholdOn) {
  const struct {
    const char* base;
    const char* other;
    double threshold;
    bool significant;
  } rows[] = {
      {"100", "110", 10, true},       {"100", "109.9999999999", 10, false}, {"0.3", "0.33", 10, true},
      {"-100", "-110", 10, true},     {"-100", "-90.0000001", 10, false},   {"0", "1e-300", 10, true},
      {"1e300", "1.1e300", 10, true}, {"100", "100.25", 0.25, true},        {"100", "100.2", 0.25, false},
      {"100", "100.0001", 0, true},   {"0.07", "0.077", 10, true},
  };
  for (const auto& row : rows) {
    const auto comparison = compared(fmt::format(R"({{"a":{}}})", row.base), fmt::format(R"({{"a":{}}})", row.other),
                                     {.threshold_percent = row.threshold});
    ASSERT_EQ(comparison.differences.size(), 1) << row.other;
    EXPECT_EQ(comparison.differences[0].significant, row.significant) << row.base << " " << row.other;
  }
}

TEST(Compare, DifferencesAreExactDecimals) {
  const struct {
    const char* base;
    const char* other;
    const char* change;
    bool exact;
  } rows[] = {
      {"0.3", "0.1", "-0.2", true},
      {"1234567.89", "1234567.9", "0.01", true},
      {"1e20", "0.001", "-99999999999999999999.999", true},
      {"1e300", "1", "-1e+300", false},
      {"-1.7e308", "1.7e308", "3.4e+308", true},
      {"9223372036854775807", "-9223372036854775807", "-18446744073709551614", true},
  };
  for (const auto& row : rows) {
    const auto comparison = compared(fmt::format("[{}]", row.base), fmt::format("[{}]", row.other));
    ASSERT_EQ(comparison.differences.size(), 1);
    EXPECT_EQ(comparison.differences[0].change, row.change);
    EXPECT_EQ(comparison.differences[0].exact, row.exact) << row.base;
  }
}

TEST(Compare, SeriesAreComparedElementByElement) {
  const auto comparison = compared(R"({"s":[1,2,3,4],"t":["a"]})", R"({"s":[1,2.1,9],"t":["b"]})");
  ASSERT_EQ(comparison.series.size(), 1);
  const auto& series = comparison.series[0];
  EXPECT_EQ(series.path, "/s");
  EXPECT_EQ(series.base_size, 4);
  EXPECT_EQ(series.other_size, 3);
  EXPECT_EQ(series.changed, 2);
  EXPECT_EQ(series.significant, 1);
  EXPECT_EQ(series.largest, 2);
  EXPECT_THAT(lines_of(comparison), testing::ElementsAre("/s/1 0 2|2.1|0.1|5%", "/s/2 0 3|9|6|200% !", "/s/3 4 4||| !",
                                                         R"(/t/0 2 "a"|"b"|| !)"));
}

TEST(Compare, ListsSignificantDifferencesFirstWhateverStandsBeforeThem) {
  std::string base = "[", other = "[";
  for (int i = 0; i < 20; ++i) base += "1000,", other += "1001,";
  const auto comparison = compared(base + "1,2,1000]", other + "2,4,1001]", {.max_differences = 5});
  EXPECT_THAT(lines_of(comparison),
              testing::ElementsAre("/0 0 1000|1001|1|0.1%", "/1 0 1000|1001|1|0.1%", "/2 0 1000|1001|1|0.1%",
                                   "/20 0 1|2|1|100% !", "/21 0 2|4|2|100% !"));
  EXPECT_EQ(comparison.unlisted, 18);
  EXPECT_EQ(compared(base + "1,2]", other + "2,4]", {.max_differences = 1}).differences.at(0).path, "/20");
}

TEST(Compare, ListsSoManyAndCountsAll) {
  std::string base = "[0";
  std::string other = "[0";
  for (int i = 1; i < 100; ++i) base += "," + std::to_string(i), other += "," + std::to_string(2 * i);
  const auto comparison = compared(base + "]", other + "]", {.max_differences = 10});
  EXPECT_EQ(comparison.differences.size(), 10);
  EXPECT_EQ(comparison.changed, 99);
  EXPECT_EQ(comparison.unlisted, 89);
  EXPECT_EQ(comparison.unlisted_series, 0);
  EXPECT_TRUE(comparison.more());
  const std::string large = "\"" + std::string(kMaxShownValue, 'x') + "\"";
  EXPECT_EQ(compared(R"({"a":)" + large + "}", R"({"a":"y"})").differences[0].base, "");
}

TEST(Compare, NumbersAlone) {
  const auto comparison = compared(R"({"a":1.10,"b":{"c":100,"d":true},"gone":1,"l":[1,2,"s"],"n":[1,2],"t":"old"})",
                                   R"({"a":1.1,"b":{"c":101,"d":false},"l":[1,3,4],"n":[1,4],"t":"new"})",
                                   {.max_differences = 2, .numbers_only = true});
  EXPECT_THAT(lines_of(comparison), testing::ElementsAre("/l/1 0 2|3|1|50% !", "/n/1 0 2|4|2|100% !"));
  EXPECT_EQ(comparison.equal, 3);  // a, l/0, n/0
  EXPECT_EQ(comparison.changed, 3);
  EXPECT_EQ(comparison.significant, 2);
  EXPECT_EQ(comparison.unlisted, 1);
  EXPECT_TRUE(comparison.series.empty());
}

std::size_t path_bytes_of(const Comparison& comparison) {
  std::size_t bytes = 0;
  for (const auto& each : comparison.differences) bytes += each.path.size();
  for (const auto& each : comparison.series) bytes += each.path.size();
  return bytes;
}

// A key has as many bytes as the outputs may have, and every value below it has it in its path.
TEST(Compare, LongPathsAreCountedAndNotListed) {
  std::string base = "0";
  std::string other = "1";
  for (int i = 1; i < 1000; ++i) base += ",[0]", other += ",[1]";
  const auto outputs = [](const std::string& key, const std::string& values) {
    return fmt::format(R"({{"{}":[{}],"z":{}}})", key, values, values.substr(0, 1));
  };
  const std::string key(50'000, 'k');
  const auto comparison = compared(outputs(key, base), outputs(key, other));
  EXPECT_EQ(comparison.changed, 1001);
  EXPECT_EQ(comparison.unlisted, 1000);
  EXPECT_EQ(comparison.unlisted_series, 999);
  EXPECT_THAT(lines_of(comparison), testing::ElementsAre("/z 0 0|1|1| !"));
  EXPECT_LE(path_bytes_of(comparison), kMaxShownPath);
  // The text of the path counts: '~' and '/' have two bytes there. "/" + "~1" * 510 + "/0" are 1,023, one more 1,025.
  EXPECT_EQ(compared(outputs(std::string(510, '/'), "0"), outputs(std::string(510, '/'), "1")).unlisted, 0);
  EXPECT_EQ(compared(outputs(std::string(511, '/'), "0"), outputs(std::string(511, '/'), "1")).unlisted, 1);
}

// Adds what is shown up again.
std::string sum_of(const Bridge& bridge) {
  auto sum = Decimal::parse(bridge.from).value_or(Decimal());
  for (const auto& step : bridge.steps) sum = sum + Decimal::parse(step.contribution).value_or(Decimal());
  return sum.text();
}

TEST(MakeBridge, AddsUpToTheLastDigit) {
  const auto bridge =
      make_bridge("100.1", {{"commit", "100.4", ""}, {"data", "97.25", ""}, {"parameters", "97.3", ""}});
  ASSERT_TRUE(bridge);
  EXPECT_EQ(bridge->change, "-2.8");
  EXPECT_EQ(bridge->steps[0].contribution, "0.3");
  EXPECT_EQ(bridge->steps[1].contribution, "-3.15");
  EXPECT_EQ(bridge->steps[2].contribution, "0.05");
  EXPECT_EQ(sum_of(*bridge), bridge->to);
  EXPECT_FALSE(bridge->rounded);
}

TEST(MakeBridge, AddsUpForAnyNumbersAndRoundings) {
  std::mt19937_64 random(11);
  const auto number = [&] {
    const auto digits = std::to_string(static_cast<std::int64_t>(random()));
    return fmt::format("{}e{}", digits, static_cast<int>(random() % 600) - 310);
  };
  for (int i = 0; i < 500; ++i) {
    std::vector<BridgeStep> steps(1 + random() % 5);
    for (auto& step : steps) step = {"step", random() % 10 == 0 ? "0" : number(), ""};
    const auto places = random() % 2 == 0 ? std::optional(static_cast<int>(random() % 8) - 2) : std::nullopt;
    const auto bridge = make_bridge(number(), steps, {.places = places});
    ASSERT_TRUE(bridge);
    EXPECT_EQ(sum_of(*bridge), bridge->to);
    const auto change =
        Decimal::parse(bridge->to).value_or(Decimal()) - Decimal::parse(bridge->from).value_or(Decimal());
    EXPECT_EQ(change.text(), bridge->change);
  }
}

TEST(MakeBridge, RoundsValuesAndNotContributions) {
  const auto bridge = make_bridge("0.4", {{"a", "0.8", ""}, {"b", "1.2", ""}}, {.places = 0});
  ASSERT_TRUE(bridge);
  EXPECT_EQ(bridge->from, "0");
  EXPECT_EQ(bridge->steps[0].contribution, "1");
  EXPECT_EQ(bridge->steps[1].contribution, "0");
  EXPECT_EQ(bridge->change, "1");
  EXPECT_TRUE(bridge->rounded);
  // Small numbers are not rounded away, and what differs too much in size is.
  EXPECT_EQ(make_bridge("0", {{"a", "1e-70", ""}})->change, "1e-70");
  const auto wide = make_bridge("1e300", {{"a", "1", ""}});
  EXPECT_EQ(wide->to, "0");
  EXPECT_TRUE(wide->rounded);
}

// What a client that reads binary64 sees adds up as well.
TEST(MakeBridge, FourteenDigitsAreKeptByBinary64) {
  std::mt19937_64 random(12);
  const auto kept = [](const std::string& text) { return number_text(to_double(text)) == text; };
  for (int i = 0; i < 500; ++i) {
    const auto number = [&] {
      return fmt::format("{}{}.{}", random() % 2 == 0 ? "-" : "", random() % 9'999'999'999, random());
    };
    const auto bridge = make_bridge(number(), {{"a", number(), ""}, {"b", number(), ""}}, {.digits = 14});
    ASSERT_TRUE(bridge);
    EXPECT_TRUE(kept(bridge->from) && kept(bridge->to) && kept(bridge->change)) << bridge->change;
    for (const auto& step : bridge->steps) EXPECT_TRUE(kept(step.value) && kept(step.contribution));
    EXPECT_EQ(sum_of(*bridge), bridge->to);
    EXPECT_TRUE(bridge->rounded);
  }
  const auto short_ones = make_bridge("0.1", {{"a", "0.25", ""}}, {.digits = 14});
  EXPECT_EQ(short_ones->change, "0.15");
  EXPECT_FALSE(short_ones->rounded);
  EXPECT_EQ(make_bridge("0", {{"a", "0", ""}}, {.digits = 14})->change, "0");
  // The coarser of two bounds.
  EXPECT_EQ(make_bridge("1.25", {{"a", "2.125", ""}}, {.places = 1, .digits = 14})->to, "2.1");
  EXPECT_EQ(make_bridge("1.25", {{"a", "2.125", ""}}, {.places = 5, .digits = 2})->to, "2.1");
}

TEST(MakeBridge, RefusesWhatCannotBeAdded) {
  EXPECT_THAT(make_bridge("1", {}).error().message, HasSubstr("at least one step"));
  EXPECT_THAT(make_bridge("1", {{"data", "\"x\"", ""}}).error().message, HasSubstr("the value at 'data' is no number"));
  EXPECT_FALSE(make_bridge("", {{"data", "1", ""}}));
}

}  // namespace
}  // namespace modelrun::sweep
