#include "cli/plots.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace modelrun::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

// A table of `parameters` and the output "value"; each row has the values of these and of the output.
sweep::Table table_of(std::vector<std::string> parameters, const std::vector<std::vector<std::string>>& rows) {
  sweep::Table table{std::move(parameters), {"value"}, {}};
  for (const auto& cells : rows) {
    table.rows.push_back({.index = table.rows.size(),
                          .parameters = {cells.begin(), cells.end() - 1},
                          .outputs = {cells.back()},
                          .phase = api::Phase::kSucceeded});
  }
  return table;
}

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    most = std::max(most, end - at);
    at = end + 1;
  }
  return most;
}

TEST(Plots, Line) {
  EXPECT_EQ(line_plot(table_of({"growth"}, {{"0.1", "10"}, {"0.2", "20.5"}, {"0.3", ""}, {"0.4", "31"}}), 0),
            "value by growth, from 10 to 31\n"
            "  0.1   |*                                       |   10\n"
            "  0.2   |                    *                   |   20.5\n"
            "  0.3   |                                        |   -\n"
            "  0.4   |                                       *|   31\n");
  EXPECT_EQ(line_plot(table_of({"growth"}, {{"0.1", ""}}), 0), "value: no point has it as a number\n");
}

TEST(Plots, ALongLineLeavesValuesOutButNotItsEnds) {
  std::vector<std::vector<std::string>> rows;
  for (int i = 0; i < 101; ++i) rows.push_back({fmt::format("{}", i), fmt::format("{}", i * i)});
  const auto text = line_plot(table_of({"i"}, rows), 0);
  EXPECT_THAT(text, HasSubstr("\n  0 "));
  EXPECT_THAT(text, HasSubstr("\n  100 "));
  EXPECT_THAT(text, HasSubstr("(40 of 101 values of i are shown)\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 42);
}

TEST(Plots, HeatMap) {
  EXPECT_EQ(heat_map(table_of({"a", "b"}, {{"1", "x", "0"}, {"1", "y", "4"}, {"2", "x", "8"}, {"2", "y", ""}}), 0),
            "value by a (down) and b (right),\nfrom 0 (.) to 8 (@)\n"
            "a   x     y\n"
            "1   . 0   + 4\n"
            "2   @ 8   -\n");
}

TEST(Plots, AWideHeatMapLeavesColumnsOut) {
  std::vector<std::vector<std::string>> rows;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 20; ++j) rows.push_back({fmt::format("{}", i), fmt::format("{}", j), "-1.23456789e-100"});
  }
  const auto text = heat_map(table_of({"a", "b"}, rows), 0);
  EXPECT_THAT(text, HasSubstr("(7 of 20 values of b are shown)"));
  EXPECT_LE(widest(text), kPlotColumns) << text;
}

TEST(Plots, TornadoHasTheWidestFirstAndMarksTheBase) {
  api::ModelSweepStatus status;
  status.sensitivity = {{.output = "value", .axis = "narrow", .low = 14, .high = 16, .low_at = "1", .high_at = "2"},
                        {.output = "other", .axis = "absent", .low = 0, .high = 100},
                        {.output = "value", .axis = "wide", .low = 10, .high = 20, .low_at = "0.1"}};
  EXPECT_EQ(tornado(status, "value", 15),
            "value, from 10 to 20; | is the base, 15\n"
            "  wide     ##############|#############   10 at 0.1   20\n"
            "  narrow              ###|##              14 at 1     16 at 2\n");
  EXPECT_THAT(tornado(status, "value", std::nullopt), Not(HasSubstr("|")));
  EXPECT_EQ(tornado(status, "none", 1), "");
}

TEST(Plots, Histogram) {
  std::vector<std::vector<std::string>> rows;
  for (int i = 0; i <= 100; ++i) rows.push_back({"1", fmt::format("{}", i)});
  const auto text =
      histogram(table_of({"x"}, rows), 0, {.output = "value", .count = 101, .p5 = 5, .p50 = 50, .p95 = 95});
  EXPECT_THAT(text, HasSubstr("value, from 0 to 100: how many of 101 points\n"));
  const std::string full(40, '#');
  EXPECT_THAT(text, HasSubstr("\n  5    " + std::string(34, '#') + "         5 p5 5\n"));
  EXPECT_THAT(text, HasSubstr(" 5 p50 50\n"));
  EXPECT_THAT(text, HasSubstr("\n  95   " + full + "   6 p95 95\n"));
  EXPECT_EQ(histogram(table_of({"x"}, {{"1", "7"}, {"2", "7"}}), 0, {.output = "value"}), "") << "one value only";
}

TEST(Plots, NamesThatModelsWroteCannotBreakTheLinesNorWidenThem) {
  const std::string name = "a\nb\x1b[2J" + std::string(300, 'x');
  auto table = table_of({name, name + "2"}, {{"\"" + name + "\"", "2", "1e300"}, {"2", "3", "-1e300"}});
  table.outputs = {name};
  api::ModelSweepStatus status;
  status.sensitivity = {
      {.output = name, .axis = name, .low = -1e300, .high = 1.7976931348623157e308, .low_at = name, .high_at = name}};
  const api::OutputSummary summary{.output = name, .count = 10'000, .p5 = -1.2345e-100, .p50 = 0, .p95 = 1.2345e-100};
  for (const auto& text :
       {line_plot(table, 0), heat_map(table, 0), tornado(status, name, -1e308), histogram(table, 0, summary)}) {
    EXPECT_FALSE(text.empty());
    EXPECT_LE(widest(text), kPlotColumns) << text;
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\nb")));
  }
}

TEST(Plots, TheSpaceSaysWhatIsDrawn) {
  const auto drawn = [](const char* space, const sweep::Table& table) {
    api::ModelSweep sweep;
    sweep.spec.space = nlohmann::json::parse(space);
    sweep.status.summary = {{.output = "value", .count = 2, .p5 = 1, .p50 = 1, .p95 = 2}};
    sweep.status.sensitivity = {{.output = "value", .axis = "a", .low = 1, .high = 2}};
    return plots(sweep, table);
  };
  const auto one = table_of({"a"}, {{"1", "1"}, {"2", "2"}});
  const auto two = table_of({"a", "b"}, {{"1", "1", "1"}, {"2", "1", "2"}});
  const auto three = table_of({"a", "b", "c"}, {{"1", "1", "1", "1"}, {"2", "1", "1", "2"}});
  EXPECT_THAT(drawn(R"({"grid":[{"name":"a","values":[1,2]}]})", one), HasSubstr("value by a, from"));
  EXPECT_THAT(drawn(R"({"grid":[{"name":"a","values":[1,2]},{"name":"b","values":[1]}]})", two), HasSubstr("(down)"));
  EXPECT_THAT(
      drawn(R"({"grid":[{"name":"a","values":[1,2]},{"name":"b","values":[1]},{"name":"c","values":[1]}]})", three),
      HasSubstr("value, from 1 to 2\n"));
  EXPECT_THAT(drawn(R"({"oneAtATime":[{"name":"a","values":[2]}]})", one), HasSubstr("| is the base, 1\n"));
  EXPECT_THAT(drawn(R"({"sample":{"count":2,"axes":[{"name":"a","uniform":{"low":1,"high":2}}]}})", one),
              HasSubstr("how many of 2 points"));
  EXPECT_THAT(drawn(R"({"points":[{"a":1,"b":1},{"a":2,"b":1}]})", two), HasSubstr("nothing can be drawn"));
}

}  // namespace
}  // namespace modelrun::cli
