#include "controller/run/attempt.h"

#include <algorithm>

#include "controller/run/limits.h"
#include "controller/run/points.h"
#include "controller/run/verdict.h"

namespace modelrun::controller {
namespace {

constexpr std::chrono::seconds kDurableAgain{5};
constexpr std::int64_t kMostGraceSeconds = 600;  // that is waited for a pod to be gone; whoever deletes it may say more
constexpr std::chrono::seconds kLostWait{2};     // for a push that is still on its way when the pod is gone
// How long after its activeDeadlineSeconds a pod may still be there before its node counts as lost.
constexpr std::chrono::seconds kDeadlineSlack{120};

bool terminated(const api::ContainerView& container) {
  return container.state == api::ContainerView::State::kTerminated;
}

// True if the recorded pod is gone, or if the Job has ended and has no pod.
bool is_lost(const Attempt& attempt) {
  if (attempt.pod != nullptr) return false;
  const auto& job = attempt.observed.job;
  return attempt.started || (job && (job->failed || job->complete));
}

// True if the pod goes or is gone, and the Job, which was suspended once, does not show why yet: it is about to fail,
// or to make another pod because it was suspended and resumed meanwhile.
bool awaits_job(const Attempt& attempt) {
  const auto& job = attempt.observed.job;
  const bool goes = attempt.started && (attempt.pod == nullptr || attempt.pod->meta.deletion);
  return goes && job && job->resumed && !job->failed && !job->complete && !was_preempted(attempt);
}

// True if the agent says that the model was ended because its pod is being deleted. Why somebody deletes it stands in
// the pod's conditions or in its Job before that, and the kubelet tells of the pod's containers only once all have
// ended, for which the agent, which waits for its result to be taken, would need the whole grace period.
bool was_told_to_end(const Attempt& attempt) {
  const auto& frame = attempt.observed.frame;
  return frame && frame->exit.how == api::ExitHow::kTerminated && attempt.pod != nullptr && attempt.pod->meta.deletion;
}

// How much longer a pod that is being deleted has to be gone: its grace period, counted from when the deletion was
// first seen, and a while more. nullopt if the pod is not being deleted.
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

}  // namespace

Duration since(const Attempt& attempt, Mark mark) {
  const auto found = attempt.observed.marks.find(mark);
  return found == attempt.observed.marks.end() ? Duration::zero() : found->second;
}

Duration deadline_left(const Attempt& attempt) {
  const auto pending = limits_of(attempt.observed).pending_seconds;
  return std::chrono::seconds(active_deadline_seconds(pending, attempt.timeout)) + kDeadlineSlack -
         since(attempt, Mark::kAttempt);
}

void requeue_for_deletion(Plan& plan, const Attempt& attempt) {
  if (const auto left = deletion_left(attempt)) requeue(plan, *left);
}

bool is_preempted(const Attempt& attempt) {
  const auto& job = attempt.observed.job;
  return job && job->suspended && !job->failed && !job->complete;
}

bool was_preempted(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const auto& job = observed.job;
  if (is_preempted(attempt)) return true;
  if (!job || job->failed || job->complete || !attempt.started) return false;
  const auto& recorded = observed.run->status.pod_uid;
  return observed.marks.contains(Mark::kJobSuspended) ||
         (job->resumed && std::ranges::any_of(observed.pods, [&](const auto& pod) {
            return pod->meta.uid != recorded && !pod->meta.deletion && !pod->ended();
          }));
}

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
  plan.requeue_after = kDurableAgain;
  return plan;
}

Decision judge_what_remains(const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const bool lost = is_lost(attempt);
  const bool evidence = observed.frame != nullptr;
  if (!lost && !evidence && !observed.durable_final && !is_overdue(attempt)) return std::nullopt;
  const bool container_known = attempt.pod != nullptr && !awaits_job(attempt) &&
                               (terminated(attempt.pod->model) || attempt.pod->ended() || was_told_to_end(attempt));
  if (!container_known && !is_overdue(attempt)) {
    const Mark mark = lost ? Mark::kPodLost : Mark::kEvidence;
    const Duration patience = lost && !awaits_job(attempt) ? Duration(kLostWait) : Duration(kEvidenceWait);
    if (!observed.marks.contains(mark) || since(attempt, mark) < patience) {
      Plan plan;
      plan.marks.push_back(mark);
      plan.requeue_after = patience - since(attempt, mark);
      return plan;
    }
  }
  Remains remains;
  remains.pod = attempt.pod;
  remains.frame = observed.frame.get();
  remains.job_gone = !observed.job;
  if (observed.job) remains.job_disruption = observed.job->disruption;
  remains.preempted = was_preempted(attempt);
  remains.attempts = limits_of(observed).attempts;
  remains.overdue = is_overdue(attempt);
  remains.started = attempt.started;
  remains.cancel_cause = attempt.cancel_cause;
  remains.timeout_seconds = attempt.timeout;
  const auto verdict = judge_remains(remains);
  if (auto plan = store_last_point(attempt, verdict)) return plan;
  return conclude(observed, with_points(observed, verdict), attempt.pod, attempt.now);
}

}  // namespace modelrun::controller
