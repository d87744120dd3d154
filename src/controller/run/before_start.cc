// Decides about an attempt before its model has started: the states "created" and "waiting" of with_job.cc.

#include <algorithm>
#include <chrono>

#include "api/reason.h"
#include "controller/run/attempt.h"
#include "controller/run/image_volume.h"
#include "controller/run/limits.h"
#include "controller/run/status.h"
#include "controller/run/verdict.h"

namespace modelrun::controller {
namespace {

using std::chrono_literals::operator""s;
using api::ContainerView;
using api::Phase;
using api::PodView;
namespace reason = api::reason;

constexpr std::chrono::seconds kCreateAgain{5};

struct Problem {
  std::string_view reason;
  std::string message;
  bool hopeless = false;  // waiting longer cannot help
};

// Why the container does not start; no reason if nothing is wrong. The reasons it compares are the kubelet's.
Problem container_problem(const ContainerView& container) {
  if (container.state != ContainerView::State::kWaiting) return {};
  const auto& word = container.reason;
  if (word == "ErrImagePull" || word == "ImagePullBackOff" || word == "ErrImageNeverPull" ||
      word == "InvalidImageName") {
    return {reason::kImagePullFailed, fmt::format("{}: {}", word, container.message), word == "InvalidImageName"};
  }
  if (word == "CreateContainerConfigError" || word == "CreateContainerError" || word == "RunContainerError") {
    return {reason::kSandboxSetupFailed, fmt::format("{}: {}", word, container.message)};
  }
  return {};
}

// Requires a pod.
ImageVolumeSight look_at_volume(const Attempt& attempt) {
  return look_at_image_volume(*attempt.pod, since(attempt, Mark::kScheduled));
}

// Why the model has not started yet. The reason is PendingTimeout if nothing particular is wrong.
Problem pending_problem(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const auto* const pod = attempt.pod;
  if (!observed.job_error.empty()) return {reason::kUnschedulable, observed.job_error};
  if (pod == nullptr && !observed.pod_refusal.empty()) {
    return {reason::kUnschedulable, "the Job's pod cannot be created: " + observed.pod_refusal};
  }
  if (pod == nullptr) return {reason::kPendingTimeout, "the Job has no Pod yet; see the events of the Job"};
  if (auto sight = look_at_volume(attempt); !sight.trouble.empty()) {
    return {reason::kSandboxSetupFailed, std::move(sight.trouble)};
  }
  for (const auto* container : {&pod->agent, &pod->model}) {
    if (auto problem = container_problem(*container); !problem.reason.empty()) return problem;
  }
  if (!pod->scheduled) {
    return {reason::kUnschedulable,
            pod->scheduling_message.empty() ? "waiting for the scheduler" : pod->scheduling_message};
  }
  return {reason::kPendingTimeout, "the Pod is being set up"};
}

// The pod's node cannot mount the agent's image, and another attempt can do without.
Decision avoid_image_volume(const Attempt& attempt) {
  if (attempt.pod == nullptr || !attempt.can_avoid_volume) return std::nullopt;
  auto why = look_at_volume(attempt).trouble;
  if (why.empty()) return std::nullopt;
  const Verdict verdict{Phase::kFailed, std::string(reason::kSandboxSetupFailed), why, std::nullopt, /*retryable=*/true,
                        /*free=*/true};
  Plan plan = conclude(attempt.observed, verdict, attempt.pod, attempt.now);
  if (is_final(plan.status->phase)) plan.after.emplace_back(DeleteJob{attempt.observed.run->status.job_name});
  plan.before.emplace_back(AvoidImageVolumes{std::move(why)});
  return plan;
}

// How much longer the run's Job may stay suspended. Without a limit of slots nobody else waits for the run. With one it
// holds a slot, so that it must not wait for ever. Counts from a time in status, as the wait for the slot does.
std::optional<Duration> suspension_left(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const auto limits = observed.project ? observed.project->limits : limits_of(observed);
  const auto& created = observed.run->status.timeline.job_created;
  if (!created || (!limits.queue_seconds && !limits.max_concurrent_runs)) return std::nullopt;
  return std::chrono::seconds(limits.queue_seconds.value_or(kSuspendedSlotSeconds)) - (attempt.now - *created);
}

// The Job is suspended, by a queue such as Kueue or by a person, and the run waits until it is resumed. A queue that
// has room resumes it at once, which is not worth a write.
Plan await_resumption(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const auto& job = *observed.job;
  const auto left = suspension_left(attempt);
  if (left && *left <= Duration::zero()) {
    Plan plan = refuse(observed, Phase::kFailed, reason::kPendingTimeout,
                       fmt::format("{}; nobody has resumed it for {} s (limits.queueSeconds)", suspended_words(job),
                                   (attempt.now - *observed.run->status.timeline.job_created) / 1s),
                       attempt.now);
    plan.status->identity.clear();  // an identical run may be in another queue
    return plan;
  }
  Plan plan;
  plan.awaits = Awaits::kJobChange;
  if (left) requeue(plan, *left);
  const Duration seen = since(attempt, Mark::kJobSuspended);
  if (seen < std::chrono::seconds(1)) {
    requeue(plan, std::chrono::seconds(1) - seen);
    return plan;
  }
  auto words = suspended_words(job);
  if (!observed.job_error.empty()) {
    words += "; " + observed.job_error;
    requeue(plan, kCreateAgain);
  }
  plan.status = waiting(observed, reason::kJobSuspended, words, attempt.now);
  return plan;
}

// The Job was suspended, and is not any more: says so in its own pass, so that the time is that of the resumption.
Decision note_resumption(const Attempt& attempt) {
  if (!has_reason(*attempt.observed.run, reason::kJobSuspended)) return std::nullopt;
  Plan plan;
  plan.status = waiting(attempt.observed, reason::kStarting, "starting", attempt.now);
  plan.status->timeline.job_resumed = attempt.now;
  plan.requeue_after = kAtOnce;
  return plan;
}

// True if the pod of the claim belongs to the time before the Job was last resumed, and is about to end.
bool is_outdated(const Observed& observed, const Claim& claim) {
  const auto* pod = observed.job->resumed ? pick_pod(observed, claim.pod_uid) : nullptr;
  return pod != nullptr && pod->meta.deletion.has_value();
}

// Waits for the model to start, up to limits.pendingSeconds.
Plan pend(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const auto problem = pending_problem(attempt);
  const auto& limits = observed.as_admitted->limits;
  const Duration begun = since(attempt, Mark::kAttempt);
  const Duration left = std::chrono::seconds(limits.pending_seconds) - begun;
  if (problem.hopeless || left <= Duration::zero()) {
    const auto message = problem.hopeless
                             ? problem.message
                             : fmt::format("the model did not start within limits.pendingSeconds ({} s): {}",
                                           limits.pending_seconds, problem.message);
    return refuse(observed, Phase::kFailed, problem.reason, message, attempt.now);
  }
  Plan plan;
  requeue(plan, left);
  requeue_for_deletion(plan, attempt);
  if (attempt.pod != nullptr) {
    if (const auto look_again = look_at_volume(attempt).look_again) requeue(plan, *look_again);
  }
  if (observed.job && attempt.pod == nullptr) requeue(plan, refusal_due(observed));
  // Write the status only if something is wrong and the attempt is at least a second old: most such problems pass at
  // once.
  if (problem.reason != reason::kPendingTimeout && begun >= std::chrono::seconds(1)) {
    plan.status = waiting(observed, problem.reason, problem.message, attempt.now);
  } else if (problem.reason != reason::kPendingTimeout) {
    requeue(plan, std::chrono::seconds(1));
  } else if (has_reason(*observed.run, reason::kBlocked) || has_reason(*observed.run, reason::kUnschedulable)) {
    plan.status = waiting(observed, reason::kStarting, "starting", attempt.now);
  }
  // Try again to make what could not be made.
  if (!observed.job_error.empty()) requeue(plan, kCreateAgain);
  return plan;
}

// The pod asks for the source, and it is not at hand: after a restart, for example. Waits for it like pend().
Plan await_source(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const auto& source = observed.source;
  const Duration left =
      std::chrono::seconds(observed.as_admitted->limits.pending_seconds) - since(attempt, Mark::kAttempt);
  const auto again = next_try(source, left);
  const bool has_failed = source.state == SourceView::State::kFailed;
  const auto why = has_failed ? source_reason(source.error.kind) : reason::kSourceUnreachable;
  if (!again) {
    return refuse(observed, Phase::kFailed, why,
                  has_failed ? source.error.message : "the commit could not be fetched within limits.pendingSeconds",
                  attempt.now);
  }
  Plan plan;
  plan.before.emplace_back(ResolveSource{.hold = true, .now = again->now});
  if (has_failed) plan.status = waiting(observed, why, source.error.message + "; trying again", attempt.now);
  requeue(plan, again->look_after);
  return plan;
}

// The Job is not there. Creates it, unless it was there before or limits.pendingSeconds are over.
Plan make_job(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  if (observed.job_seen) {
    return refuse(observed, Phase::kFailed, reason::kJobDeleted,
                  "somebody deleted the run's Job before the model started", attempt.now);
  }
  Plan plan = observed.job_error.empty() ? Plan{} : pend(attempt);
  if (!plan.status || !is_final(plan.status->phase)) {
    create_job(plan, observed, observed.run->status.attempts);
  } else {
    plan.after.clear();  // there is no Job to delete
  }
  return plan;
}

Plan refuse_foreign(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  Plan plan = refuse(
      observed, Phase::kFailed, reason::kInternal,
      fmt::format("a Job {} exists that is not this run's; delete it, then run again", observed.run->status.job_name),
      attempt.now);
  plan.after.clear();  // do not delete the Job of somebody else
  return plan;
}

// The Job exists and no pod was given the source yet.
Plan await_start(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  if (observed.job->suspended) return await_resumption(attempt);
  if (auto plan = note_resumption(attempt)) return *plan;
  if (auto plan = avoid_image_volume(attempt)) return *plan;
  if (auto plan = look_for_durable(attempt)) return *plan;
  if (auto plan = judge_what_remains(attempt)) return *plan;
  const auto mine = [&](const Claim& claim) {
    return claim.attempt == observed.run->status.attempts && !is_outdated(observed, claim);
  };
  const auto claim = std::ranges::find_if(observed.claims, mine);
  // The pod mounts whatever ConfigMap has the name of its parameters. It gets nothing before that is known to be ours.
  if (claim == observed.claims.end() || !observed.children_ensured) return pend(attempt);
  // Nothing is granted that is not at hand: the pod could do nothing but ask for it again.
  if (!observed.source.held) return await_source(attempt);
  Plan plan;
  plan.status = running(observed, *claim, pick_pod(observed, claim->pod_uid), attempt.now);
  plan.requeue_after = deadline_left(attempt);
  plan.events.push_back({EventType::kNormal, "Started", fmt::format("pod {} runs the model", claim->pod_name)});
  return plan;
}

}  // namespace

Plan before_start(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  if (!attempt.cancel_cause.empty()) {
    return refuse(observed, Phase::kCancelled, reason::kCancelled, attempt.cancel_cause + ", before the model started",
                  attempt.now);
  }
  if (observed.job_foreign) return refuse_foreign(attempt);
  if (!observed.job) return make_job(attempt);
  Plan plan = await_start(attempt);
  if (!observed.children_ensured) {
    // This process does not know yet that the ConfigMap of the parameters exists, so CreateJob is done again. It goes
    // first, because the same plan may delete the Job.
    plan.after.insert(plan.after.begin(), CreateJob{static_cast<int>(observed.run->status.attempts)});
    if (observed.job_error.empty()) requeue(plan, kAtOnce);
  }
  return plan;
}

}  // namespace modelrun::controller
