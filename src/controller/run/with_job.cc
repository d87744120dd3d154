// Decides about a run whose current attempt has begun: status.jobName is set, and the phase is not final.
//
// Such an attempt is in one of three states:
//
//   created   The phase is Pending and there is no Job yet. make_job() has it created.
//   waiting   The phase is Pending and the Job exists. await_start() waits for a pod whose agent asks for the source.
//   started   The phase is Running. status.podUID names the one pod that was given the source and may run the model.
//
// The attempt ends in one of three ways:
//
//   conclude()   The run ends with a verdict, or the next attempt begins in the state "created".
//   refuse()     The run ends before its model has run: it cannot start, or was cancelled before it did.
//   suspend()    status.jobName is cleared. From then on decide_before_job() decides; it admits the run anew.
//
// The steps are asked in this order, and the first one that returns a plan settles the pass:
//
//   1. In any state: a result frame that has a verdict concludes the attempt. A frame that was made before a cancel
//      therefore wins over the cancel.
//   2. In any state: a status that no operator can have written ends the run.
//   3. In any state: spec.suspend suspends the run, unless it has to be cancelled.
//   4. Before the start, before_start(): a cancel ends the run. A Job of that name that belongs to somebody else ends
//      it too. A missing Job is created, or ends the run if it did exist before. With the Job in place,
//      look_for_durable() and judge_what_remains() are asked, because the pod may have ended without starting the
//      model. Then the first claim of the attempt starts it. Without a claim, pend() waits, for at most
//      limits.pendingSeconds.
//   5. After the start: look_for_durable() reads the agent's log if the push of the result is late or can no longer
//      come. judge_what_remains() concludes an attempt that is over and has no verdict of its own. Then a cancel is
//      passed on to the agent. Otherwise keep_watch() waits for something to change, but not for ever.

#include <algorithm>

#include "api/reason.h"
#include "controller/run/limits.h"
#include "controller/run/status.h"
#include "controller/run/steps.h"

