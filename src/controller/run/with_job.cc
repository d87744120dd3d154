// Decides about a run whose current attempt has begun: status.jobName is set, and the phase is not final.
//
// Such an attempt is in one of three states:
//
//   created   The phase is Pending and there is no Job yet. make_job() has it created.
//   waiting   The phase is Pending and the Job exists. await_start() waits for a pod whose agent asks for the source.
//             As long as somebody has the Job suspended, no clock of the run runs.
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
//   0. Of a run with points: rows that wait are stored when it is time for that, and before anything else when the
//      attempt's result is there (points.cc).
//   1. In any state: a result frame that has a verdict concludes the attempt. A frame that was made before a cancel
//      therefore wins over the cancel.
//   2. In any state: a status that no operator can have written ends the run.
//   3. In any state: spec.suspend suspends the run, unless it has to be cancelled.
//   4. Before the start, before_start() in before_start.cc: a cancel ends the run. A Job of that name that belongs to
//      somebody else ends it too. A missing Job is created, or ends the run if it did exist before. With the Job in
//      place, avoid_image_volume() gives the attempt up for one without an image volume, if the pod's node cannot mount
//      it. look_for_durable() and judge_what_remains() are asked, because the pod may have ended without starting
//      the model. Then the first claim of the attempt starts it, once the archive is at hand and the attempt's objects
//      are known to be ours. Without a claim, pend() waits, for at most limits.pendingSeconds.
//   5. After the start: look_for_durable() reads the agent's log if the push of the result is late or can no longer
//      come. judge_what_remains() concludes an attempt that is over and has no verdict of its own. Then a cancel is
//      passed on to the agent. Otherwise keep_watch() waits for something to change, but not for ever.
//   6. A run that ends while its Job is suspended, or was resumed with another pod, has the Job deleted at once: else
//      that Job might wait for quota, and use it, for nobody.

#include <algorithm>

#include "api/reason.h"
#include "controller/run/attempt.h"
#include "controller/run/limits.h"
#include "controller/run/points.h"
#include "controller/run/status.h"

