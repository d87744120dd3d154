// `compare`: why two runs differ, two points of a sweep, two branches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/explanation.h"
#include "kube/point_rows.h"
#include "sweep_fixture.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct Explain : testing::Test, SweepProgram {
  // A run that has ended. On commit c2 the value has 0.2 more, and it is the growth times the years.
  void put_ended(const std::string& name, const std::string& commit, double growth, int years, double value,
                 const std::string& image = "python@sha256:1") {
    put_run(name, ended(commit, value, image),
            {{"project", "p"},
             {"scope", "project"},
             {"timeoutSeconds", 9},
             {"parameters", {{"growth", growth}, {"years", years}}}});
  }
  static json ended(const std::string& commit, double value, const std::string& image = "python@sha256:1") {
    return {{"phase", "Succeeded"},
            {"commitSHA", commit},
            {"outputs", {{"name", "n"}, {"value", value}}},
            {"provenance", {{"image", image}, {"imageID", image}}}};
  }
  // The runs that the program has made, in their order.
  std::vector<json> made() {
    auto all = server.all(kube::kModelRuns);
    std::erase_if(all, [](const json& run) { return run.at("metadata").at("name").get<std::string>().size() == 1; });
    return all;
  }
  // The run "s-1" with the first points of the sweep, which left a list that the table does not have.
  void put_run_of_sweep(const json& points, const std::string& owner) {
    std::vector<std::string> rows;
    for (std::size_t i = 0; i < points.size(); ++i) {
      api::PointRow row{.point = static_cast<std::int64_t>(i), .exit_code = 0};
      row.outputs = api::JsonText(json{{"list", {2 * i + 1}}, {"value", 10.0 * static_cast<double>(i + 1) + 0.5}});
      rows.push_back(api::encode_row(row));
    }
    json metadata = {{"namespace", "ns"}, {"name", "s-1"}, {"annotations", {{"modelrun.dev/first-point", "0"}}}};
    if (!owner.empty()) {
      metadata["ownerReferences"] = {{{"kind", "ModelSweep"}, {"name", "s"}, {"uid", owner}, {"controller", true}}};
    }
    const auto made = server.put(
        kube::kModelRuns,
        {{"metadata", metadata},
         {"spec", {{"project", "p"}, {"scope", "project"}, {"points", points}}},
         {"status",
          {{"phase", "Succeeded"},
           {"points", {{"total", points.size()}, {"succeeded", points.size()}, {"configMaps", {"rows"}}}}}}});
    put_rows(made, rows);
  }
  std::string uid_of_sweep() { return created().at("metadata").at("uid"); }
  // The operator's part: ends each of them, with the value for its commit and growth.
  void operate(std::map<std::string, double> values, const std::string& image = "python@sha256:1") {
    on_watch([this, values = std::move(values), image] {
      for (auto run : made()) {
        const auto& spec = run.at("spec");
        const auto commit = spec.at("commitSHA").get<std::string>();
        run["status"] = ended(commit, values.at(commit + spec.at("parameters").at("growth").dump()), image);
        server.put(kube::kModelRuns, run);
      }
    });
  }
};

TEST_F(Explain, EachStepIsARunAndTheBridgeAddsUp) {
  put_ended("a", "c1", 0.1, 2, 0.2);
  put_ended("b", "c2", 0.3, 3, 1.1);
  operate({{"c20.1", 0.4}, {"c20.3", 0.8}});
  ASSERT_EQ(run({"compare", "a", "b", "--explain"}), 0) << err;
  ASSERT_EQ(made().size(), 2U);
  EXPECT_EQ(made()[0].at("spec"), json::parse(R"({"project":"p","scope":"project","commitSHA":"c2","timeoutSeconds":9,
    "reuse":"Reuse","parameters":{"growth":0.1,"years":2}})"));
  EXPECT_EQ(made()[1].at("spec").at("parameters"), json::parse(R"({"growth":0.3,"years":2})"));
  EXPECT_THAT(err, HasSubstr("step 1 of 3, commit: run p-"));
  EXPECT_THAT(out, HasSubstr("commit              c1    c2\n")) << "the comparison comes first";
  EXPECT_THAT(out, HasSubstr("/value: from 0.2 to 1.1, which is 0.9 in all\n"));
  const auto name = [this](std::size_t i) { return made()[i].at("metadata").at("name").get<std::string>(); };
  EXPECT_THAT(out, HasSubstr("  (base)             -        0.2     a"));
  EXPECT_THAT(out, HasSubstr("  commit             0.2      0.4     " + name(0)));
  EXPECT_THAT(out, HasSubstr("  parameter growth   0.4      0.8     " + name(1)));
  EXPECT_THAT(out, HasSubstr("  parameter years    0.3      1.1     b"));
}