namespace modelrun::controller {
namespace {

using api::ContainerView;
using api::Phase;
using api::PodView;
namespace reason = api::reason;

constexpr std::chrono::seconds kDurableAgain{5};
constexpr std::chrono::seconds kCreateAgain{5};
constexpr std::chrono::seconds kSourceAgain{2};  // Sources spaces the real tries further apart
constexpr std::int64_t kMostGraceSeconds = 600;  // that is waited for a pod to be gone; whoever deletes it may say more
constexpr std::chrono::seconds kLostWait{2};     // for a push that is still on its way when the pod is gone
// How long after its activeDeadlineSeconds a pod may still be there before its node counts as lost.
constexpr std::chrono::seconds kDeadlineSlack{120};

// What decide_with_job() works out once, and all of its steps read.
struct Attempt {
  const Observed& observed;
  Time now;
  const PodView* pod = nullptr;  // the recorded pod; while none is recorded, the Job's newest
  bool started = false;          // a pod was given the source
  std::string cancel_cause{};    // empty: the run is not cancelled
  std::int64_t timeout = 0;      // seconds
};

// The pod with that UID; null if there is none.
const PodView* pick_pod(const Observed& observed, const std::string& uid) {
  const auto found = std::ranges::find(observed.pods, uid, [](const auto& pod) { return pod->meta.uid; });
  return found == observed.pods.end() ? nullptr : found->get();
}

// The time since `mark` was set; zero if it is not set.
Duration since(const Attempt& attempt, Mark mark) {
  const auto found = attempt.observed.marks.find(mark);
  return found == attempt.observed.marks.end() ? Duration::zero() : found->second;
}

bool terminated(const ContainerView& container) {
  return container.state == ContainerView::State::kTerminated;
}

// True if the recorded pod is gone, or if the Job has ended and has no pod.
bool is_lost(const Attempt& attempt) {
  if (attempt.pod != nullptr) return false;
  const auto& job = attempt.observed.job;
  return attempt.started || (job && (job->failed || job->complete));
}

// How much longer a pod that is being deleted has to be gone: its grace period, counted from when the deletion was first
// seen, and a while more. nullopt if the pod is not being deleted.
std::optional<Duration> deletion_left(const Attempt& attempt) {
  if (attempt.pod == nullptr || !attempt.pod->meta.deletion) return std::nullopt;
  const auto grace = std::chrono::seconds(std::clamp<std::int64_t>(attempt.pod->grace_seconds, 0, kMostGraceSeconds));
  return grace + kEvidenceWait - since(attempt, Mark::kPodDeleting);
}

// True if the pod is being deleted and should be gone by now, so its node probably does not answer.
bool is_overdue(const Attempt& attempt) {
  const auto left = deletion_left(attempt);
  return left && *left <= Duration::zero();
}

// Looks for the durable copy of the result when the push is late or can no longer come.
Decision look_for_durable(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  if (observed.frame || observed.durable_final || attempt.pod == nullptr) return std::nullopt;
  const bool ended = terminated(attempt.pod->model);
  const bool last = terminated(attempt.pod->agent) || attempt.pod->ended() || (ended && is_overdue(attempt));
  if (!last && !ended) return std::nullopt;
  Plan plan;
  if (!last) {
    const Duration waited = since(attempt, Mark::kModelEnded);
    if (waited < kPushWait) {
      plan.requeue_after = kPushWait - waited;
      return plan;
    }
    if (observed.marks.contains(Mark::kDurableRead) && since(attempt, Mark::kDurableRead) < kDurableAgain) {
      plan.requeue_after = kDurableAgain - since(attempt, Mark::kDurableRead);
      return plan;
    }
  }
  plan.before.emplace_back(ReadDurable{
      .pod_name = attempt.pod->meta.name, .last = last, .give_up = observed.durable_failures + 1 >= kDurableTries});
  plan.marks.push_back(Mark::kDurableRead);
  plan.requeue_after = kDurableAgain;
  return plan;
}

// Concludes from what is left, when the attempt is over and no better evidence will come. Waits for better evidence
// first: for a push that is on its way if the pod is gone, else for the kubelet's report of the container's end.
Decision judge_what_remains(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const bool lost = is_lost(attempt);
  const bool evidence = observed.frame.has_value();
  if (!lost && !evidence && !observed.durable_final && !is_overdue(attempt)) return std::nullopt;
  const bool container_known = attempt.pod != nullptr && (terminated(attempt.pod->model) || attempt.pod->ended());
  if (!container_known && !is_overdue(attempt)) {
    const Mark mark = lost ? Mark::kPodLost : Mark::kEvidence;
    const Duration patience = lost ? Duration(kLostWait) : Duration(kEvidenceWait);
    if (!observed.marks.contains(mark) || since(attempt, mark) < patience) {
      Plan plan;
      plan.marks.push_back(mark);
      plan.requeue_after = patience - since(attempt, mark);
      return plan;
    }
  }
  Remains remains;
  remains.pod = attempt.pod;
  remains.frame = evidence ? &*observed.frame : nullptr;
  remains.job_gone = !observed.job;
  if (observed.job) remains.job_disruption = observed.job->disruption;
  remains.overdue = is_overdue(attempt);
  remains.started = attempt.started;
  remains.cancel_cause = attempt.cancel_cause;
  remains.timeout_seconds = attempt.timeout;
  return conclude(observed, judge_remains(remains), attempt.pod, attempt.now);
}

// True if the run's status gives that reason.
bool has_reason(const Observed& observed, std::string_view reason) {
  const auto* succeeded = api::find_condition(observed.run->status.conditions, "Succeeded");
  return succeeded != nullptr && succeeded->reason == reason;
}

// How much longer the attempt may last: its pod's activeDeadlineSeconds, and a while more.
Duration deadline_left(const Attempt& attempt) {
  const auto pending = attempt.observed.as_admitted ? attempt.observed.as_admitted->limits.pending_seconds
                                                    : api::LimitsSpec{}.pending_seconds;
  return std::chrono::seconds(active_deadline_seconds(pending, attempt.timeout)) + kDeadlineSlack -
         since(attempt, Mark::kAttempt);
}

// The pod was granted the source, and it cannot be had. Ends the attempt at once if asking again cannot help, else after
// limits.pendingSeconds.
Decision judge_lost_source(const Attempt& attempt) {
  const auto& lost = attempt.observed.source_lost;
  if (!lost) return std::nullopt;
  const auto pending = attempt.observed.as_admitted ? attempt.observed.as_admitted->limits.pending_seconds : 0;
  const Duration left = std::chrono::seconds(pending) - since(attempt, Mark::kSourceLost);
  if (is_transient(lost->kind) && left > Duration::zero()) {
    Plan plan;
    plan.status = waiting(attempt.observed, reason::kSourceUnreachable, lost->message + "; trying again", attempt.now);
    plan.requeue_after = left;
    return plan;
  }
  Verdict verdict{Phase::kFailed, std::string(source_reason(lost->kind)), lost->message, std::nullopt, false};
  Plan plan = conclude(attempt.observed, verdict, attempt.pod, attempt.now);
  plan.after.emplace_back(DeleteJob{attempt.observed.run->status.job_name});
  return plan;
}

// The model runs. Its end is reported by the agent's push and by the pod's status. Neither comes from a node that is
// dead, so the run is looked at again when its pod must have ended.
Plan keep_watch(const Attempt& attempt) {
  Plan plan;
  const Duration left = deadline_left(attempt);
  if (left <= Duration::zero()) {
    const auto node = attempt.pod == nullptr ? std::string() : attempt.pod->node;
    const Verdict verdict{Phase::kFailed, std::string(reason::kNodeLost),
                          fmt::format("node {} does not answer: the pod did not end at its deadline", node),
                          std::nullopt, /*retryable=*/true};
    plan = conclude(attempt.observed, verdict, attempt.pod, attempt.now);
    // Another attempt deletes the Job by itself.
    if (is_final(plan.status->phase)) plan.after.emplace_back(DeleteJob{attempt.observed.run->status.job_name});
    return plan;
  }
  // What was in the way is over.
  if (!has_reason(attempt.observed, reason::kRunning)) {
    plan.status = waiting(attempt.observed, reason::kRunning, "the model is running", attempt.now);
  }
  plan.requeue_after = left;
  if (const auto deletion = deletion_left(attempt)) requeue(plan, *deletion);
  return plan;
}

Plan cancel(const Attempt& attempt) {
  Plan plan;
  plan.before.emplace_back(OrderCancel{});
  plan.marks.push_back(Mark::kCancel);
  plan.status = waiting(attempt.observed, reason::kCancelling, "ending the model", attempt.now);
  const Duration waited = since(attempt, Mark::kCancel);
  if (waited < kCancelWait) {
    plan.requeue_after = kCancelWait - waited;
  } else {
    // The agent did not carry out the order in time. Delete the Job, so that the kubelet ends the pod.
    plan.after.emplace_back(DeleteJob{attempt.observed.run->status.job_name});
    plan.requeue_after = deletion_left(attempt).value_or(kCancelWait);
  }
  return plan;
}

Plan suspend(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  Plan plan;
  plan.status =
      waiting(observed, reason::kSuspended, "spec.suspend is true; the run starts again as a new attempt", attempt.now);
  plan.status->phase = Phase::kPending;
  plan.status->pod_uid.clear();
  plan.status->pod_name.clear();
  plan.status->job_name.clear();
  plan.status->identity.clear();  // set again when the run is admitted anew
  plan.after.emplace_back(DeleteJob{observed.run->status.job_name});
  plan.requeue_after = kAtOnce;
  return plan;
}

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

// Why the model has not started yet. The reason is PendingTimeout if nothing particular is wrong.
Problem pending_problem(const Observed& observed, const PodView* pod) {
  if (!observed.job_error.empty()) return {reason::kUnschedulable, observed.job_error};
  if (pod == nullptr) return {reason::kPendingTimeout, "the Job has no Pod yet; see the events of the Job"};
  for (const auto* container : {&pod->agent, &pod->model}) {
    if (auto problem = container_problem(*container); !problem.reason.empty()) return problem;
  }
  if (!pod->scheduled) {
    return {reason::kUnschedulable,
            pod->scheduling_message.empty() ? "waiting for the scheduler" : pod->scheduling_message};
  }
  return {reason::kPendingTimeout, "the Pod is being set up"};
}

// Waits for the model to start, up to limits.pendingSeconds.
Plan pend(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const auto problem = pending_problem(observed, attempt.pod);
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
  // Write the status only if something is wrong and the attempt is at least a second old: most such problems pass at
  // once.
  if (problem.reason != reason::kPendingTimeout && begun >= std::chrono::seconds(1)) {
    plan.status = waiting(observed, problem.reason, problem.message, attempt.now);
  } else if (problem.reason != reason::kPendingTimeout) {
    requeue(plan, std::chrono::seconds(1));
  } else if (has_reason(observed, reason::kBlocked)) {
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
  const bool has_failed = source.state == SourceView::State::kFailed;
  const auto why = has_failed ? source_reason(source.error.kind) : reason::kResolving;
  const Duration left =
      std::chrono::seconds(observed.as_admitted->limits.pending_seconds) - since(attempt, Mark::kAttempt);
  const bool may_pass = !has_failed || why == reason::kSourceUnreachable;
  if (!may_pass || left <= Duration::zero()) {
    return refuse(observed, Phase::kFailed, has_failed ? why : reason::kSourceUnreachable,
                  has_failed ? source.error.message : "the commit could not be fetched within limits.pendingSeconds",
                  attempt.now);
  }
  Plan plan;
  plan.before.emplace_back(ResolveSource{.hold = true});
  if (has_failed) plan.status = waiting(observed, why, source.error.message + "; trying again", attempt.now);
  requeue(plan, std::min<Duration>(left, kSourceAgain));
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
  if (auto plan = look_for_durable(attempt)) return *plan;
  if (auto plan = judge_what_remains(attempt)) return *plan;
  const auto mine = [&](const Claim& claim) { return claim.attempt == observed.run->status.attempts; };
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

Decision refuse_unsound(const Attempt& attempt) {
  if (is_sound(attempt.observed)) return std::nullopt;
  const bool cancelled = !attempt.cancel_cause.empty();
  Plan plan = refuse(attempt.observed, cancelled ? Phase::kCancelled : Phase::kFailed,
                     cancelled ? reason::kCancelled : reason::kInternal,
                     cancelled ? attempt.cancel_cause
                               : "somebody else than an operator has written the run's status: create the run anew",
                     attempt.now);
  // Nothing is deleted by a name that stands in it. What the run owns goes when its time as a finished run has come.
  plan.after.clear();
  return plan;
}

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

}  // namespace

bool is_sound(const Observed& observed) {
  const auto& status = observed.run->status;
  // The API server would take anything else for another path.
  const bool pod_named = std::ranges::all_of(
      status.pod_name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
  // An older operator did not record the settings, and the project may have been deleted since the model was started.
  const bool has_settings = observed.as_admitted || status.phase == Phase::kRunning;
  return has_settings && !status.commit_sha.empty() && status.attempts > 0 && pod_named &&
         !status.pod_name.contains("..") && status.job_name == child_name(observed.run->meta, status.attempts);
}

Plan decide_with_job(const Observed& observed, Time now, const Settings& settings) {
  Attempt attempt{observed, now};
  attempt.started = observed.run->status.phase == Phase::kRunning;
  attempt.pod = attempt_pod(observed);
  attempt.cancel_cause = cancel_cause(observed);
  attempt.timeout = timeout_seconds(observed.run->spec,
                                    observed.as_admitted ? observed.as_admitted->limits : api::LimitsSpec{}, settings);

  if (observed.frame) {
    if (const auto verdict = judge_frame(*observed.frame, attempt.timeout, attempt.cancel_cause)) {
      return conclude(observed, *verdict, attempt.pod, now);
    }
  }
  if (auto plan = refuse_unsound(attempt)) return *plan;
  if (observed.run->spec.suspend && attempt.cancel_cause.empty()) return suspend(attempt);
  if (!attempt.started) return before_start(attempt);
  if (auto plan = look_for_durable(attempt)) return *plan;
  if (auto plan = judge_what_remains(attempt)) return *plan;
  if (!attempt.cancel_cause.empty()) return cancel(attempt);
  if (auto plan = judge_lost_source(attempt)) return *plan;
  return keep_watch(attempt);
}

}  // namespace modelrun::controller
