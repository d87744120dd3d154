// Sweeps in the commands for runs: get, describe, wait, output, cancel and the others, and completion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/point_table.h"
#include "kube/point_rows.h"
#include "sweep_fixture.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct SweepObjects : testing::Test, SweepProgram {
  // A run with three points, two of which are done.
  void put_points() {
    api::PointRow first{.point = 0, .exit_code = 0, .milliseconds = 12};
    first.outputs = api::JsonText::from_compact(R"({"value":1.25})");
    const api::PointRow second{.point = 1,
                               .phase = api::PointPhase::kTimedOut,
                               .reason = "Timeout",
                               .message = "slow",
                               .err = "step 1\nstep 2\n"};
    const auto run = put_run(
        "r",
        {{"phase", "Running"}, {"points", {{"total", 3}, {"succeeded", 1}, {"failed", 1}, {"configMaps", {"rows"}}}}},
        {{"project", "p"},
         {"scope", "project"},
         {"points",
          {{{"growth", 0.1}, {"years", 5}}, {{"growth", 0.2}, {"years", 5}}, {{"growth", 0.3}, {"years", 5}}}}});
    put_rows(run, {api::encode_row(first), api::encode_row(second)});
  }
};

TEST_F(SweepObjects, GetOneAndAll) {
  put_sweep("s", status_with_table());
  put_sweep("t", {{"phase", "Running"}});
  put_run("r", {{"phase", "Running"}});
  ASSERT_EQ(run({"get", "modelsweeps"}), 0) << err;
  EXPECT_TRUE(out.starts_with("NAME   PROJECT   PHASE       REASON   POINTS   FAILED   COMMIT   DURATION   AGE\n"))
      << out;
  EXPECT_THAT(out, HasSubstr("s      p         Succeeded   <none>   3/3      1 "));
  EXPECT_THAT(out, Not(HasSubstr("\nr ")));
  ASSERT_EQ(run({"get", "msw", "--phase", "Running", "-o", "name"}), 0) << err;
  EXPECT_EQ(out, "modelsweep.modelrun.dev/t\n");
  ASSERT_EQ(run({"get", "msw/s", "-o", "json"}), 0) << err;
  EXPECT_EQ(json::parse(out), server.find(kube::kModelSweeps, "ns", "s").value());
  ASSERT_EQ(run({"get"}), 0) << err;
  EXPECT_THAT(out, Not(HasSubstr("\ns "))) << "without a word, runs";
  EXPECT_EQ(run({"get", "modelsweep/absent"}), 1);
  EXPECT_THAT(err, HasSubstr("`kubectl modelrun get modelsweeps -n ns` lists the sweeps"));
  EXPECT_EQ(run({"get", "modelsweep/s", "--phase", "Running"}), 2);
  EXPECT_EQ(run({"get", "r", "--project", "p"}), 2);
  ASSERT_EQ(run({"get", "msw", "-n", "other"}), 0);
  EXPECT_THAT(err, HasSubstr("No sweeps found in namespace other."));
}

TEST_F(SweepObjects, Describe) {
  auto status = status_with_table("Failed");
  status["error"] = {{"reason", "TooManyFailedPoints"}, {"message", "more than 0"}};
  status["runs"] = {{{"name", "s-1"}, {"first", 0}, {"count", 3}, {"phase", "Succeeded"}}};
  status["summary"] = {{{"output", "value"}, {"count", 2}, {"mean", 15.5}, {"min", 10.5}, {"max", 20.5}}};
  put_sweep("s", status);
  ASSERT_EQ(run({"describe", "modelsweep/s"}), 0) << err;
  for (const char* part :
       {"Name:         s\n", "Space:\n  {\n    \"grid\": []\n", "Reason:       TooManyFailedPoints",
        "What to do:   See why the points failed: kubectl modelrun output modelsweep/s -n ns",
        "Points:       2 of 3 succeeded, 1 failed, 0 running", "  s-1   0 to 2   Succeeded\n",
        "  value    2       15.5", "Table:        3 rows; kubectl modelrun output modelsweep/s -o csv -n ns"}) {
    EXPECT_THAT(out, HasSubstr(part));
  }
}