TEST_F(Explain, ForSpreadsheetsAndScripts) {
  put_ended("a", "c1", 0.1, 2, 0.2);
  put_ended("b", "c2", 0.3, 2, 0.8);
  operate({{"c20.1", 0.4}});
  ASSERT_EQ(run({"compare", "a", "b", "--explain", "-o", "csv"}), 0) << err;
  const auto step = made()[0].at("metadata").at("name").get<std::string>();
  EXPECT_EQ(out, "path,step,cause,run,change,value\r\n/value,0,base,a,,0.2\r\n/value,1,commit," + step +
                     ",0.2,0.4\r\n/value,2,parameter growth,b,0.4,0.8\r\n");
  operate({{"c20.1", 0.4}});
  ASSERT_EQ(run({"compare", "a", "b", "--explain", "-o", "json"}), 0) << err;
  const auto told = json::parse(out);
  EXPECT_EQ(told.at("comparison").at("base"), "a");
  EXPECT_EQ(told.at("bridges").at(0).at("change"), 0.6);
  EXPECT_EQ(told.at("bridges").at(0).at("steps").at(1).at("run"), "b");
  EXPECT_EQ(told.at("notExplained"), json::array());
}

TEST_F(Explain, OneCauseNeedsNoRun) {
  put_ended("a", "c1", 0.1, 2, 0.2);
  put_ended("b", "c2", 0.1, 2, 0.4);
  ASSERT_EQ(run({"compare", "a", "b", "--explain"}), 0) << err;
  EXPECT_EQ(server.writes(), 0);
  EXPECT_THAT(out, HasSubstr("  commit   0.2      0.4     b"));
}

TEST_F(Explain, NothingIsExecutedForNoDifference) {
  put_ended("a", "c1", 0.1, 2, 0.2);
  put_ended("b", "c2", 0.2, 2, 0.2);
  ASSERT_EQ(run({"compare", "a", "b", "--explain"}), 0) << err;
  EXPECT_EQ(server.writes(), 0);
  EXPECT_THAT(out, HasSubstr("no number of the outputs differs"));
}

TEST_F(Explain, AnImageWithoutADigestIsNotReused) {
  put_ended("a", "c1", 0.1, 2, 0.2, "python:3");
  put_ended("b", "c2", 0.3, 2, 0.8, "python:3");
  operate({{"c20.1", 0.4}}, "python:3");
  ASSERT_EQ(run({"compare", "a", "b", "--explain"}), 0) << err;
  EXPECT_EQ(made()[0].at("spec").at("reuse"), "Join");
}

TEST_F(Explain, AProjectThatHasChangedSinceIsTold) {
  put_ended("a", "c1", 0.1, 2, 0.2);
  put_ended("b", "c2", 0.3, 2, 0.8);
  operate({{"c20.1", 0.4}}, "python@sha256:2");
  EXPECT_EQ(run({"compare", "a", "b", "--explain"}), 1);
  EXPECT_THAT(err, HasSubstr("project p has changed since run b was executed (image)"));
  EXPECT_EQ(out, "");
}

