// From how a point's process ended, and what was collected, to its row.
#include "sandbox/point_row.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace modelrun::sandbox {
namespace {

using api::ExitHow;

api::ExitRecord exit_of(ExitHow how, std::optional<int> code, std::optional<int> signal = {}, std::int64_t ooms = 0) {
  api::ExitRecord record;
  record.how = how;
  record.code = code;
  record.signal = signal;
  record.oom_kills = ooms;
  record.started_at = Time(std::chrono::seconds(100));
  record.finished_at = Time(std::chrono::milliseconds(100'250));
  return record;
}

// "Failed NonZeroExit 3: MESSAGE"
std::string show(const api::ExitRecord& exit, Collected collected = {}) {
  const auto row = row_of(4, std::chrono::seconds(9), exit, std::move(collected), "the end");
  EXPECT_EQ(row.point, 4);
  EXPECT_EQ(row.milliseconds, 250);
  EXPECT_EQ(row.err, row.phase == api::PointPhase::kSucceeded ? "" : "the end");
  return fmt::format("{} {} {}: {}", to_string(row.phase), row.reason,
                     row.exit_code ? std::to_string(*row.exit_code) : "-", row.message);
}

TEST(PointRow, Verdicts) {
  EXPECT_EQ(show(exit_of(ExitHow::kExited, 0)), "Succeeded  0: ");
  EXPECT_EQ(show(exit_of(ExitHow::kExited, 3)), "Failed NonZeroExit 3: the model exited with code 3; see stderr");
  Collected told;
  told.failure = "ValueError: no";
  EXPECT_EQ(show(exit_of(ExitHow::kExited, 1), told),
            "Failed NonZeroExit 1: the model exited with code 1: ValueError: no");
  EXPECT_EQ(show(exit_of(ExitHow::kSignaled, {}, SIGSEGV)), "Failed Signaled 139: the model was killed by SIGSEGV");
  EXPECT_EQ(show(exit_of(ExitHow::kSignaled, {}, SIGKILL, 0)), "Failed Signaled 137: the model was killed by SIGKILL");
  EXPECT_EQ(show(exit_of(ExitHow::kSignaled, {}, SIGKILL, 1)).substr(0, 55),
            "Failed OOMKilled 137: the model ran out of memory and w");
  EXPECT_EQ(show(exit_of(ExitHow::kTimedOut, {}, SIGTERM)),
            "TimedOut Timeout 143: the model ran longer than 9 s and was ended");
  EXPECT_EQ(show(exit_of(ExitHow::kTimedOut, 0)).substr(0, 18), "TimedOut Timeout 0");
}

TEST(PointRow, ProblemsOfTheOutputs) {
  for (const char* reason : {"OutputsInvalid", "OutputsTooLarge"}) {
    Collected collected;
    collected.error = api::FrameError{reason, "why"};
    EXPECT_EQ(show(exit_of(ExitHow::kExited, 0), collected), fmt::format("Failed {} 0: why", reason));
    EXPECT_EQ(show(exit_of(ExitHow::kExited, 2), collected),
              "Failed NonZeroExit 2: the model exited with code 2; see stderr");
  }
  Collected missing;
  missing.error = api::FrameError{"EntryPointNotFound", "run.py is not there"};
  EXPECT_EQ(show(exit_of(ExitHow::kExited, 66), missing), "Failed EntryPointNotFound 66: run.py is not there");
}

TEST(PointRow, OutputsAndWarnings) {
  Collected collected;
  collected.outputs = R"({"a":1})";
  collected.warning = "something";
  auto row = row_of(0, std::chrono::seconds(9), exit_of(ExitHow::kExited, 0), collected, "");
  EXPECT_EQ(row.outputs->text(), R"({"a":1})");
  EXPECT_EQ(row.warning, "something");
  row = row_of(0, std::chrono::seconds(9), exit_of(ExitHow::kExited, 0), {}, "");
  EXPECT_FALSE(row.outputs);
  EXPECT_EQ(row.warning.substr(0, 26), "the point left no outputs:") << row.warning;
}

TEST(PointRow, FilesAreNamedAndNotKept) {
  std::string root = testing::TempDir() + "point-row-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  std::ofstream(root + "/values.json") << R"({"x": 1})";
  for (const char* name : {"a.csv", "b.csv", "c.csv", "d.csv"}) std::ofstream(root + "/" + name) << "text";
  const auto row =
      row_of(0, std::chrono::seconds(9), exit_of(ExitHow::kExited, 0), collect_outputs(root, point_limits()), "");
  EXPECT_EQ(row.outputs->text(), R"({"values":{"x":1}})");
  EXPECT_EQ(row.warning, "of a point only the values are kept, not its files: 'a.csv', 'b.csv', 'c.csv' and more");
  // Outputs may need as much room as a row has, and no more.
  std::ofstream(root + "/values.json") << '"' << std::string(api::kMaxRowOutputs, 'x') << '"';
  const auto large =
      row_of(0, std::chrono::seconds(9), exit_of(ExitHow::kExited, 0), collect_outputs(root, point_limits()), "");
  EXPECT_EQ(large.reason, "OutputsTooLarge");
  EXPECT_FALSE(large.outputs);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace modelrun::sandbox