TEST_F(SweepObjects, WaitPrintsWhatCameOut) {
  put_sweep("s", {{"phase", "Running"}});
  on_watch([this] { change_sweep(status_with_table("Cancelled")); });
  EXPECT_EQ(run({"wait", "modelsweep/s"}), 130);
  EXPECT_THAT(out, HasSubstr("Phase:     Cancelled"));
  EXPECT_EQ(run({"wait", "modelsweep/s", "-o", "outputs"}), 130);
  EXPECT_EQ(std::ranges::count(out, '\n'), 3);
  EXPECT_THAT(out, HasSubstr(R"("outputs":{"value":10.50})"));
  EXPECT_EQ(run({"wait", "modelsweep/s", "-o", "name"}), 130);
  EXPECT_EQ(out, "modelsweep.modelrun.dev/s\n");
}

TEST_F(SweepObjects, OutputIsTheTable) {
  put_sweep("s", status_with_table());
  ASSERT_EQ(run({"output", "modelsweep/s"}), 0) << err;
  EXPECT_EQ(std::ranges::count(out, '\n'), 3);
  EXPECT_TRUE(out.starts_with(R"({"index":0,"parameters":{"growth":0.1},"outputs":{"value":10.50})")) << out;
  ASSERT_EQ(run({"output", "modelsweep/s", "-o", "json"}), 0) << err;
  EXPECT_EQ(json::parse(out).size(), 3U);
  ASSERT_EQ(run({"output", "modelsweep/s", "-o", "csv"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("1,0.2,20.50,Succeeded,,,,s-1\r\n"));
  ASSERT_EQ(run({"output", "modelsweep/s", "2"}), 0) << err;
  EXPECT_EQ(json::parse(out).at("message"), "no rate");
  ASSERT_EQ(run({"output", "modelsweep/s", "-o", "text"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("Sweep:     s\n"));
  EXPECT_EQ(run({"output", "modelsweep/s", "3"}), 1);
  EXPECT_THAT(err, HasSubstr("no point '3': its 3 points are numbered from 0"));
}

TEST_F(SweepObjects, ATableThatIsNotThereIsTold) {
  put_sweep("s", {{"phase", "Running"}});
  EXPECT_EQ(run({"output", "msw/s"}), 1);
  EXPECT_THAT(err, HasSubstr("It has no table yet: `kubectl modelrun wait modelsweep/s -n ns`"));
  put_sweep("s", {{"phase", "Failed"}});
  EXPECT_EQ(run({"output", "msw/s"}), 1);
  EXPECT_THAT(err, HasSubstr("left no table"));
}

TEST_F(SweepObjects, ATableWhosePartsAreNotItsOwnIsRefused) {
  auto status = status_with_table();
  status["tableRef"]["sha256"] = std::string(64, '0');
  put_sweep("s", status);
  EXPECT_EQ(run({"output", "msw/s", "-o", "csv"}), 1);
  EXPECT_EQ(out, "");
  EXPECT_THAT(err, HasSubstr("the table of sweep s: "));
}

TEST_F(SweepObjects, OutputOfARunWithPoints) {
  put_points();
  ASSERT_EQ(run({"output", "r", "-o", "csv"}), 0) << err;
  EXPECT_EQ(out,
            "index,growth,value,phase,reason,message,durationSeconds,run\r\n"
            "0,0.1,1.25,Succeeded,,,0.012,r\r\n"
            "1,0.2,,TimedOut,Timeout,slow: step 1 step 2,0,r\r\n");
  ASSERT_EQ(run({"output", "r", "-o", "json"}), 0) << err;
  EXPECT_EQ(json::parse(out).at(1).at("reason"), "Timeout");
  ASSERT_EQ(run({"output", "r", "1", "-o", "csv"}), 0) << err;
  EXPECT_THAT(out, Not(HasSubstr("Succeeded")));
  EXPECT_EQ(run({"output", "r", "2"}), 1);
  EXPECT_THAT(err, HasSubstr("2 of its points, which are numbered from 0, are done"));
  put_run("plain", {{"phase", "Succeeded"}, {"outputs", {{"total", 1}}}});
  EXPECT_EQ(run({"output", "plain", "-o", "csv"}), 1);
  EXPECT_THAT(err, HasSubstr("run plain has no points"));
}

TEST_F(SweepObjects, AllOfASweepIntoAFolder) {
  put_sweep("s", status_with_table());
  const auto folder = std::filesystem::path(testing::TempDir()) / "modelrun-sweep-output";
  std::filesystem::remove_all(folder);
  ASSERT_EQ(run({"output", "modelsweep/s", "--all", folder.string()}), 0) << err;
  std::ifstream csv(folder / "table.csv", std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(csv)), {});
  EXPECT_THAT(text, HasSubstr("0,0.1,10.50,"));
  EXPECT_TRUE(std::filesystem::exists(folder / "table.jsonl"));
  std::filesystem::remove_all(folder);
}

TEST_F(SweepObjects, ChangesAreMadeToTheSweep) {
  put_sweep("s", {{"phase", "Running"}});
  put_run("s", {{"phase", "Running"}});
  ASSERT_EQ(run({"suspend", "modelsweep/s"}), 0) << err;
  EXPECT_EQ(out, "modelsweep.modelrun.dev/s is suspended\n");
  EXPECT_EQ(created().at("spec").at("suspend"), true);
  ASSERT_EQ(run({"resume", "msw/s"}), 0) << err;
  EXPECT_EQ(created().at("spec").at("suspend"), false);
  ASSERT_EQ(run({"cancel", "modelsweep/s"}), 0) << err;
  EXPECT_EQ(created().at("spec").at("cancel"), true);
  EXPECT_FALSE(server.all(kube::kModelRuns).front().at("spec").contains("cancel"))
      << "a run of that name is none of it";
  change_sweep({{"phase", "Cancelled"}});
  ASSERT_EQ(run({"cancel", "modelsweep/s"}), 0);
  EXPECT_THAT(err, HasSubstr("s: Cancelled was over already"));
  ASSERT_EQ(run({"delete", "modelsweep/s", "modelrun/s"}), 0) << err;
  EXPECT_EQ(out, "modelsweep.modelrun.dev/s deleted\nmodelrun.modelrun.dev/s deleted\n");
}

TEST_F(SweepObjects, CommandsForRunsSayThatItIsASweep) {
  put_sweep("s", {{"phase", "Running"}});
  for (const char* command : {"logs", "rerun"}) {
    EXPECT_EQ(run({command, "modelsweep/s"}), 1);
    EXPECT_THAT(err, HasSubstr("modelsweep/s is a sweep, and this command takes a run"));
  }
}

TEST_F(SweepObjects, Completion) {
  put_sweep("s-1", {{"phase", "Running"}});
  put_run("m-1", {{"phase", "Running"}});
  const auto ask = [this](std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    EXPECT_EQ(run(words), 0);
    return out;
  };
  EXPECT_EQ(ask({"wait", ""}), "m-1\nmodelsweep/s-1\n:4\n");
  EXPECT_EQ(ask({"output", "m"}), "m-1\nmodelsweep/s-1\n:4\n");
  EXPECT_EQ(ask({"cancel", "modelsweep/s"}), "modelsweep/s-1\n:4\n");
  EXPECT_EQ(ask({"describe", "msw/"}), "msw/s-1\n:4\n");
  EXPECT_EQ(ask({"logs", ""}), "m-1\n:4\n");
  const auto asked = server.requests().size();
  ask({"get", "s"});
  EXPECT_EQ(server.requests().size(), asked + 1) << "no sweep's word begins so";
  EXPECT_EQ(ask({"sweep", "p", "-o", "j"}), "json\njsonl\n:4\n");
  EXPECT_EQ(ask({"sweep", "p", "--points", ""}), ":0\n");
}

TEST(PointTable, ColumnsAreWhatVaries) {
  api::ModelRun run;
  run.meta.name = "r";
  run.spec.points = json::parse(R"([{"a":1,"b":"x"},{"a":1,"b":"y","c":true},{"a":1,"b":"y"}])");
  api::PointRow row{.point = 1};
  row.outputs = api::JsonText::from_compact(R"({"deep":{"v":1.10},"text":"no column","v":true})");
  const auto table = point_table(run, {row});
  EXPECT_EQ(table.parameters, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(table.outputs, (std::vector<std::string>{"v", "/deep/v"}));
  ASSERT_EQ(table.rows.size(), 1U);
  EXPECT_EQ(table.rows[0].parameters, (std::vector<std::string>{"\"y\"", "true"}));
  EXPECT_EQ(table.rows[0].outputs, (std::vector<std::string>{"true", "1.10"}));
}

}  // namespace
}  // namespace modelrun::cli
