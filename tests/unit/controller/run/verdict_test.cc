#include "controller/run/verdict.h"

#include <gtest/gtest.h>

#include <csignal>

#include "api/exit_words.h"
#include "api/reason.h"

namespace modelrun::controller {
namespace {

using api::ExitHow;
using api::Phase;

api::ResultFrame frame(ExitHow how, std::optional<int> code = {}, std::optional<int> signal = {},
                       std::int64_t oom_kills = 0) {
  api::ResultFrame made;
  made.exit.how = how;
  made.exit.code = code;
  made.exit.signal = signal;
  made.exit.oom_kills = oom_kills;
  return made;
}

// "Failed NonZeroExit 3"; '-' for no code; '*' behind what may be retried.
std::string show(const std::optional<Verdict>& verdict) {
  if (!verdict) return "evidence";
  return fmt::format("{} {} {}{}", to_string(verdict->phase), verdict->reason,
                     verdict->exit_code ? std::to_string(*verdict->exit_code) : "-", verdict->retryable ? "*" : "");
}

TEST(JudgeFrame, Table) {
  struct Case {
    api::ResultFrame frame;
    const char* verdict;
  };
  for (const auto& [given, verdict] : std::vector<Case>{
           {frame(ExitHow::kExited, 0), "Succeeded Succeeded 0"},
           {frame(ExitHow::kExited, 3), "Failed NonZeroExit 3"},
           {frame(ExitHow::kExited, 255), "Failed NonZeroExit 255"},
           {frame(ExitHow::kExited, 137), "Failed NonZeroExit 137"},     // said 137, was not killed
           {frame(ExitHow::kExited, 3, {}, 5), "Failed NonZeroExit 3"},  // its children ran out of memory, it did not
           {frame(ExitHow::kExited, 0, {}, 1), "Succeeded Succeeded 0"},
           {frame(ExitHow::kSignaled, {}, SIGSEGV), "Failed Signaled 139"},
           {frame(ExitHow::kSignaled, {}, SIGKILL), "Failed Signaled 137"},
           {frame(ExitHow::kSignaled, {}, SIGKILL, 1), "Failed OOMKilled 137"},
           {frame(ExitHow::kSignaled, {}, SIGTERM, 1), "Failed Signaled 143"},
           {frame(ExitHow::kTimedOut, {}, SIGKILL), "TimedOut Timeout 137"},
           {frame(ExitHow::kTimedOut, 0), "TimedOut Timeout 0"},
           {frame(ExitHow::kTimedOut, {}, SIGKILL, 1), "TimedOut Timeout 137"},
           {frame(ExitHow::kCancelled, {}, SIGTERM), "Cancelled Cancelled 143"},
           {frame(ExitHow::kNotStarted), "Failed SandboxSetupFailed -*"},
           {frame(ExitHow::kTerminated, {}, SIGTERM), "evidence"},
           {frame(ExitHow::kTerminated, 0), "evidence"},
           {frame(ExitHow::kLost), "evidence"}}) {
    EXPECT_EQ(show(judge_frame(given, 300)), verdict) << to_string(given.exit.how);
  }
}

TEST(JudgeLoss, FailsASuccessAndNothingElse) {
  const Verdict success{Phase::kSucceeded, "Succeeded", "done", 0, false};
  const Verdict failure{Phase::kFailed, "NonZeroExit", "exited with 3", 3, false};
  const Verdict evicted{Phase::kFailed, "Evicted", "gone", {}, true};
  EXPECT_EQ(show(judge_loss(success, "")), "Succeeded Succeeded 0");
  EXPECT_EQ(show(judge_loss(success, "'a.csv' was not kept")), "Failed ArtifactsLost 0");
  EXPECT_NE(judge_loss(success, "'a.csv' was not kept").message.find("'a.csv' was not kept"), std::string::npos);
  EXPECT_EQ(show(judge_loss(failure, "'a.csv' was not kept")), "Failed NonZeroExit 3");
  EXPECT_EQ(show(judge_loss(evicted, "'a.csv' was not kept")), "Failed Evicted -*");
}

TEST(JudgeFrame, WhatTheAgentFoundWrong) {
  auto given = frame(ExitHow::kExited, 0);
  given.error = api::FrameError{"OutputsInvalid", "/outputs/x.json: NaN"};
  EXPECT_EQ(show(judge_frame(given, 300)), "Failed OutputsInvalid 0");
  given.exit.code = 1;
  EXPECT_EQ(show(judge_frame(given, 300)), "Failed NonZeroExit 1") << "the model's own failure comes first";
  given.exit.code = api::kExitNoEntryPoint;
  EXPECT_EQ(show(judge_frame(given, 300)), "Failed NonZeroExit 66");
  given = frame(ExitHow::kNotStarted);
  given.error = api::FrameError{"EntryPointNotFound", "there is no run.py"};
  EXPECT_EQ(show(judge_frame(given, 300)), "Failed EntryPointNotFound -");
}

TEST(JudgeFrame, FailureInTheProgramsOwnWords) {
  auto given = frame(ExitHow::kExited, 3);
  EXPECT_EQ(judge_frame(given, 300)->message, "the model exited with code 3; see stderr");
  given.error = api::FrameError{"NonZeroExit", "KeyError: 'missing'"};
  EXPECT_EQ(show(judge_frame(given, 300)), "Failed NonZeroExit 3");
  EXPECT_EQ(judge_frame(given, 300)->message, "the model exited with code 3: KeyError: 'missing'");
  given.error->message.clear();
  EXPECT_EQ(judge_frame(given, 300)->message, "the model exited with code 3; see stderr");
}

TEST(JudgeFrame, ModelThatAPipelineDoesNotFind) {
  auto given = frame(ExitHow::kExited, api::kExitNoEntryPoint);
  EXPECT_EQ(show(judge_frame(given, 300)), "Failed NonZeroExit 66") << "the model's own code";
  given.error = api::FrameError{"EntryPointNotFound", "there is no model/costs.py"};
  EXPECT_EQ(show(judge_frame(given, 300)), "Failed EntryPointNotFound 66");
  EXPECT_EQ(judge_frame(given, 300)->message, "there is no model/costs.py");
  given.exit.code = 1;
  EXPECT_EQ(show(judge_frame(given, 300)), "Failed NonZeroExit 1");
}

struct Fate {
  std::string disruption{}, pod_reason{}, model_reason{};
  std::optional<int> code{};
  bool deleted = false, started = true, cancelled = false, job_gone = false, gone = false, overdue = false;
  std::string job_disruption{};
};

std::string judged(const Fate& fate, const api::ResultFrame* evidence = nullptr) {
  api::PodView pod;
  pod.disruption = fate.disruption;
  pod.reason = fate.pod_reason;
  pod.model.reason = fate.model_reason;
  pod.model.exit_code = fate.code;
  if (fate.code) pod.model.state = api::ContainerView::State::kTerminated;
  if (fate.deleted) pod.meta.deletion = Time{};
  return show(judge_remains({.pod = fate.gone ? nullptr : &pod,
                             .frame = evidence,
                             .job_gone = fate.job_gone,
                             .job_disruption = fate.job_disruption,
                             .overdue = fate.overdue,
                             .started = fate.started,
                             .cancel_cause = fate.cancelled ? "cancelled by spec.cancel" : "",
                             .timeout_seconds = 300}));
}

TEST(JudgeRemains, Infrastructure) {
  for (const char* word : {"DeletionByTaintManager", "DeletionByPodGC"}) {
    EXPECT_EQ(judged({.disruption = word}), "Failed NodeLost -*");
  }
  for (const char* word : {"NodeLost", "NodeShutdown", "Terminated"}) {
    EXPECT_EQ(judged({.pod_reason = word}), "Failed NodeLost -*") << word;
  }
  EXPECT_EQ(judged({.pod_reason = "Evicted"}), "Failed Evicted -*");
  for (const char* word : {"EvictionByEvictionAPI", "PreemptionByScheduler", "TerminationByKubelet"}) {
    EXPECT_EQ(judged({.disruption = word, .code = 137}), "Failed Evicted -*") << word;
  }
}

TEST(JudgeRemains, EvidenceThatOutlivesThePod) {
  EXPECT_EQ(judged({.gone = true, .job_disruption = "Pod x has condition DisruptionTarget"}), "Failed Evicted -*");
  EXPECT_EQ(judged({.disruption = "DeletionByTaintManager", .job_disruption = "the same"}), "Failed NodeLost -*")
      << "the pod knows better";
  EXPECT_EQ(judged({.cancelled = true, .gone = true, .job_disruption = "drained"}), "Cancelled Cancelled -");
  EXPECT_EQ(judged({.deleted = true, .overdue = true}), "Failed NodeLost -*");
  EXPECT_EQ(judged({.disruption = "DeletionByTaintManager", .cancelled = true}), "Cancelled Cancelled -");
}

TEST(JudgeRemains, WhatSomebodyDid) {
  EXPECT_EQ(judged({.pod_reason = "DeadlineExceeded"}), "TimedOut Timeout -");
  EXPECT_EQ(judged({.cancelled = true, .gone = true}), "Cancelled Cancelled -");
  EXPECT_EQ(judged({.code = 143, .cancelled = true}), "Cancelled Cancelled -");
  EXPECT_EQ(judged({.job_gone = true, .gone = true}), "Failed JobDeleted -");
  EXPECT_EQ(judged({.gone = true}), "Failed PodDeleted -");
  EXPECT_EQ(judged({.deleted = true}), "Failed PodDeleted -");
  EXPECT_EQ(judged({.started = false, .gone = true}), "Failed PodDeleted -*") << "nothing of the model has run";
  const auto evidence = frame(ExitHow::kTerminated, {}, SIGTERM);
  EXPECT_EQ(judged({.gone = true}, &evidence), "Failed PodDeleted 143");
}

TEST(JudgeRemains, Container) {
  EXPECT_EQ(judged({.model_reason = "OOMKilled", .code = 137}), "Failed OOMKilled 137");
  EXPECT_EQ(judged({.model_reason = "Error", .code = 137}), "Failed Signaled 137");
  EXPECT_EQ(judged({.model_reason = "Error", .code = 139}), "Failed Signaled 139");
  EXPECT_EQ(judged({.model_reason = "Error", .code = 125}), "Failed AgentLost 125");
  EXPECT_EQ(judged({.model_reason = "Error", .code = 1}), "Failed AgentLost 1")
      << "without an exit record nobody knows whose code it is";
  EXPECT_EQ(judged({}), "Failed AgentLost -");
  EXPECT_EQ(judged({.code = 128, .started = false}), "Failed SandboxSetupFailed -*");
}

TEST(JudgeRemains, ExecsRecordWinsOverTheKubelet) {
  // After a child's OOM kill the kubelet says OOMKilled of a process that exited 3: never looked at with such a frame.
  EXPECT_EQ(show(judge_frame(frame(ExitHow::kExited, 3, {}, 1), 300)), "Failed NonZeroExit 3");
}

TEST(SignalName, KnownAndUnknown) {
  EXPECT_EQ(api::signal_name(SIGSEGV), "SIGSEGV");
  EXPECT_EQ(api::signal_name(70), "signal 70");
}

}  // namespace
}  // namespace modelrun::controller
