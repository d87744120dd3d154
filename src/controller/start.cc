#include <fmt/ranges.h>

#include "api/reason.h"
#include "controller/limits.h"
#include "controller/reuse.h"
#include "controller/steps.h"

namespace modelrun::controller {
namespace {

using api::Phase;
namespace reason = api::reason;

constexpr std::chrono::seconds kLookAgain{30};
constexpr std::chrono::seconds kAskAgain{2};  // an unreachable source; the source manager asks less and less often

// Whether it was suspended, or waited for another run's result, when it was looked at last.
bool was_held(const api::ModelRunStatus& status) {
  const auto* succeeded = api::find_condition(status.conditions, "Succeeded");
  return succeeded != nullptr && (succeeded->reason == reason::kSuspended || succeeded->reason == reason::kJoined);
}

// From when pendingSeconds and queueSeconds count: time in which it was held is nobody's fault. A run that just goes on
// gets its `resumed` with the status of this very pass.
Time waiting_since(const Observed& observed, Time now) {
  const auto& status = observed.run->status;
  return was_held(status) ? now : status.timeline.resumed.value_or(observed.run->meta.creation);
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

// True unless a result is to be reused of which nobody could say what image it is of.
bool check_image(Plan& plan, const Observed& observed, Time now, const Settings& settings) {
  const auto image = image_of(*observed.project, settings);
  const auto& run = *observed.run;
  if (run.spec.reuse != api::Reuse::kReuse || run.status.attempts > 0 || image.contains("@sha256:")) return true;
  refuse(plan, observed, Phase::kFailed, reason::kInvalidSpec,
         fmt::format("spec.reuse is Reuse, but image {} has no digest, so what is behind its name may change: give "
                     "spec.runtime.image of ModelProject {} with @sha256:..., or use Join",
                     image, observed.project->meta.name),
         now);
  return false;
}

// True when the run goes on by itself: there is no other whose result is to be its own.
bool check_other(Plan& plan, const Observed& observed, Time now) {
  const auto& other = observed.other.run;
  if (!other) return true;
  if (api::is_final(other->status.phase)) {
    end(plan, reused(observed, now));
    plan.events.push_back({EventType::kNormal, "Reused", plan.status->message});
    return false;
  }
  // Written at once: only what stands in the API server is woken by the other's end.
  plan.status = joined(observed, now);
  plan.requeue_after = kLookAgain;
  if (observed.run->status.reused_from != plan.status->reused_from) {
    plan.events.push_back({EventType::kNormal, "Joined", plan.status->message});
  }
  return false;
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
  if (observed.run->status.reused_from) {
    // The run that it waited for came to nothing, and several may find that out at once. Nobody would join one of which
    // the cache still says that it waits itself: so that is written first, and in the next pass one of them leads.
    plan.status = waiting(observed, reason::kQueued, "the run that it had joined came to nothing", now);
    plan.requeue_after = kLookAgain;
    return false;
  }
  if (observed.run->spec.reuse == api::Reuse::kJoin && !observed.identity.empty()) {
    plan.before.emplace_back(TakeLead{observed.identity});
  }
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

// What the run is to be told about its spec, though it runs.
std::string warning_of(const Observed& observed, const Settings& settings) {
  std::vector<std::string> told;
  const auto& spec = observed.run->spec;
  if (spec.timeout_seconds && *spec.timeout_seconds > settings.max_timeout_seconds) {
    told.push_back(fmt::format("spec.timeoutSeconds {} was lowered to {}, the operator's --max-timeout-seconds",
                               *spec.timeout_seconds, settings.max_timeout_seconds));
  }
  const auto& of_project = observed.project->limits.timeout_seconds;
  if (!spec.timeout_seconds && of_project && *of_project > settings.max_timeout_seconds) {
    told.push_back(fmt::format(
        "limits.timeoutSeconds {} of ModelProject {} was lowered to {}, the operator's --max-timeout-seconds",
        *of_project, observed.project->meta.name, settings.max_timeout_seconds));
  }
  if (spec.reuse != api::Reuse::kNever && observed.identity.empty()) {
    told.push_back(
        fmt::format("spec.reuse had no effect: ModelProject {} has data without data.snapshotRef, so nobody "
                    "can say whether two runs see the same",
                    observed.project->meta.name));
  }
  return fmt::format("{}", fmt::join(told, "; "));
}

// Nothing holds the run back but an identical one, its source and a slot; then it is pinned.
void go_ahead(Plan& plan, const Observed& observed, Time now, const Settings& settings) {
  if (!check_other(plan, observed, now) || !check_source(plan, observed, now) ||
      !check_admission(plan, observed, now)) {
    return;
  }
  const auto attempt = observed.run->status.attempts + 1;
  // A resumed run keeps the number it has.
  const auto given = observed.run->status.run_number;
  plan.status = pinned(observed, given > 0 ? given : *observed.admitted_number, attempt,
                       image_of(*observed.project, settings), now);
  plan.status->warning = warning_of(observed, settings);
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
  if (!check_project(plan, observed, now) || !check_image(plan, observed, now, settings)) return plan;
  go_ahead(plan, observed, now, settings);
  if (plan.status && !plan.status->reused_from && was_held(observed.run->status)) plan.status->timeline.resumed = now;
  return plan;
}

}  // namespace modelrun::controller
