// Whether the end of a run is right, by what really happened to it.
#include <algorithm>
#include <array>

#include "api/json_access.h"
#include "simulation/invariants.h"

namespace modelrun::simulation {
namespace {

using api::ExitHow;
using api::member;
using P = Perturbation;
using std::chrono::seconds;

std::string reason_of(const Json& run) {
  const auto reason = api::text_at(member(member(run, "status"), "error"), "reason");
  return reason.empty() ? "Succeeded" : reason;
}

// The reason that the frame alone leads to; empty if the frame does not tell.
std::string natural_reason(const api::ResultFrame& frame) {
  switch (frame.exit.how) {
    case ExitHow::kExited:
      if (frame.error) return frame.error->reason;
      return frame.exit.code == 0 ? "Succeeded" : "NonZeroExit";
    case ExitHow::kSignaled:
      return "OOMKilled";
    case ExitHow::kTimedOut:
      return "Timeout";
    case ExitHow::kCancelled:
      return "Cancelled";
    default:
      return {};
  }
}

}  // namespace

void Invariants::check_verdict(const Json& run) {
  const auto known = cluster_.runs().find(uid_of(run));
  if (known == cluster_.runs().end() || known->second.nonsense) return;
  const auto& truth = known->second;
  if (member(run, "status").contains("reusedFrom")) {
    const auto& outputs = member(member(run, "status"), "outputs");
    check({14});
    if (outputs == Cluster::forged_outputs()) violate("I14", fmt::format("{} has forged outputs", truth.key));
    return;
  }
  if (check_points(run, truth)) return;
  check({4, 7});
  const auto* pod = recorded_pod(run, truth);
  const auto reason = reason_of(run);
  const auto natural = pod != nullptr && pod->granted && pod->frame ? natural_reason(*pod->frame) : std::string();
  if (!natural.empty() && natural == reason) return check_result(run, truth, pod);
  // The result was there for everybody to read: in the agent's log, in a pod that nobody has touched.
  const bool called_off = truth.cancelled || truth.project_deleted || truth.suspended || truth.job_deleted;
  if (!natural.empty() && natural != "Cancelled" && pod->durable && pod->undisturbed() && !called_off) {
    check({8});
    violate("I8", fmt::format("{} ended as {}, but its model as {}", truth.key, reason, natural));
    return;
  }
  check_excuse(run, truth, pod);
}

// The end is that of the model: so must be everything that came with it.
void Invariants::check_result(const Json& run, const RunTruth& truth, const PodTruth* pod) {
  check({8, 14});
  const auto& status = member(run, "status");
  const auto& frame = *pod->frame;
  const auto code = api::int_at(status, "exitCode");
  if (frame.exit.code && code != *frame.exit.code) {
    violate("I4", fmt::format("{} has exit code {} instead of {}", truth.key, code.value_or(-1), *frame.exit.code));
  }
  const auto& outputs = member(status, "outputs");
  if (outputs == Cluster::forged_outputs()) violate("I14", fmt::format("{} has forged outputs", truth.key));
  if (frame.outputs && outputs != *frame.outputs && !api::text_at(status, "warning").contains("lost")) {
    violate("I4", fmt::format("{} has other outputs than its model made: {}", truth.key, outputs.dump()));
  }
}

// The end is not that of the model: something must have happened that explains it.
void Invariants::check_excuse(const Json& run, const RunTruth& truth, const PodTruth* pod) {
  const auto reason = reason_of(run);
  const auto struck = [this](P perturbation) { return sim_.perturbations.has_struck(perturbation); };
  const auto wrong = [&](std::string_view invariant) {
    violate(invariant, fmt::format("{} ended as {}, and nothing has happened to it that explains that: {}", truth.key,
                                   reason, status_text(run, "message")));
  };
  const auto project = project_of(run);
  const auto pending = project ? limit(project->json, "pendingSeconds", 600) : 0;
  const bool deleted_pod = pod != nullptr && (pod->deleted || pod->gone);
  const auto any_pod = [&](auto what) { return std::ranges::any_of(truth.pods, what); };

  check({12});
  if (reason == "Succeeded") return wrong("I4");
  if (reason == "Cancelled") {
    // A run that was created while a cache still showed the project that is gone may have been bound to that one.
    if (!truth.cancelled && !truth.project_deleted && !truth.project_missing) wrong("I12");
  } else if (reason == "ProjectNotFound") {
    if (!truth.project_missing) wrong("I12");
  } else if (reason == "JobDeleted") {
    if (!truth.job_deleted) wrong("I12");
  } else if (reason == "PodDeleted") {
    if (!deleted_pod && !truth.job_deleted) wrong("I12");
    if (pod != nullptr && pod->preempted && !truth.job_deleted) wrong("I7");
    // It is Evicted, or the model's own end; unless its Job is complete, and keeps no trace of what became of the pod.
    if (pod != nullptr && pod->drained && pod->granted && !pod->frame) wrong("I7");
  } else if (reason == "Evicted") {
    if (!any_pod([](const auto& each) { return each->evicted || each->drained; })) wrong("I4");
  } else if (reason == "Preempted") {
    // Of the project's limits as they were at admission nothing is known here but that somebody may have changed them.
    const bool once = project && limit(project->json, "attempts", 3) == 1;
    if (!any_pod([](const auto& each) { return each->preempted; })) wrong("I7");
    if (!once && !struck(P::kProjectEdited) && !struck(P::kProjectDeleted)) wrong("I7");
  } else if (reason == "NodeLost") {
    if (!any_pod([](const auto& each) { return each->lost; })) wrong("I12");
  } else if (reason == "OOMKilled") {
    if (pod == nullptr || !pod->out_of_memory) wrong("I4");
  } else if (reason == "Timeout") {
    if (pod == nullptr || !pod->deadline) wrong("I4");
  } else if (reason == "AgentLost" || reason == "Signaled") {
    if (pod == nullptr || pod->undisturbed()) wrong("I4");
  } else if (reason == "SandboxSetupFailed") {
    if (!any_pod([](const auto& each) { return !each->undisturbed(); })) wrong("I4");
  } else if (reason == "SourceUnreachable") {
    // What an earlier leader was refused does not count, unless that one may still lead.
    const auto now = sim_.fibers.now();
    Nanos trouble{0};
    for (const auto& [host, server] : git_) {
      trouble = std::max(trouble, struck(P::kFreeze) ? server->trouble(now) : server->trouble_of_term(now));
    }
    // A pod that a half-open watch has hidden may ask for the source when its time to start is nearly over.
    if (project && trouble + seconds(10) < seconds(pending) && !struck(P::kWatchSilent)) wrong("I7");
  } else if (reason == "SourceDenied") {
    if (!struck(P::kGitDenied)) wrong("I7");
  } else if (reason == "RefNotFound") {
    if (!struck(P::kBranchGone)) wrong("I7");
  } else if (reason == "ImagePullFailed") {
    if (!struck(P::kImagePull)) wrong("I7");
  } else if (reason == "Unschedulable") {
    if (!struck(P::kUnschedulable) && !struck(P::kRefused) && !struck(P::kWebhook) && !struck(P::kServerError) &&
        !struck(P::kForbidden) && !struck(P::kThrottled) && !struck(P::kOutage) && !struck(P::kNoConnection)) {
      wrong("I7");
    }
  } else if (reason == "Internal") {
    // Blocked for longer than its time.
    if (!struck(P::kForbidden) && !struck(P::kOutage) && !struck(P::kServerError)) wrong("I16");
  } else if (reason == "PendingTimeout") {
    if (sim_.perturbations.struck().empty() && (!project || limit(project->json, "queueSeconds", 0) == 0)) wrong("I7");
  } else if (reason == "InvalidSpec") {
    if (!truth.project_missing) wrong("I7");
  } else {
    wrong("I7");
  }
}

}  // namespace modelrun::simulation
