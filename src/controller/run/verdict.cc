#include "controller/run/verdict.h"

#include <fmt/format.h>

#include "api/exit_words.h"
#include "api/reason.h"

namespace modelrun::controller {
namespace {

using api::ExitHow;
using api::Phase;
namespace reason = api::reason;

Verdict failed(std::string_view why, std::string message, std::optional<int> exit_code = {}) {
  return {Phase::kFailed, std::string(why), std::move(message), exit_code, false};
}

Verdict lost(std::string_view why, std::string message) {
  return {Phase::kFailed, std::string(why), std::move(message), std::nullopt, true};
}

Verdict judge_exit(const api::ResultFrame& frame) {
  const int code = frame.exit.code.value_or(0);
  // The harness exits with this code when the entry file is missing, and says so in the frame. A model may exit with
  // the same code, but then the frame has no such error.
  const bool no_entry_point =
      code == api::kExitNoEntryPoint && frame.error && frame.error->reason == reason::kEntryPointNotFound;
  if (code != 0 && !no_entry_point) {
    const bool told = frame.error && frame.error->reason == reason::kNonZeroExit;
    return failed(reason::kNonZeroExit, api::exit_words(code, told ? frame.error->message : ""), code);
  }
  if (frame.error) return failed(frame.error->reason, frame.error->message, code);
  return {Phase::kSucceeded, std::string(reason::kSucceeded), "the model ran and its outputs are recorded", code,
          false};
}

Verdict judge_signal(const api::ResultFrame& frame) {
  const int signal = frame.exit.signal.value_or(0);
  if (api::ran_out_of_memory(frame.exit)) {
    return failed(reason::kOOMKilled, std::string(api::kOutOfMemoryWords), 128 + signal);
  }
  return failed(reason::kSignaled, api::signal_words(signal), 128 + signal);
}

Verdict timed_out(std::int64_t timeout_seconds, std::optional<int> exit_code) {
  return {Phase::kTimedOut, std::string(reason::kTimeout), api::timeout_words(std::chrono::seconds(timeout_seconds)),
          exit_code, false};
}

Verdict cancelled(const std::string& cause, std::optional<int> exit_code) {
  return {Phase::kCancelled, std::string(reason::kCancelled), cause.empty() ? "cancelled" : cause, exit_code, false};
}

// The verdict for a pod that was disrupted from outside, by the reason of its condition DisruptionTarget (KEP-3329)
// or by status.reason.
std::optional<Verdict> judge_disruption(const api::PodView& pod) {
  if (pod.disruption == "DeletionByTaintManager" || pod.disruption == "DeletionByPodGC") {
    return lost(reason::kNodeLost, fmt::format("node {} was lost: {}", pod.node, pod.disruption));
  }
  if (pod.reason == "NodeLost" || pod.reason == "NodeShutdown" || pod.reason == "Terminated") {
    return lost(reason::kNodeLost, fmt::format("node {}: {}", pod.node, pod.message));
  }
  if (pod.reason == "Evicted" || !pod.disruption.empty()) {
    return lost(reason::kEvicted, fmt::format("the pod was evicted from node {}: {}", pod.node,
                                              pod.message.empty() ? pod.disruption : pod.message));
  }
  return std::nullopt;
}

// The pod ended before the model was started.
Verdict judge_unstarted(const api::PodView& pod) {
  const auto& agent = pod.agent;
  std::string detail = agent.message.empty() ? agent.reason : agent.message;
  if (detail.empty()) detail = pod.model.message.empty() ? pod.model.reason : pod.model.message;
  return lost(reason::kSandboxSetupFailed,
              fmt::format("the pod ended before the model started: {}", detail.empty() ? pod.phase : detail));
}

Verdict judge_container(const api::ContainerView& model) {
  const int code = model.exit_code.value_or(0);
  if (model.reason == "OOMKilled") {
    return failed(reason::kOOMKilled,
                  "the model's container ran out of memory and was killed as a whole; raise "
                  "spec.runtime.resources.limits.memory of the project or use less",
                  code);
  }
  if (code > 128 && code < 160) {
    return failed(reason::kSignaled,
                  fmt::format("the model's container was killed by {}", api::signal_name(code - 128)), code);
  }
  return failed(reason::kAgentLost,
                fmt::format("the agent ended before it could report; the model's container ended with code {}", code),
                code);
}

}  // namespace

std::optional<Verdict> judge_frame(const api::ResultFrame& frame, std::int64_t timeout_seconds,
                                   const std::string& cancel_cause) {
  switch (frame.exit.how) {
    case ExitHow::kExited:
      return judge_exit(frame);
    case ExitHow::kSignaled:
      return judge_signal(frame);
    case ExitHow::kTimedOut:
      return timed_out(timeout_seconds, api::shell_code(frame.exit));
    case ExitHow::kCancelled:
      return cancelled(cancel_cause, api::shell_code(frame.exit));
    case ExitHow::kNotStarted: {
      const auto error = frame.error.value_or(
          api::FrameError{std::string(reason::kSandboxSetupFailed), "the sandbox could not be set up"});
      Verdict verdict = failed(error.reason, error.message);
      verdict.retryable = error.reason == reason::kSandboxSetupFailed;
      return verdict;
    }
    case ExitHow::kTerminated:
    case ExitHow::kLost:
      return std::nullopt;
  }
  return std::nullopt;
}

Verdict judge_loss(Verdict verdict, const std::string& loss) {
  if (verdict.phase != Phase::kSucceeded || loss.empty()) return verdict;
  return failed(reason::kArtifactsLost,
                fmt::format("the model ran, and onArtifactLoss of the run or its project is Fail: {}", loss),
                verdict.exit_code);
}

Verdict judge_remains(const Remains& remains) {
  const auto code = remains.frame != nullptr ? api::shell_code(remains.frame->exit) : std::nullopt;
  if (remains.pod != nullptr && remains.pod->reason == "DeadlineExceeded") {
    return timed_out(remains.timeout_seconds, code);
  }
  if (!remains.cancel_cause.empty()) return cancelled(remains.cancel_cause, code);
  if (remains.pod != nullptr) {
    if (auto verdict = judge_disruption(*remains.pod)) return *verdict;
  } else if (!remains.job_disruption.empty()) {
    return lost(reason::kEvicted, fmt::format("the pod was evicted: {}", remains.job_disruption));
  }
  if (remains.preempted) return judge_preemption(remains.started, remains.attempts);
  if (remains.pod != nullptr && remains.overdue) {
    return lost(reason::kNodeLost,
                fmt::format("node {} does not answer: the pod should be gone by now and is not", remains.pod->node));
  }
  if (remains.job_gone) return failed(reason::kJobDeleted, "somebody deleted the run's Job", code);
  if (remains.pod == nullptr || remains.pod->meta.deletion) {
    Verdict verdict = failed(reason::kPodDeleted, "somebody deleted the run's Pod", code);
    // If the model has not run, another attempt repeats nothing.
    verdict.retryable = !remains.started;
    return verdict;
  }
  if (!remains.started) return judge_unstarted(*remains.pod);
  if (remains.pod->model.state == api::ContainerView::State::kTerminated) return judge_container(remains.pod->model);
  return failed(reason::kAgentLost, "the agent lost the model and no status of its container came", code);
}

Verdict judge_preemption(bool started, std::int64_t attempts) {
  std::string message = started ? "the run's Job was suspended while the model ran"
                                : "the run's Job was suspended while its pod was being set up";
  Verdict verdict = lost(reason::kPreempted, std::move(message));
  verdict.free = !started || attempts > 1;
  verdict.preempted = true;
  return verdict;
}

}  // namespace modelrun::controller
