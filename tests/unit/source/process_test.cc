#include "source/git/process.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "unit/source/git_fixture.h"

namespace modelrun::source::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class ProcessTest : public GitTest {
 protected:
  Result<ProcessEnd> run(const std::string& script, milliseconds time = std::chrono::minutes(5),
                         std::stop_token stop = {}) {
    spec_.argv = {"/bin/sh", "-c", script};
    if (spec_.environment.empty()) spec_.environment = {"PATH=/usr/bin:/bin"};
    spec_.directory = path("");
    spec_.deadline = std::chrono::steady_clock::now() + time;
    if (spec_.max_file_bytes == 0) spec_.max_file_bytes = 1U << 20U;
    const Sink sink = [this](std::string_view bytes) -> Result<void> {
      output_ += bytes;
      return sink_result_;
    };
    return run_process(spec_, sink, stop);
  }

  ProcessSpec spec_;
  Result<void> sink_result_;
  std::string output_;
};

TEST_F(ProcessTest, CarriesInputOutputAndExitCode) {
  const std::string input(300'000, 'i');
  spec_.input = input;
  const auto end = run("cat; echo bad >&2; exit 3");
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->exit_code, 3);
  EXPECT_EQ(end->diagnostics, "bad\n");
  EXPECT_EQ(output_, input);
}

TEST_F(ProcessTest, AChildThatDoesNotReadItsInputIsNoFault) {
  const std::string input(300'000, 'i');
  spec_.input = input;
  EXPECT_EQ(run("exec 0<&-; true")->exit_code, 0);
}

TEST_F(ProcessTest, InheritsNothing) {
  ::setenv("MODELRUN_CANARY", "1", 1);
  const UniqueFd leak(::dup(2));  // without O_CLOEXEC
  ASSERT_TRUE(run("env; ls -l /proc/self/fd | wc -l"));
  EXPECT_THAT(output_, Not(HasSubstr("CANARY")));
  EXPECT_THAT(output_, HasSubstr("\n5\n")) << "total, 0, 1, 2 and ls's own";
}

TEST_F(ProcessTest, TheDeadlineEndsTheWholeGroup) {
  // A busy machine may not have begun with the shell by then.
  for (milliseconds time(300); output_.empty() && time < std::chrono::minutes(1); time *= 2) {
    const auto end = run("sleep 1000 & echo $!; sleep 1000", time);
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().kind, ErrorKind::kTimeout);
  }
  const pid_t child = std::stoi(output_);
  // Killed; a moment may pass until whoever inherits it has reaped it.
  while (::kill(child, 0) == 0) {
    if (shell(fmt::format("cut -d' ' -f3 /proc/{}/stat 2>/dev/null || echo gone", child)) != "S\n") break;
  }
  SUCCEED();
}

TEST_F(ProcessTest, WhatOutlivesTheLeaderIsKilled) {
  const auto end = run("sleep 1000000 & echo started");
  ASSERT_TRUE(end) << end.error().message << ": it was waited for";
  EXPECT_EQ(output_, "started\n");
}

TEST_F(ProcessTest, StopEndsIt) {
  std::stop_source stop;
  std::jthread stopper([&stop] { stop.request_stop(); });
  EXPECT_EQ(run("sleep 1000000", std::chrono::minutes(5), stop.get_token()).error().kind, ErrorKind::kCancelled);
}

TEST_F(ProcessTest, TheSinksErrorEndsIt) {
  sink_result_ = fail(ErrorKind::kTooLarge, "enough");
  EXPECT_EQ(run("yes").error().kind, ErrorKind::kTooLarge);
}

TEST_F(ProcessTest, LimitsDiagnosticsAndFiles) {
  const auto end = run("yes error | head -c 200000 >&2; head -c 3000000 /dev/zero > big; echo $?");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->diagnostics.size(), spec_.max_diagnostics);
  EXPECT_EQ(std::filesystem::file_size(path("big")), 1U << 20U);
}

TEST_F(ProcessTest, AMissingProgramIsNamed) {
  spec_.argv = {"/nonexistent"};
  spec_.directory = path("");
  spec_.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  const auto end = run_process(spec_, [](std::string_view) -> Result<void> { return {}; }, {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 126);
  EXPECT_EQ(end->diagnostics, "modelrun: cannot start git: execve: No such file or directory");
}

}  // namespace
}  // namespace modelrun::source::testing