namespace modelrun::controller {
namespace {

using api::Phase;
namespace reason = api::reason;

// The pod was granted the source, and it cannot be had. Ends the attempt at once if asking again cannot help, else
// after limits.pendingSeconds.
Decision judge_lost_source(const Attempt& attempt) {
  const auto& lost = attempt.observed.source_lost;
  if (!lost) return std::nullopt;
  const Duration left =
      std::chrono::seconds(limits_of(attempt.observed).pending_seconds) - since(attempt, Mark::kSourceLost);
  if (is_transient(lost->kind) && left > Duration::zero()) {
    Plan plan;
    plan.status = waiting(attempt.observed, reason::kSourceUnreachable, lost->message + "; trying again", attempt.now);
    plan.requeue_after = left;
    requeue_for_deletion(plan, attempt);
    return plan;
  }
  const Verdict verdict{Phase::kFailed, std::string(source_reason(lost->kind)), lost->message, std::nullopt, false};
  Plan plan = conclude(attempt.observed, verdict, attempt.pod, attempt.now);
  plan.after.emplace_back(DeleteJob{attempt.observed.run->status.job_name});
  return plan;
}

// The model runs. Its end is reported by the agent's push and by the pod's status. Neither comes from a node that is
// dead, so the run is looked at again when its pod must have ended.
Plan keep_watch(const Attempt& attempt) {
  Plan plan;
  const Duration left = deadline_left(attempt);
  const bool goes = attempt.pod != nullptr && attempt.pod->meta.deletion;
  const bool preempted = is_preempted(attempt) || (goes && was_preempted(attempt));
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
  if (preempted) {
    // The Job's controller deletes the pod, and the agent has the pod's grace period to hand in what there is.
    plan.status =
        waiting(attempt.observed, reason::kPreempted,
                fmt::format("the Job {} was suspended, and the model is being ended", attempt.observed.job->meta.name),
                attempt.now);
  } else if (!has_reason(*attempt.observed.run, reason::kRunning)) {
    // What was in the way is over.
    plan.status = waiting(attempt.observed, reason::kRunning, "the model is running", attempt.now);
  }
  plan.requeue_after = left;
  requeue_for_deletion(plan, attempt);
  // The pod of an adopted standby is found by its Job: when that is gone, nothing that the pod does wakes the run.
  if (!attempt.observed.job) requeue(plan, kEvidenceWait);
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
    plan.requeue_after = kCancelWait;
    requeue_for_deletion(plan, attempt);
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

// False for a name that the API server would take for another path.
bool is_plain_name(const std::string& name) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  return std::ranges::all_of(name, is_plain) && !name.contains("..");
}

}  // namespace

bool is_sound(const Observed& observed) {
  const auto& status = observed.run->status;
  // The Job of an adopted standby had its name before it had a run.
  const bool job_named = status.provenance.start == api::kStartWarm
                             ? is_plain_name(status.job_name)
                             : status.job_name == child_name(observed.run->meta, status.attempts);
  // An older operator did not record the settings, and the project may have been deleted since the model was started.
  const bool has_settings = observed.as_admitted || status.phase == Phase::kRunning;
  return has_settings && !status.commit_sha.empty() && status.attempts > 0 && is_plain_name(status.pod_name) &&
         job_named;
}

namespace {

// The verdict of the attempt's frame, if it has one. An agent that was told to end before the model was started says
// that the sandbox was not set up. That its Job was suspended is the cause then; or a cancel, of which later steps
// know.
std::optional<Verdict> judge_own_frame(const Attempt& attempt) {
  const auto& frame = *attempt.observed.frame;
  if (frame.exit.how != api::ExitHow::kNotStarted || !was_preempted(attempt)) {
    return judge_frame(frame, attempt.timeout, attempt.cancel_cause);
  }
  if (!attempt.cancel_cause.empty()) return std::nullopt;
  return judge_preemption(/*started=*/false, limits_of(attempt.observed).attempts);
}

Plan decide_attempt(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const Time now = attempt.now;
  if (observed.frame) {
    if (const auto verdict = judge_own_frame(attempt)) {
      const auto whole = with_points(observed, judge_loss(*verdict, fatal_loss(observed, *observed.frame)));
      return conclude(observed, whole, attempt.pod, now);
    }
  }
  if (!is_sound(observed)) return refuse_unsound(observed, now);
  if (observed.run->spec.suspend && attempt.cancel_cause.empty()) return suspend(attempt);
  if (!attempt.started) return before_start(attempt);
  if (auto plan = look_for_durable(attempt)) return *plan;
  if (auto plan = judge_what_remains(attempt)) return *plan;
  if (!attempt.cancel_cause.empty()) return cancel(attempt);
  if (auto plan = judge_lost_source(attempt)) return *plan;
  return keep_watch(attempt);
}

// Step 6 above.
void drop_suspended(Plan& plan, const Attempt& attempt) {
  const auto& job = attempt.observed.job;
  if (!plan.status || !is_final(plan.status->phase) || !job || !was_preempted(attempt)) return;
  const auto deletes = [](const Action& action) { return std::holds_alternative<DeleteJob>(action); };
  if (std::ranges::none_of(plan.after, deletes)) plan.after.emplace_back(DeleteJob{job->meta.name});
}

}  // namespace

Plan decide_with_job(const Observed& observed, Time now, const Settings& settings) {
  Attempt attempt{observed, now};
  attempt.started = observed.run->status.phase == Phase::kRunning;
  attempt.pod = attempt_pod(observed);
  attempt.cancel_cause = cancel_cause(observed);
  attempt.timeout = timeout_seconds(observed.run->spec, limits_of(observed), settings);
  attempt.can_avoid_volume = settings.image_volumes == ImageVolumes::kAuto;
  std::optional<Duration> rows_due;
  if (auto plan = store_rows(attempt, rows_due)) return *plan;
  Plan plan = decide_attempt(attempt);
  if (rows_due) requeue(plan, *rows_due);
  drop_suspended(plan, attempt);
  return plan;
}

}  // namespace modelrun::controller
