#include "controller/run/steps.h"

#include <algorithm>
#include <utility>

#include "api/pod_metadata.h"
#include "api/reason.h"
#include "controller/run/limits.h"

namespace modelrun::controller {
namespace {

constexpr std::chrono::seconds kUnwrittenWait{1};

Plan retry(const Observed& observed, const Verdict& verdict, bool free, Time now) {
  Plan plan;
  const auto& status = observed.run->status;
  const auto attempt = status.attempts + 1;
  plan.after.emplace_back(DeleteJob{status.job_name});
  plan.status = retried(observed, now);
  if (free) ++plan.status->free_attempts;
  if (verdict.preempted) ++plan.status->preemptions;
  plan.status->job_suspended = observed.job && observed.job->suspended;
  create_job(plan, observed, attempt);
  plan.events.push_back(
      {EventType::kWarning, verdict.reason,
       fmt::format("attempt {} was lost: {}; starting attempt {}", status.attempts, verdict.message, attempt)});
  return plan;
}

Plan finish(const Observed& observed, const Verdict& verdict, const api::PodView* pod, Time now) {
  const api::ResultFrame* frame = observed.frame.get();
  Plan plan = end_with(ended(observed, verdict, frame, pod, now));
  plan.events.push_back({verdict.phase == api::Phase::kSucceeded ? EventType::kNormal : EventType::kWarning,
                         verdict.reason, verdict.message});
  return plan;
}

}  // namespace

const api::PodView* pick_pod(const Observed& observed, const std::string& uid) {
  for (const auto& pod : observed.pods) {
    if (uid.empty() || pod->meta.uid == uid) return pod.get();
  }
  return nullptr;
}

const api::PodView* attempt_pod(const Observed& observed) {
  const auto& recorded = observed.run->status.pod_uid;
  if (!recorded.empty() || !observed.job || !observed.job->resumed) return pick_pod(observed, recorded);
  const auto living = std::ranges::find_if(observed.pods, [](const auto& pod) { return !pod->meta.deletion; });
  return living == observed.pods.end() ? nullptr : living->get();
}

std::string suspended_words(const api::JobView& job) {
  if (job.queue.empty()) return fmt::format("the Job {} is suspended, and goes on when it is resumed", job.meta.name);
  return fmt::format("the Job {} is suspended: it waits in the queue {} (label {})", job.meta.name, job.queue,
                     api::kLabelQueue);
}

api::LimitsSpec limits_of(const Observed& observed) {
  return observed.as_admitted ? observed.as_admitted->limits : api::LimitsSpec{};
}

bool fails_on_artifact_loss(const Observed& observed) {
  return observed.run->spec.fail_on_artifact_loss.value_or(limits_of(observed).fail_on_artifact_loss);
}

bool has_reason(const api::ModelRun& run, std::string_view reason) {
  const auto* succeeded = api::find_condition(run.status.conditions, "Succeeded");
  return succeeded != nullptr && succeeded->reason == reason;
}

Plan wait_for(const Observed& observed, std::string_view reason, const std::string& message, Duration again, Time now) {
  Plan plan;
  const Duration age = observed.known_for;
  if (observed.run->status.phase == api::Phase::kNone && age < kUnwrittenWait) {
    plan.requeue_after = std::min(again, Duration(kUnwrittenWait - age));
    return plan;
  }
  plan.status = waiting(observed, reason, message, now);
  plan.requeue_after = again;
  return plan;
}

Plan end_with(Ending ending) {
  Plan plan;
  if (!ending.payload.empty()) {
    plan.before.emplace_back(WritePayload{ending.status.result_ref->config_maps, std::move(ending.payload)});
  }
  plan.status = std::move(ending.status);
  return plan;
}

Plan conclude(const Observed& observed, const Verdict& verdict, const api::PodView* pod, Time now) {
  const bool wanted = !observed.run->spec.cancel && !project_deleted(observed) && observed.project != nullptr;
  const auto& status = observed.run->status;
  // A standby that ended before the model was started costs a cold start, and no attempt.
  const bool unstarted = observed.frame != nullptr && observed.frame->exit.how == api::ExitHow::kNotStarted;
  const bool idle = status.provenance.start == api::kStartWarm && (observed.awaits_work || unstarted);
  const bool retryable = verdict.retryable || (observed.awaits_work && verdict.phase == api::Phase::kFailed);
  const bool free = idle || verdict.free;
  const auto counted = status.attempts - status.free_attempts - (free ? 1 : 0);
  if (!retryable || !wanted || counted >= observed.as_admitted->limits.attempts) {
    auto last = verdict;
    if (verdict.preempted && wanted) last.message += "; limits.attempts does not let it be executed again";
    return finish(observed, last, pod, now);
  }
  const auto generation = observed.project->meta.generation;
  if (status.project_spec || generation == status.project_generation) return retry(observed, verdict, free, now);
  // The run was admitted by an older operator, which did not record the project's settings, and they have changed
  // since. An attempt with other settings would not be the same run.
  auto last = verdict;
  last.message += fmt::format("; not tried again, since ModelProject {} has changed from generation {} to {}",
                              observed.project->meta.name, status.project_generation, generation);
  return finish(observed, last, pod, now);
}

Plan refuse(const Observed& observed, api::Phase phase, std::string_view reason, std::string message, Time now) {
  Plan plan = finish(observed, {phase, std::string(reason), std::move(message), std::nullopt, false}, nullptr, now);
  if (!observed.run->status.job_name.empty()) plan.after.emplace_back(DeleteJob{observed.run->status.job_name});
  return plan;
}

Plan refuse_unsound(const Observed& observed, Time now) {
  const auto cancelled = cancel_cause(observed);
  Plan plan = cancelled.empty()
                  ? refuse(observed, api::Phase::kFailed, api::reason::kInternal,
                           "somebody else than an operator has written the run's status: create the run anew", now)
                  : refuse(observed, api::Phase::kCancelled, api::reason::kCancelled, cancelled, now);
  plan.after.clear();
  return plan;
}

void create_job(Plan& plan, const Observed& observed, std::int64_t attempt) {
  plan.after.emplace_back(CreateJob{static_cast<int>(attempt)});
  // What was refused belonged to the attempt before.
  const bool anew = attempt != observed.run->status.attempts;
  if (anew || observed.job_error.empty()) requeue(plan, kAtOnce);
}

void requeue(Plan& plan, Duration delay) {
  plan.requeue_after = std::min(delay, plan.requeue_after.value_or(delay));
}

Duration refusal_due(const Observed& observed) {
  const auto passed = [&](Mark mark) {
    const auto found = observed.marks.find(mark);
    return found == observed.marks.end() ? std::nullopt : std::optional(found->second);
  };
  const Duration waited = passed(Mark::kAttempt).value_or(Duration::zero());
  const auto read = passed(Mark::kRefusalRead);
  const Duration left =
      read ? std::max<Duration>(std::chrono::seconds(5), waited / 4) - *read : std::chrono::seconds(1) - waited;
  return std::max(left, Duration::zero());
}

bool project_deleted(const Observed& observed) {
  const auto& uid = observed.run->status.project_uid;
  if (uid.empty()) return false;
  return !observed.project || observed.project->meta.uid != uid || observed.project->meta.deleting();
}

std::string cancel_cause(const Observed& observed) {
  const auto& spec = observed.run->spec;
  if (spec.cancel) return "cancelled by spec.cancel";
  return project_deleted(observed) ? fmt::format("cancelled because ModelProject {} was deleted", spec.project) : "";
}

std::string_view source_reason(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNotFound:
      return api::reason::kRefNotFound;
    case ErrorKind::kDenied:
      return api::reason::kSourceDenied;
    case ErrorKind::kTooLarge:
      return api::reason::kSourceTooLarge;
    case ErrorKind::kInvalid:
      return api::reason::kInvalidSpec;
    default:
      return api::reason::kSourceUnreachable;
  }
}

std::optional<NextTry> next_try(const SourceView& source, Duration left) {
  constexpr std::chrono::seconds kLookAgain{2};  // Sources spaces the tries further apart
  constexpr std::chrono::seconds kLastTry{60};
  const bool has_failed = source.state == SourceView::State::kFailed;
  if (has_failed && source_reason(source.error.kind) != api::reason::kSourceUnreachable) return std::nullopt;
  if (left > Duration::zero()) return NextTry{.now = false, .look_after = std::min<Duration>(left, kLookAgain)};
  const bool last_try_failed = left + source.since_try <= Duration::zero();
  if (!has_failed || last_try_failed || left <= -kLastTry) return std::nullopt;
  return NextTry{.now = true, .look_after = kLookAgain};
}

}  // namespace modelrun::controller
