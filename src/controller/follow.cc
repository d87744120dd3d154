#include <algorithm>

#include "api/reason.h"
#include "controller/limits.h"
#include "controller/status.h"
#include "controller/steps.h"

namespace modelrun::controller {
namespace {

using api::ContainerView;
using api::Phase;
using api::PodView;
namespace reason = api::reason;

constexpr std::chrono::seconds kDurableAgain{5};
constexpr std::chrono::seconds kCreateAgain{5};
constexpr std::chrono::seconds kLostWait{2};  // for a push that is on its way while the pod already is gone

// What follow() works out once and all of its parts read.
struct Attempt {
  const Observed& observed;
  Time now;
  const PodView* pod = nullptr;  // the recorded pod; before that, any pod of the Job
  bool started = false;          // the source was given out
  std::string cancel_cause{};    // empty: it is not to be cancelled
  std::int64_t timeout = 0;
};

// The pod of that uid; with an empty one, any.
const PodView* pick_pod(const Observed& observed, const std::string& uid) {
  for (const auto& pod : observed.pods) {
    if (uid.empty() || pod->meta.uid == uid) return pod.get();
  }
  return nullptr;
}

Duration since(const Attempt& attempt, Mark mark) {
  const auto found = attempt.observed.marks.find(mark);
  return found == attempt.observed.marks.end() ? Duration::zero() : attempt.now - found->second;
}

bool terminated(const ContainerView& container) {
  return container.state == ContainerView::State::kTerminated;
}

// The recorded pod is gone, or the Job has failed and left none.
bool is_lost(const Attempt& attempt) {
  if (attempt.pod != nullptr) return false;
  const auto& job = attempt.observed.job;
  return attempt.started || (job && (job->failed || job->complete));
}

// The pod was told to go and is overdue: its node does not answer. deletionTimestamp includes the grace period.
bool is_overdue(const Attempt& attempt) {
  return attempt.pod != nullptr && attempt.pod->meta.deletion &&
         attempt.now >= *attempt.pod->meta.deletion + kEvidenceWait;
}

// Looks for the durable copy once the push is late or can no longer come. True when the plan is made.
bool look_for_durable(Plan& plan, const Attempt& attempt) {
  const auto& observed = attempt.observed;
  if (observed.frame || observed.durable_final || attempt.pod == nullptr) return false;
  const bool ended = terminated(attempt.pod->model);
  const bool last = terminated(attempt.pod->agent) || attempt.pod->ended() || (ended && is_overdue(attempt));
  if (!last) {
    if (!ended) return false;
    const Duration waited = attempt.now - attempt.pod->model.finished_at.value_or(attempt.now);
    if (waited < kPushWait) {
      plan.requeue_after = kPushWait - waited;
      return true;
    }
    if (observed.marks.contains(Mark::kDurableRead) && since(attempt, Mark::kDurableRead) < kDurableAgain) {
      plan.requeue_after = kDurableAgain - since(attempt, Mark::kDurableRead);
      return true;
    }
  }
  plan.before.emplace_back(ReadDurable{attempt.pod->meta.name, last});
  plan.marks.push_back(Mark::kDurableRead);
  plan.requeue_after = kDurableAgain;
  return true;
}

// The attempt is over and nothing better than the remains will come. True when the plan is made.
bool judge_what_remains(Plan& plan, const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const bool lost = is_lost(attempt);
  const bool evidence = observed.frame.has_value();
  if (!lost && !evidence && !observed.durable_final && !is_overdue(attempt)) return false;
  const bool container_known = attempt.pod != nullptr && (terminated(attempt.pod->model) || attempt.pod->ended());
  if (!container_known && !is_overdue(attempt)) {
    const Mark mark = lost ? Mark::kPodLost : Mark::kEvidence;
    const Duration patience = lost ? Duration(kLostWait) : Duration(kEvidenceWait);
    if (!observed.marks.contains(mark) || since(attempt, mark) < patience) {
      plan.marks.push_back(mark);
      plan.requeue_after = patience - since(attempt, mark);
      return true;
    }
  }
  Remains remains;
  remains.pod = attempt.pod;
  remains.frame = evidence ? &*observed.frame : nullptr;
  remains.job_gone = !observed.job;
  remains.started = attempt.started;
  remains.cancel_cause = attempt.cancel_cause;
  remains.timeout_seconds = attempt.timeout;
  conclude(plan, observed, judge_remains(remains), attempt.pod, attempt.now);
  return true;
}

void cancel(Plan& plan, const Attempt& attempt) {
  plan.before.emplace_back(OrderCancel{});
  plan.marks.push_back(Mark::kCancel);
  plan.status = waiting(attempt.observed, reason::kCancelling, "ending the model", attempt.now);
  const Duration waited = since(attempt, Mark::kCancel);
  if (waited < kCancelWait) {
    plan.requeue_after = kCancelWait - waited;
    return;
  }
  // The agent cannot be reached: the kubelet ends the pod.
  plan.after.emplace_back(DeleteJob{attempt.observed.run->status.job_name});
}

void suspend(Plan& plan, const Attempt& attempt) {
  const auto& observed = attempt.observed;
  plan.status =
      waiting(observed, reason::kSuspended, "spec.suspend is true; the run starts again as a new attempt", attempt.now);
  plan.status->phase = Phase::kPending;
  plan.status->pod_uid.clear();
  plan.status->pod_name.clear();
  plan.status->job_name.clear();
  plan.status->identity.clear();  // it is admitted anew
  plan.after.emplace_back(DeleteJob{observed.run->status.job_name});
}

struct Problem {
  std::string_view reason;
  std::string message;
  bool hopeless = false;
};

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

// Why the model has not started yet; the reason is PendingTimeout when nothing particular is known.
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

void pend(Plan& plan, const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const auto problem = pending_problem(observed, attempt.pod);
  const auto& limits = observed.as_admitted->limits;
  const Time begun = observed.run->status.timeline.job_created.value_or(observed.run->meta.creation);
  const Duration left = begun + std::chrono::seconds(limits.pending_seconds) - attempt.now;
  if (problem.hopeless || left <= Duration::zero()) {
    const auto message = problem.hopeless
                             ? problem.message
                             : fmt::format("the model did not start within limits.pendingSeconds ({} s): {}",
                                           limits.pending_seconds, problem.message);
    return refuse(plan, observed, Phase::kFailed, problem.reason, message, attempt.now);
  }
  plan.requeue_after = left;
  // Said in status only when it is worth a write: something is wrong, or it takes long.
  if (problem.reason != reason::kPendingTimeout && attempt.now - begun >= std::chrono::seconds(1)) {
    plan.status = waiting(observed, problem.reason, problem.message, attempt.now);
  } else if (problem.reason != reason::kPendingTimeout) {
    plan.requeue_after = std::min<Duration>(left, std::chrono::seconds(1));
  }
  // What the API server refused (Job or ConfigMap) is asked for again.
  if (!observed.job_error.empty()) plan.requeue_after = std::min<Duration>(*plan.requeue_after, kCreateAgain);
}

// The Job and its ConfigMap, before the model has started. True when the plan is made.
bool see_to_job(Plan& plan, const Attempt& attempt) {
  const auto& observed = attempt.observed;
  const auto& name = observed.run->status.job_name;
  if (observed.job_foreign) {
    refuse(plan, observed, Phase::kFailed, reason::kInternal,
           fmt::format("a Job {} exists that is not this run's; delete it, then run again", name), attempt.now);
    plan.after.clear();
    return true;
  }
  if (observed.job && observed.children_ensured) return false;
  if (!observed.job && observed.job_seen) {
    refuse(plan, observed, Phase::kFailed, reason::kJobDeleted,
           "somebody deleted the run's Job before the model started", attempt.now);
    return true;
  }
  plan.after.emplace_back(CreateJob{static_cast<int>(observed.run->status.attempts)});
  if (observed.job) return false;
  if (!observed.job_error.empty()) {
    pend(plan, attempt);
    if (plan.status && is_final(plan.status->phase)) plan.after.clear();
  }
  return true;
}

void before_start(Plan& plan, const Attempt& attempt) {
  const auto& observed = attempt.observed;
  if (!attempt.cancel_cause.empty()) {
    return refuse(plan, observed, Phase::kCancelled, reason::kCancelled,
                  attempt.cancel_cause + ", before the model started", attempt.now);
  }
  if (see_to_job(plan, attempt) || look_for_durable(plan, attempt) || judge_what_remains(plan, attempt)) return;
  const auto mine = [&](const Claim& claim) { return claim.attempt == observed.run->status.attempts; };
  const auto claim = std::ranges::find_if(observed.claims, mine);
  if (claim == observed.claims.end()) return pend(plan, attempt);
  plan.status = running(observed, *claim, pick_pod(observed, claim->pod_uid), attempt.now);
  plan.events.push_back({EventType::kNormal, "Started", fmt::format("pod {} runs the model", claim->pod_name)});
}

}  // namespace

Plan follow(const Observed& observed, Time now, const Settings& settings) {
  Plan plan;
  Attempt attempt{observed, now};
  attempt.started = observed.run->status.phase == Phase::kRunning;
  attempt.pod = pick_pod(observed, observed.run->status.pod_uid);
  attempt.cancel_cause = cancel_cause(observed);
  attempt.timeout = timeout_seconds(observed.run->spec,
                                    observed.as_admitted ? observed.as_admitted->limits : api::LimitsSpec{}, settings);

  // A frame that was made before a cancel wins over it.
  if (observed.frame) {
    if (const auto verdict = judge_frame(*observed.frame, attempt.timeout, attempt.cancel_cause)) {
      conclude(plan, observed, *verdict, attempt.pod, now);
      return plan;
    }
  }
  if (observed.run->spec.suspend && attempt.cancel_cause.empty()) {
    suspend(plan, attempt);
    return plan;
  }
  if (!attempt.started) {
    before_start(plan, attempt);
    return plan;
  }
  if (look_for_durable(plan, attempt) || judge_what_remains(plan, attempt)) return plan;
  if (!attempt.cancel_cause.empty()) cancel(plan, attempt);
  return plan;
}

}  // namespace modelrun::controller
