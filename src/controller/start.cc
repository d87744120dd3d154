#include "api/reason.h"
#include "controller/limits.h"
#include "controller/status.h"
#include "controller/steps.h"

namespace modelrun::controller {
namespace {

using api::Phase;
namespace reason = api::reason;

constexpr std::chrono::seconds kLookAgain{30};
constexpr std::chrono::seconds kAskAgain{2};  // an unreachable source; the source manager asks less and less often

// As it stood when it was looked at last.
bool was_suspended(const api::ModelRunStatus& status) {
  const auto* succeeded = api::find_condition(status.conditions, "Succeeded");
  return succeeded != nullptr && succeeded->reason == reason::kSuspended;
}

// From when pendingSeconds and queueSeconds count: time in suspension is nobody's fault. A run that is just being
// resumed gets its `resumed` with the status of this very pass.
Time waiting_since(const Observed& observed, Time now) {
  const auto& status = observed.run->status;
  return was_suspended(status) ? now : status.timeline.resumed.value_or(observed.run->meta.creation);
}

// True when the spec is one that can be run at all. CEL has checked its shape; this is what CEL cannot see.
bool check_spec(Plan& plan, const Observed& observed, Time now) {
  const auto& spec = observed.run->spec;
  if (spec.scope == api::Scope::kModel && spec.model_name.empty()) {
    refuse(plan, observed, Phase::kFailed, reason::kInvalidSpec, "spec.modelName is required when spec.scope is model",
           now);
    return false;
  }
  const std::size_t size = spec.parameters ? spec.parameters->dump().size() : 0;
  if (size >= kMaxParameterBytes) {
    refuse(
        plan, observed, Phase::kFailed, reason::kInvalidParameters,
        fmt::format("spec.parameters has {} bytes as JSON; it must stay under {}: keep large inputs in the repository "
                    "or in the project's data",
                    size, kMaxParameterBytes),
        now);
    return false;
  }
  return true;
}

// True when the project's settings are not too large to be recorded in the run.
bool check_settings(Plan& plan, const Observed& observed, Time now) {
  const auto& settings = observed.project->run_settings;
  const std::size_t size = settings ? settings->dump().size() : 0;
  if (size < kMaxSettingsBytes) return true;
  refuse(
      plan, observed, Phase::kFailed, reason::kInvalidSpec,
      fmt::format("the spec of ModelProject {} has {} bytes as JSON; it must stay under {}, since each run records it: "
                  "keep long values of runtime.env in the image, the repository or the project's data",
                  observed.project->meta.name, size, kMaxSettingsBytes),
      now);
  return false;
}

// True when there is a project whose runs may start.
bool check_project(Plan& plan, const Observed& observed, Time now) {
  const auto& run = *observed.run;
  if (project_deleted(observed)) {
    refuse(plan, observed, Phase::kCancelled, reason::kCancelled,
           fmt::format("ModelProject {} was deleted", run.spec.project), now);
    return false;
  }
  if (!observed.project) {
    const Duration left = run.meta.creation + kProjectWait - now;
    const auto message =
        fmt::format("there is no ModelProject {} in namespace {}", run.spec.project, run.meta.namespace_);
    if (left > Duration::zero()) {
      wait_for(plan, observed, reason::kProjectNotFound, message + "; waiting for it", left, now);
    } else {
      refuse(plan, observed, Phase::kFailed, reason::kProjectNotFound, message + ": create it, then run again", now);
    }
    return false;
  }
  if (run.spec.suspend || observed.project->suspend) {
    wait_for(plan, observed, reason::kSuspended,
             run.spec.suspend ? "spec.suspend is true" : "the project's spec.suspend is true", kLookAgain, now);
    return false;
  }
  if (!observed.env_error.empty()) {
    refuse(plan, observed, Phase::kFailed, reason::kInvalidSpec, observed.env_error, now);
    return false;
  }
  return check_settings(plan, observed, now);
}

std::string_view source_reason(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNotFound:
      return reason::kRefNotFound;
    case ErrorKind::kDenied:
      return reason::kSourceDenied;
    case ErrorKind::kTooLarge:
      return reason::kSourceTooLarge;
    case ErrorKind::kInvalid:
      return reason::kInvalidSpec;
    default:
      return reason::kSourceUnreachable;
  }
}

void source_failed(Plan& plan, const Observed& observed, Time now) {
  const auto why = source_reason(observed.source.error.kind);
  const Duration left =
      waiting_since(observed, now) + std::chrono::seconds(observed.project->limits.pending_seconds) - now;
  // The others are definite answers: asking again would give the same.
  const bool may_pass = why == reason::kSourceUnreachable;
  if (!may_pass || left <= Duration::zero()) {
    return refuse(plan, observed, Phase::kFailed, why, observed.source.error.message, now);
  }
  plan.before.emplace_back(ResolveSource{});
  wait_for(plan, observed, why, observed.source.error.message + "; trying again", std::min<Duration>(left, kAskAgain),
           now);
}

// True when the commit is known, fetched, and has the entry point.
bool check_source(Plan& plan, const Observed& observed, Time now) {
  const auto& source = observed.source;
  switch (source.state) {
    case SourceView::State::kNone:
      plan.before.emplace_back(ResolveSource{});
      [[fallthrough]];
    case SourceView::State::kWorking:
      wait_for(plan, observed, reason::kResolving, "resolving the commit and fetching it", kLookAgain, now);
      return false;
    case SourceView::State::kFailed:
      source_failed(plan, observed, now);
      return false;
    case SourceView::State::kReady:
      break;
  }
  if (source.has_entry_point) return true;
  refuse(plan, observed, Phase::kFailed, reason::kEntryPointNotFound,
         fmt::format("commit {} has no file {}", source.commit, observed.run->spec.entry_point()), now);
  return false;
}

bool check_admission(Plan& plan, const Observed& observed, Time now) {
  if (observed.admitted_number) return true;
  plan.before.emplace_back(RequestAdmission{});
  const auto& limits = observed.project->limits;
  Duration again = kLookAgain;
  if (limits.queue_seconds) {
    const Duration left = waiting_since(observed, now) + std::chrono::seconds(*limits.queue_seconds) - now;
    if (left <= Duration::zero()) {
      plan.before.clear();
      refuse(plan, observed, Phase::kFailed, reason::kPendingTimeout,
             fmt::format("no slot became free within the project's limits.queueSeconds ({} s)", *limits.queue_seconds),
             now);
      return false;
    }
    again = std::min(again, left);
  }
  wait_for(plan, observed, reason::kQueued,
           limits.max_concurrent_runs
               ? fmt::format("waiting for one of the project's {} slots (limits.maxConcurrentRuns)",
                             *limits.max_concurrent_runs)
               : "waiting for a run number",
           again, now);
  return false;
}

std::string image_of(const api::ModelProject& project, const Settings& settings) {
  return project.runtime.image.empty() ? settings.default_image : project.runtime.image;
}

// Nothing holds the run back but its source and a slot; with both it is pinned.
void go_ahead(Plan& plan, const Observed& observed, Time now, const Settings& settings) {
  if (!check_source(plan, observed, now) || !check_admission(plan, observed, now)) return;
  const auto attempt = observed.run->status.attempts + 1;
  // A resumed run keeps the number it has.
  const auto given = observed.run->status.run_number;
  plan.status = pinned(observed, given > 0 ? given : *observed.admitted_number, attempt,
                       image_of(*observed.project, settings), now);
  const auto wish = observed.run->spec.timeout_seconds;
  if (wish && *wish > settings.max_timeout_seconds) {
    plan.status->warning = fmt::format("spec.timeoutSeconds {} was lowered to {}, the operator's --max-timeout-seconds",
                                       *wish, settings.max_timeout_seconds);
  }
  plan.after.emplace_back(CreateJob{static_cast<int>(attempt)});
}

}  // namespace

Plan start(const Observed& observed, Time now, const Settings& settings) {
  Plan plan;
  if (!check_spec(plan, observed, now)) return plan;
  if (observed.run->spec.cancel) {
    refuse(plan, observed, Phase::kCancelled, reason::kCancelled, "cancelled before it started", now);
    return plan;
  }
  if (!check_project(plan, observed, now)) return plan;
  go_ahead(plan, observed, now, settings);
  if (plan.status && was_suspended(observed.run->status)) plan.status->timeline.resumed = now;
  return plan;
}

}  // namespace modelrun::controller
