#include "cli/run_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/table.h"

namespace modelrun::cli {
namespace {

using api::ModelRun;
using api::Phase;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const Time kNow = *parse_rfc3339("2026-01-01T12:00:00Z");

ModelRun ended(Phase phase, std::string reason, std::optional<int> code) {
  ModelRun run;
  run.meta.name = "forecasts-x7k2p";
  run.meta.namespace_ = "ns";
  run.meta.creation = kNow - 90s;
  run.spec.project = "forecasts";
  run.status.phase = phase;
  run.status.run_number = 12;
  run.status.exit_code = code;
  run.status.commit_sha = "0123456789abcdef0123456789abcdef01234567";
  run.status.started_at = kNow - 60s;
  run.status.finished_at = kNow - 58580ms;
  if (phase != Phase::kSucceeded) run.status.error = api::RunError{std::move(reason), "why"};
  return run;
}

TEST(ExitCode, ByPhaseAndReason) {
  EXPECT_EQ(exit_code_of(ended(Phase::kSucceeded, "", 0)), 0);
  EXPECT_EQ(exit_code_of(ended(Phase::kFailed, "NonZeroExit", 3)), 3);
  EXPECT_EQ(exit_code_of(ended(Phase::kFailed, "NonZeroExit", 125)), 125);
  EXPECT_EQ(exit_code_of(ended(Phase::kFailed, "NonZeroExit", 126)), 1);
  EXPECT_EQ(exit_code_of(ended(Phase::kFailed, "NonZeroExit", 255)), 1);
  EXPECT_EQ(exit_code_of(ended(Phase::kFailed, "NonZeroExit", std::nullopt)), 1);
  EXPECT_EQ(exit_code_of(ended(Phase::kFailed, "OutputsInvalid", 0)), 1);
  EXPECT_EQ(exit_code_of(ended(Phase::kFailed, "Signaled", 139)), 1);
  EXPECT_EQ(exit_code_of(ended(Phase::kTimedOut, "Timeout", 143)), 124);
  EXPECT_EQ(exit_code_of(ended(Phase::kCancelled, "Cancelled", {})), 130);
}

TEST(Age, AsKubectlHasIt) {
  const std::vector<std::pair<Duration, std::string>> table{
      {-5s, "0s"},         {0s, "0s"},       {119s, "119s"},        {2min, "2m"},     {5min + 30s, "5m30s"},
      {10min + 5s, "10m"}, {179min, "179m"}, {3h + 12min, "3h12m"}, {8h, "8h"},       {47h, "47h"},
      {48h, "2d"},         {49h, "2d1h"},    {24h * 9, "9d"},       {24h * 730, "2y"}};
  for (const auto& [span, text] : table) EXPECT_EQ(age(span), text);
}

TEST(Summary, TellsTheEnd) {
  auto run = ended(Phase::kFailed, "NonZeroExit", 3);
  run.status.message = "exit code 3";
  run.status.branch = "main";
  run.status.outputs = nlohmann::json{{"a", 1}};
  EXPECT_EQ(summary(run, kNow),
            "Run:       forecasts-x7k2p (#12 of forecasts)\n"
            "Phase:     Failed\n"
            "Reason:    NonZeroExit: exit code 3\n"
            "Exit code: 3\n"
            "Duration:  1.42s\n"
            "Commit:    0123456789abcdef0123456789abcdef01234567 (main)\n"
            "Outputs:   {\n  \"a\": 1\n}\n");
}

TEST(Summary, SaysWhoseResultItIs) {
  auto run = ended(Phase::kSucceeded, "", 0);
  run.status.reused_from = api::RunRef{"first", "first-uid", 3};
  EXPECT_THAT(summary(run, kNow), HasSubstr("Result of: first\n"));
}

TEST(Summary, SaysWhereLargeOutputsAre) {
  auto run = ended(Phase::kSucceeded, "", 0);
  run.status.outputs = nlohmann::json{{"a", std::string(5000, 'x')}};
  EXPECT_THAT(summary(run, kNow), HasSubstr("kubectl modelrun output forecasts-x7k2p -n ns"));
  EXPECT_THAT(summary(run, kNow), Not(HasSubstr("xxx")));
  run.status.outputs.reset();
  run.status.result_ref = api::ResultRef{};
  EXPECT_THAT(summary(run, kNow), HasSubstr("in the full result"));
}

TEST(LastWords, AreTheLastLines) {
  auto run = ended(Phase::kFailed, "NonZeroExit", 1);
  EXPECT_EQ(last_words(run, 2), "");
  run.status.err = "one\ntwo\n\nthree\n";
  EXPECT_EQ(last_words(run, 2), "  \n  three\n");
  EXPECT_EQ(last_words(run, 9), "  one\n  two\n  \n  three\n");
}

TEST(Table, AlignsColumns) {
  EXPECT_EQ(render_table({{"A", "LONGER", "C"}, {"größer", "", "x"}}),
            "A        LONGER   C\n"
            "größer   <none>   x\n");
}

TEST(Table, OneRowStaysOneLine) {
  EXPECT_EQ(render_table({{"a\nb\x1b[2J"}}), "a b\\x1b[2J\n");
}

TEST(Table, OfRuns) {
  auto pending = ModelRun{};
  pending.meta = ended(Phase::kNone, "", {}).meta;
  pending.meta.name = "new";
  pending.spec.project = "p";
  EXPECT_EQ(render_table({runs_header({}), run_row(ended(Phase::kFailed, "NonZeroExit", 3), {}, kNow),
                          run_row(pending, {}, kNow)}),
            "NAME              PROJECT     NUMBER   PHASE     REASON        EXIT     COMMIT         DURATION   AGE\n"
            "forecasts-x7k2p   forecasts   12       Failed    NonZeroExit   3        0123456789ab   1.42s      90s\n"
            "new               p           <none>   Pending   <none>        <none>   <none>         <none>     90s\n");
  EXPECT_TRUE(render_table({runs_header({.namespaces = true})}).starts_with("NAMESPACE   NAME"));
}

}  // namespace
}  // namespace modelrun::cli