TEST_F(Explain, BranchesAreRunFirst) {
  on_watch([this] {
    for (auto run : made()) {
      const bool is_main = run.at("spec").at("branch") == "main";
      run["status"] = ended(is_main ? "c1" : "c2", is_main ? 100 : 150);
      server.put(kube::kModelRuns, run);
    }
  });
  ASSERT_EQ(run({"compare", "--branches", "main", "faster", "p", "--model", "revenue", "-p", "years=5"}), 0) << err;
  ASSERT_EQ(made().size(), 2U);
  std::vector<json> specs{made()[0].at("spec"), made()[1].at("spec")};
  const json expected = {
      {"project", "p"}, {"scope", "model"}, {"modelName", "revenue"}, {"parameters", {{"years", 5}}}};
  for (const char* branch : {"main", "faster"}) {
    auto spec = expected;
    spec["branch"] = branch;
    EXPECT_THAT(specs, testing::Contains(spec));
  }
  EXPECT_THAT(err, HasSubstr("branch main: run p-"));
  EXPECT_THAT(out, HasSubstr("/value   100"));
  EXPECT_THAT(out, HasSubstr("+50.00% *"));
}

TEST_F(Explain, PointsOfASweepComeFromItsRuns) {
  put_sweep("s", status_with_table());
  put_run_of_sweep({{{"growth", 0.1}}, {{"growth", 0.2}}}, uid_of_sweep());
  ASSERT_EQ(run({"compare", "modelsweep/s", "0", "1"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("INPUT               s[0]   s[1]\nparameter /growth   0.1    0.2\n"));
  EXPECT_THAT(out, HasSubstr("/list/0   1"));
  EXPECT_THAT(out, HasSubstr("/value    10.5"));
  EXPECT_EQ(err, "");
}

// What stands in a run and not in the table is no difference.
TEST_F(Explain, PointsOfWhichOneRunIsGoneBothComeFromTheTable) {
  put_sweep("s", status_with_table(), {{"years", 5}});
  put_run_of_sweep({{{"growth", 0.1}, {"years", 5}}}, uid_of_sweep());
  for (const auto& [base, other, value] : {std::tuple("0", "1", "10.50   20.50"), {"1", "0", "20.50   10.50"}}) {
    ASSERT_EQ(run({"compare", "modelsweep/s", base, other}), 0) << err;
    EXPECT_THAT(err, HasSubstr("run s-1 has no row of point 1 any more; only what stands in the table is compared"));
    EXPECT_THAT(out, Not(HasSubstr("/list")));
    EXPECT_THAT(out, Not(HasSubstr("/years")));
    EXPECT_THAT(out, HasSubstr(fmt::format("/value   {}", value)));
    EXPECT_THAT(out, HasSubstr("1 of 1 values differ"));
  }
}

TEST_F(Explain, ARunIsNotTheSweepsForItsNameOrItsOwner) {
  put_sweep("s", status_with_table());
  for (const auto& [growth, owner, message] :
       {std::tuple(0.2, std::string(), "run s-1 is not one of sweep s"),
        {0.2, "of-another", "run s-1 is not one of"},
        {0.7, uid_of_sweep(), "run s-1 has other parameters than point 1 of sweep s"}}) {
    put_run_of_sweep({{{"growth", 0.1}}, {{"growth", growth}}}, owner);
    ASSERT_EQ(run({"compare", "modelsweep/s", "0", "1"}), 0) << err;
    EXPECT_THAT(err, HasSubstr(message));
    EXPECT_THAT(out, Not(HasSubstr("/list")));
  }
}

TEST_F(Explain, NothingIsExecutedForPointsWhoseImageIsNotKnown) {
  auto status = status_with_table("Succeeded", {"growth", "rate"});
  status["commitSHA"] = "c1";
  put_sweep("s", status);
  EXPECT_EQ(run({"compare", "modelsweep/s", "0", "1", "--explain"}), 1);
  EXPECT_THAT(err, HasSubstr("not known any more which image s[1] was executed with"));
  EXPECT_EQ(server.writes(), 0);
}

// The text shows some differences only; what is explained does not depend on that.
TEST_F(Explain, ASignificantDifferenceIsFoundBehindManyOthers) {
  for (const auto& [name, more] : {std::pair("a", 0), {"b", 1}}) {
    json list = json::array();
    for (int i = 0; i < 60; ++i) list.push_back(1000 + i + more);
    auto status = ended(fmt::format("c{}", more), 1 + more);
    status["outputs"]["list"] = list;
    put_run(name, status);
  }
  ASSERT_EQ(run({"compare", "a", "b"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("/value     1.0    2.0    1        +100.00% *\n"));
  EXPECT_THAT(out,
              HasSubstr("61 of 62 values differ, 1 of them significantly (*)\n11 of them are left out here; --all"));
  ASSERT_EQ(run({"compare", "a", "b", "--explain"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("/value: from 1 to 2, which is 1 in all"));
  EXPECT_THAT(out, HasSubstr("10 of 61 numbers that differ are explained here"));
  EXPECT_THAT(out, HasSubstr("11 of them are left out here"));
  EXPECT_EQ(server.writes(), 0);
}

TEST_F(Explain, PointsWhoseRunIsGoneComeFromTheTable) {
  put_sweep("s", status_with_table());
  ASSERT_EQ(run({"compare", "modelsweep/s", "0", "1"}), 0) << err;
  EXPECT_THAT(err, HasSubstr("only what stands in the table is compared"));
  EXPECT_THAT(out, HasSubstr("/value   10.50   20.50   10       +95.24% *"));
}

TEST_F(Explain, WhatDoesNotGoTogether) {
  put_sweep("s", status_with_table());
  put_sweep("t", {{"phase", "Running"}});
  struct Row {
    std::vector<std::string> words;
    const char* message;
  };
  for (const auto& [words, message] : std::vector<Row>{
           {{"a", "b", "3"}, "name two runs"},
           {{"modelsweep/s", "0"}, "name two points of the sweep"},
           {{"modelsweep/s", "0", "x"}, "'x' is no point"},
           {{"modelsweep/s", "0", "3"}, "no point 3: its 3 points"},
           {{"modelsweep/s", "0", "2"},
            "point 2 of sweep s left no outputs that could be compared: NonZeroExit: no rate"},
           {{"modelsweep/t", "0", "1"}, "It has no table yet"},
           {{"a", "b", "--model", "m"}, "belong to --branches"},
           {{"--branches", "x", "y", "p", "q"}, "q is too much"},
       }) {
    auto all = words;
    all.insert(all.begin(), "compare");
    EXPECT_EQ(run(all), 1) << fmt::format("{}", fmt::join(words, " "));
    EXPECT_THAT(err, HasSubstr(message));
  }
  EXPECT_EQ(run({"compare", "a"}), 2);
  EXPECT_EQ(run({"compare", "--branches", "x", "y"}), 2) << "the project is missing";
  EXPECT_EQ(server.writes(), 0);
}

TEST(Explanation, TheDrawingReachesFromTheValueBeforeToItsOwn) {
  ExplainedRuns explained{"a", "b", {"s", "b"}, {}};
  explained.explanation.bridges = {
      {"/v", sweep::make_bridge("0", {{"commit", "29", {}}, {"parameter x", "10", {}}}).value()}};
  EXPECT_EQ(explanation_text(explained, 1),
            "/v: from 0 to 10, which is 10 in all\n"
            "  CAUSE         CHANGE   VALUE   RUN\n"
            "  (base)        -        0       a     |\n"
            "  commit        29       29      s     ++++++++++++++++++++++++++++++\n"
            "  parameter x   -19      10      b               --------------------\n");
  explained.explanation.without = {"/w", "/x"};
  const auto text = explanation_text(explained, 0);
  EXPECT_THAT(text, HasSubstr("0 of 1 numbers that differ are explained here; --all shows more"));
  EXPECT_THAT(text, HasSubstr("not explained, since a step has no number there: /w and 1 more"));
}

}  // namespace
}  // namespace modelrun::cli
