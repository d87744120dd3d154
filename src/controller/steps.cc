#include "controller/steps.h"

#include <utility>

#include "api/reason.h"
#include "controller/limits.h"

namespace modelrun::controller {
namespace {

constexpr std::chrono::seconds kUnwrittenWait{1};

void retry(Plan& plan, const Observed& observed, const Verdict& verdict, Time now) {
  const auto& status = observed.run->status;
  const auto attempt = status.attempts + 1;
  plan.after.emplace_back(DeleteJob{status.job_name});
  plan.status = retried(observed, now);
  plan.after.emplace_back(CreateJob{static_cast<int>(attempt)});
  plan.events.push_back(
      {EventType::kWarning, verdict.reason,
       fmt::format("attempt {} was lost: {}; starting attempt {}", status.attempts, verdict.message, attempt)});
}

void finish(Plan& plan, const Observed& observed, const Verdict& verdict, const api::PodView* pod, Time now) {
  const api::ResultFrame* frame = observed.frame ? &*observed.frame : nullptr;
  end(plan, ended(observed, verdict, frame, pod, now));
  plan.events.push_back({verdict.phase == api::Phase::kSucceeded ? EventType::kNormal : EventType::kWarning,
                         verdict.reason, verdict.message});
}

}  // namespace

void wait_for(Plan& plan, const Observed& observed, std::string_view reason, const std::string& message, Duration again,
              Time now) {
  const Duration age = now - observed.run->meta.creation;
  if (observed.run->status.phase == api::Phase::kNone && age < kUnwrittenWait) {
    plan.requeue_after = kUnwrittenWait - age;
    return;
  }
  plan.status = waiting(observed, reason, message, now);
  plan.requeue_after = again;
}

void end(Plan& plan, Ending ending) {
  if (!ending.payload.empty()) {
    plan.before.emplace_back(WritePayload{ending.status.result_ref->config_maps, std::move(ending.payload)});
  }
  plan.status = std::move(ending.status);
}

void conclude(Plan& plan, const Observed& observed, const Verdict& verdict, const api::PodView* pod, Time now) {
  const bool wanted = !observed.run->spec.cancel && !project_deleted(observed) && observed.project;
  const auto& status = observed.run->status;
  if (verdict.retryable && wanted && status.attempts < observed.as_admitted->limits.attempts) {
    const auto generation = observed.project->meta.generation;
    if (status.project_spec || generation == status.project_generation) return retry(plan, observed, verdict, now);
    // Admitted by an operator that recorded no settings: they are gone, and another attempt would be another run.
    auto last = verdict;
    last.message += fmt::format("; not tried again, since ModelProject {} has changed from generation {} to {}",
                                observed.project->meta.name, status.project_generation, generation);
    return finish(plan, observed, last, pod, now);
  }
  finish(plan, observed, verdict, pod, now);
}

void refuse(Plan& plan, const Observed& observed, api::Phase phase, std::string_view reason, std::string message,
            Time now) {
  finish(plan, observed, {phase, std::string(reason), std::move(message), std::nullopt, false}, nullptr, now);
  if (!observed.run->status.job_name.empty()) plan.after.emplace_back(DeleteJob{observed.run->status.job_name});
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

}  // namespace modelrun::controller
