// The commands for sweeps against an API server in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/yaml.h"
#include "sweep_fixture.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct SweepCommands : testing::Test, SweepProgram {};

TEST_F(SweepCommands, SweepStartsWaitsAndShowsWhatCameOut) {
  on_watch([this] {
    change_sweep({{"phase", "Running"}, {"points", {{"total", 3}, {"succeeded", 1}, {"running", 2}}}});
    change_sweep(status_with_table());
  });
  EXPECT_EQ(run({"sweep", "p", "--model", "revenue", "--vary", "growth=0.1,0.2,0.3", "-p", "years=5", "--outputs",
                 "value,/detail/irr", "--parallelism", "2", "--timeout", "1m", "--max-failed", "1", "--branch", "b"}),
            0)
      << err;
  EXPECT_EQ(created().at("spec"), json::parse(R"({"project":"p","scope":"model","modelName":"revenue","branch":"b",
    "parameters":{"years":5},"space":{"grid":[{"name":"growth","values":[0.1,0.2,0.3]}]},
    "outputs":["value","/detail/irr"],"limits":{"parallelism":2,"timeoutSeconds":60,"maxFailedPoints":1}})"));
  EXPECT_EQ(created().at("metadata").at("labels"), (json{{"modelrun.dev/created-by", "cli"}}));
  EXPECT_THAT(err, HasSubstr("created in namespace ns"));
  EXPECT_THAT(err, HasSubstr("[######..............] 1/3 points, 2 running\n"));
  EXPECT_THAT(err, Not(HasSubstr("\r"))) << "it is no terminal";
  EXPECT_THAT(out, HasSubstr("Phase:     Succeeded"));
  EXPECT_THAT(out, HasSubstr("2       0.3      <none>   NonZeroExit: no rate"));
}

TEST_F(SweepCommands, OnATerminalTheProgressIsOneLine) {
  tty = true;
  on_watch([this] {
    change_sweep({{"phase", "Running"}, {"points", {{"total", 3}, {"succeeded", 1}, {"running", 2}}}});
    change_sweep({{"phase", "Running"}, {"points", {{"total", 3}, {"succeeded", 2}, {"running", 1}}}});
    change_sweep(status_with_table());
  });
  EXPECT_EQ(run({"sweep", "p", "--vary", "growth=0.1,0.2,0.3"}), 0) << err;
  EXPECT_THAT(err, HasSubstr("\r\x1b[K[######..............] 1/3 points, 2 running\r\x1b[K[#############.......] 2/3"));
  EXPECT_TRUE(err.ends_with("\r\x1b[K")) << err;
}

TEST(ConsoleProgress, WhateverIsWrittenNextTakesItsPlace) {
  std::string out, err;
  Console console({[&](std::string_view text) { out += text; }, true},
                  {[&](std::string_view text) { err += text; }, true}, {});
  console.progress("half\x1b[2J");
  console.note("a note");
  console.note("another");
  EXPECT_EQ(err, "\r\x1b[Khalf\\x1b[2J\r\x1b[Ka note\nanother\n");
  err.clear();
  console.progress(std::string(200, 'x'));
  console.out("result\n");
  console.progress("");
  EXPECT_EQ(err, "\r\x1b[K" + std::string(79, 'x') + "\r\x1b[K");
  EXPECT_EQ(out, "result\n");
}

TEST_F(SweepCommands, ABrokenConnectionIsTold) {
  auto broken = std::make_shared<bool>(false);
  server.set_hook([this, broken](const kube::Request& request, int) {
    if (*broken || request.path.find("watch=true") == std::string::npos) return fakes::Fault::kNone;
    *broken = true;
    change_sweep(status_with_table());
    return fakes::Fault::kDropBefore;
  });
  EXPECT_EQ(run({"sweep", "p", "--vary", "growth=1,2"}), 0);
  EXPECT_THAT(err, HasSubstr("trying again"));
}

TEST_F(SweepCommands, TablesAreAllThatStandsOnStandardOutput) {
  on_watch([this] { change_sweep(status_with_table()); });
  EXPECT_EQ(run({"sweep", "p", "--vary", "growth=0.1:0.3:3", "-o", "csv"}), 0) << err;
  EXPECT_EQ(out.substr(0, out.find('\n')), "index,growth,value,phase,reason,message,durationSeconds,run\r");
  EXPECT_THAT(out, HasSubstr("0,0.1,10.50,Succeeded,")) << "numbers keep their digits";
}

TEST_F(SweepCommands, PlotsStandBelowTheText) {
  auto status = status_with_table();
  status["summary"] = {{{"output", "value"}, {"count", 2}, {"min", 10.5}, {"max", 20.5}}};
  on_watch([&] { change_sweep(status); });
  EXPECT_EQ(run({"sweep", "p", "--vary", "growth=0.1:0.3:3", "--name", "s", "--plot"}), 0) << err;
  EXPECT_LT(out.find("Phase:     Succeeded"), out.find("\nvalue by growth, from 10.5 to 20.5\n")) << out;
  EXPECT_EQ(run({"output", "modelsweep/s", "-o", "text", "--plot"}), 0) << err;
  EXPECT_THAT(out, HasSubstr("\nvalue by growth, from 10.5 to 20.5\n"));
  EXPECT_EQ(run({"output", "modelsweep/s", "-o", "csv", "--plot"}), 1);
  EXPECT_EQ(run({"sweep", "p", "--vary", "growth=1,2", "--plot", "-o", "csv"}), 1);
  EXPECT_THAT(err, HasSubstr("--plot draws below the text"));
}

TEST_F(SweepCommands, AFailureWithoutATableIsTold) {
  on_watch([this] {
    change_sweep({{"phase", "Failed"}, {"message", "no branch x"}, {"error", {{"reason", "RefNotFound"}}}});
  });
  EXPECT_EQ(run({"sweep", "p", "--vary", "growth=1,2", "-o", "jsonl"}), 1);
  EXPECT_EQ(out, "");
  EXPECT_THAT(err, HasSubstr("Failed (RefNotFound): no branch x"));
}

TEST_F(SweepCommands, CtrlCLeavesTheSweepAndSaysHowToGoOn) {
  on_watch([this] { stop.request_stop(); });
  EXPECT_EQ(run({"sweep", "p", "--vary", "growth=1,2", "--name", "s", "--context", "staging"}), 130);
  EXPECT_THAT(err, HasSubstr("sweep s goes on"));
  EXPECT_THAT(err, HasSubstr("kubectl modelrun wait modelsweep/s -n ns --context staging"));
  EXPECT_THAT(err, HasSubstr("kubectl modelrun cancel modelsweep/s -n ns --context staging"));
  EXPECT_FALSE(created().at("spec").contains("cancel"));
}

TEST_F(SweepCommands, DryRunPrintsTheManifest) {
  const std::vector<std::string> words{"sweep", "p", "--sample", "10", "--vary", "x=uniform:0:1", "--dry-run"};
  ASSERT_EQ(run(words), 0) << err;
  const auto object = json::parse(out);
  EXPECT_EQ(object.at("kind"), "ModelSweep");
  EXPECT_EQ(object.at("metadata").at("generateName"), "p-");
  auto yaml = words;
  yaml.insert(yaml.end(), {"-o", "yaml"});
  ASSERT_EQ(run(yaml), 0) << err;
  EXPECT_EQ(parse_yaml(out)->front(), object);
  yaml.back() = "csv";
  EXPECT_EQ(run(yaml), 1);
  EXPECT_EQ(server.writes(), 0);
}

TEST_F(SweepCommands, PointsFromAFile) {
  input = "{\"growth\": 0.1}\n{\"growth\": 0.2}\n";
  ASSERT_EQ(run({"sweep", "p", "--points", "-", "--no-wait", "-o", "name"}), 0) << err;
  EXPECT_EQ(created().at("spec").at("space"), json::parse(R"({"points":[{"growth":0.1},{"growth":0.2}]})"));
  EXPECT_TRUE(out.starts_with("modelsweep.modelrun.dev/p-")) << out;
}

TEST_F(SweepCommands, WhatTheOperatorWouldRefuseIsRefusedBeforeAnythingIsMade) {
  struct Row {
    std::vector<std::string> words;
    const char* message;
  };
  for (const auto& [words, message] : std::vector<Row>{
           {{"--vary", "a=0:1:2000", "--vary", "b=0:1:2000"}, "has 4000000 points"},
           {{"--vary", "/a/b=1,2", "-p", "a=7"}, "the points of the sweep"},
           {{"--vary", "a=1,2", "--outputs", "x,x"}, "--outputs: "},
           {{"--vary", "a=1,2", "--no-wait", "-o", "csv"}, "do not go together"},
           {{"--vary", "a=1,2", "-o", "yaml"}, "-o yaml is the manifest"},
       }) {
    auto all = words;
    all.insert(all.begin(), {"sweep", "p"});
    EXPECT_EQ(run(all), 1) << fmt::format("{}", fmt::join(words, " "));
    EXPECT_THAT(err, HasSubstr(message));
  }
  EXPECT_EQ(run({"sweep", "p", "--vary", "a=1,2", "--parallelism", "101"}), 2);
  EXPECT_EQ(server.writes(), 0);
}

TEST_F(SweepCommands, ALostAnswerToACreateIsToldAsSuch) {
  server.set_hook(
      [](const kube::Request&, int write) { return write > 0 ? fakes::Fault::kDropAfter : fakes::Fault::kNone; });
  EXPECT_EQ(run({"sweep", "p", "--vary", "a=1,2"}), 1);
  EXPECT_THAT(err, HasSubstr("The sweep may have been created all the same: see `kubectl modelrun get modelsweeps -n"));
}

}  // namespace
}  // namespace modelrun::cli
