#include <fmt/ranges.h>

#include "api/reason.h"
#include "controller/run/limits.h"
#include "controller/run/points.h"
#include "controller/run/reuse.h"
#include "controller/run/steps.h"

namespace modelrun::controller {
namespace {

using api::Phase;
namespace reason = api::reason;

// When to look again at what an event reports too.
constexpr std::chrono::seconds kLookAgain{30};

// True if the run's status says that it is suspended, or that it waits for another run's result.
bool was_held(const api::ModelRun& run) {
  return has_reason(run, reason::kSuspended) || has_reason(run, reason::kJoined);
}

// How long the run has been waiting since it was last held, or else since it was created. A run that is no longer held
// counts from now; timeline.resumed is set to the same time in this pass. Other machines have set the times that are
// compared with `now`, so the answer may be wrong by what their clocks differ.
Duration waited(const Observed& observed, Time now) {
  const auto& status = observed.run->status;
  if (was_held(*observed.run)) return Duration::zero();
  const Duration by_clock = now - status.timeline.resumed.value_or(observed.run->meta.creation);
  return std::max(by_clock, status.timeline.resumed ? Duration::zero() : observed.known_for);
}

// How long the source has been asked for, which limits.pendingSeconds bounds. Neither time in which the run was held
// nor time before this operator began to lead counts: the repository was not asked then.
Duration source_waited(const Observed& observed, Time now) {
  const bool held_before = was_held(*observed.run) || observed.run->status.timeline.resumed;
  return held_before ? std::min(observed.source.asked_for, waited(observed, now)) : observed.source.asked_for;
}

// The run waits for `reason` until the event comes; see wait_for().
Plan await(const Observed& observed, std::string_view reason, const std::string& message, Awaits event, Time now) {
  Plan plan = wait_for(observed, reason, message, kLookAgain, now);
  if (plan.status) plan.requeue_after.reset();
  plan.awaits = event;
  return plan;
}

// Refuses a spec that cannot be run at all. The CRD's CEL rules have checked the spec's shape; this function checks
// what they cannot.
Decision check_spec(const Observed& observed, Time now) {
  const auto& spec = observed.run->spec;
  if (spec.scope == api::Scope::kModel && spec.model_name.empty()) {
    return refuse(observed, Phase::kFailed, reason::kInvalidSpec, "spec.modelName is required when spec.scope is model",
                  now);
  }
  if (const auto refusal = refusal_of_points(spec)) {
    return refuse(observed, Phase::kFailed, reason::kInvalidParameters, *refusal, now);
  }
  const std::size_t size = spec.parameters ? spec.parameters->size() : 0;
  if (size >= kMaxParameterBytes) {
    return refuse(
        observed, Phase::kFailed, reason::kInvalidParameters,
        fmt::format("spec.parameters has {} bytes as JSON; it must stay under {}: keep large inputs in the repository "
                    "or in the project's data",
                    size, kMaxParameterBytes),
        now);
  }
  return std::nullopt;
}

// Refuses settings of the project that are too large to be recorded in the run.
Decision check_settings(const Observed& observed, Time now) {
  const std::size_t size = observed.project->settings_bytes;
  if (size < api::kMaxSettingsBytes) return std::nullopt;
  return refuse(
      observed, Phase::kFailed, reason::kInvalidSpec,
      fmt::format("the spec of ModelProject {} has {} bytes as JSON; it must stay under {}, since each run records it: "
                  "keep long values of runtime.env in the image, the repository or the project's data",
                  observed.project->meta.name, size, api::kMaxSettingsBytes),
      now);
}

// Refuses a priority by which runs would push the cluster's own pods off their nodes. The CRD's rule does so too, but
// does not look at projects that are older than it.
Decision check_priority(const Observed& observed, Time now) {
  const auto& name = observed.project->runtime.priority_class_name;
  if (!name.starts_with("system-")) return std::nullopt;
  return refuse(
      observed, Phase::kFailed, reason::kInvalidSpec,
      fmt::format("spec.runtime.priorityClassName {} of ModelProject {} is for the cluster's own pods; name a "
                  "PriorityClass of your own",
                  name, observed.project->meta.name),
      now);
}

// Waits for a project whose runs may start.
Decision check_project(const Observed& observed, Time now) {
  const auto& run = *observed.run;
  if (project_deleted(observed)) {
    return refuse(observed, Phase::kCancelled, reason::kCancelled,
                  fmt::format("ModelProject {} was deleted", run.spec.project), now);
  }
  if (!observed.project) {
    const Duration left = kProjectWait - observed.known_for;
    const auto message =
        fmt::format("there is no ModelProject {} in namespace {}", run.spec.project, run.meta.namespace_);
    if (left > Duration::zero()) {
      return wait_for(observed, reason::kProjectNotFound, message + "; waiting for it", left, now);
    }
    return refuse(observed, Phase::kFailed, reason::kProjectNotFound, message + ": create it, then run again", now);
  }
  if (run.spec.suspend || observed.project->suspend) {
    return await(observed, reason::kSuspended,
                 run.spec.suspend ? "spec.suspend is true" : "the project's spec.suspend is true", Awaits::kSpecChange,
                 now);
  }
  if (!observed.env_error.empty()) {
    return refuse(observed, Phase::kFailed, reason::kInvalidSpec, observed.env_error, now);
  }
  if (auto plan = check_priority(observed, now)) return plan;
  return check_settings(observed, now);
}

// Refuses spec.reuse: Reuse with an image that has no digest: nobody could say which image produced an earlier
// result.
Decision check_image(const Observed& observed, Time now, const Settings& settings) {
  const auto image = image_of(*observed.project, settings);
  const auto& run = *observed.run;
  if (run.spec.reuse != api::Reuse::kReuse || run.status.attempts > 0 || image.contains("@sha256:")) {
    return std::nullopt;
  }
  return refuse(observed, Phase::kFailed, reason::kInvalidSpec,
                fmt::format("spec.reuse is Reuse, but image {} has no digest, so what is behind its name may change: "
                            "give spec.runtime.image of ModelProject {} with @sha256:..., or use Join",
                            image, observed.project->meta.name),
                now);
}

// Takes the result of an identical run that has ended, or waits for one that is under way.
Decision check_other(const Observed& observed, Time now) {
  const auto& other = observed.other.run;
  if (!other) return std::nullopt;
  if (api::is_final(other->status.phase)) {
    Plan plan = end_with(reused(observed, now));
    plan.events.push_back({EventType::kNormal, "Reused", plan.status->message});
    return plan;
  }
  Plan plan;
  // Write the status at once, even in the run's first second: the end of the other run wakes only runs whose status
  // in the API server names it.
  plan.status = joined(observed, now);
  plan.requeue_after = kLookAgain;
  if (observed.run->status.reused_from != plan.status->reused_from) {
    plan.events.push_back({EventType::kNormal, "Joined", plan.status->message});
  }
  return plan;
}

// True if a standby may have the run as soon as its commit is known, and will want the archive. A run that may have to
// wait for a slot must not keep it that long.
bool starts_at_once(const Observed& observed) {
  return observed.project->warm.sandboxes > 0 && !observed.project->limits.max_concurrent_runs;
}

Plan source_failed(const Observed& observed, Time now) {
  const auto why = source_reason(observed.source.error.kind);
  const Duration left = std::chrono::seconds(observed.project->limits.pending_seconds) - source_waited(observed, now);
  const auto again = next_try(observed.source, left);
  if (!again) return refuse(observed, Phase::kFailed, why, observed.source.error.message, now);
  Plan plan = wait_for(observed, why, observed.source.error.message + "; trying again", again->look_after, now);
  plan.before.emplace_back(ResolveSource{.now = again->now});
  return plan;
}

// Waits until the commit is known and fetched. Refuses a commit that does not contain the entry point.
Decision check_source(const Observed& observed, Time now) {
  const auto& source = observed.source;
  switch (source.state) {
    case SourceView::State::kNone:
    case SourceView::State::kWorking: {
      Plan plan = wait_for(observed, reason::kResolving, "resolving the commit and fetching it", kLookAgain, now);
      if (source.state == SourceView::State::kNone)
        plan.before.emplace_back(ResolveSource{.hold = starts_at_once(observed)});
      return plan;
    }
    case SourceView::State::kFailed:
      return source_failed(observed, now);
    case SourceView::State::kReady:
      break;
  }
  if (source.has_entry_point) return std::nullopt;
  return refuse(observed, Phase::kFailed, reason::kEntryPointNotFound,
                fmt::format("commit {} has no file {}", source.commit, observed.run->spec.entry_point()), now);
}

// Waits for a run number and a slot.
Decision check_admission(const Observed& observed, Time now) {
  if (observed.admitted_number) return std::nullopt;
  if (observed.run->status.reused_from) {
    // The run that this one waited for is gone or of no use. Several runs may find that out at the same time. No run
    // joins a run whose cached status says that it waits for another. So first write a status that does not say that.
    // In the next pass one of these runs becomes the lead.
    Plan plan;
    plan.status = waiting(observed, reason::kQueued, "the run that it had joined came to nothing", now);
    plan.requeue_after = kLookAgain;
    return plan;
  }
  const auto& limits = observed.project->limits;
  std::optional<Duration> left;
  if (limits.queue_seconds) {
    left = std::chrono::seconds(*limits.queue_seconds) - waited(observed, now);
    if (*left <= Duration::zero()) {
      return refuse(
          observed, Phase::kFailed, reason::kPendingTimeout,
          fmt::format("no slot became free within the project's limits.queueSeconds ({} s)", *limits.queue_seconds),
          now);
    }
  }
  Plan plan = await(observed, reason::kQueued,
                    limits.max_concurrent_runs
                        ? fmt::format("waiting for one of the project's {} slots (limits.maxConcurrentRuns)",
                                      *limits.max_concurrent_runs)
                        : "waiting for a run number",
                    Awaits::kSlot, now);
  if (left) requeue(plan, *left);
  if (observed.run->spec.reuse == api::Reuse::kJoin && !observed.identity.empty()) {
    plan.before.emplace_back(TakeLead{observed.identity});
  }
  plan.before.emplace_back(RequestAdmission{});
  return plan;
}

// Warnings for status.warning about settings that have no effect or were changed. Empty if there are none.
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
  if (!spec.branch.empty() && !spec.commit_sha.empty()) {
    told.push_back(
        fmt::format("spec.branch '{}' was not looked at: spec.commitSHA says which commit runs", spec.branch));
  }
  if (const auto altered = spec.parameters ? spec.parameters->altered() : std::string(); !altered.empty()) {
    told.push_back(fmt::format("spec.parameters{}: write it as text, in quotes", altered));
  }
  if (const auto altered = spec.points ? spec.points->altered() : std::string(); !altered.empty()) {
    told.push_back(fmt::format("spec.points{}: write it as text, in quotes", altered));
  }
  if (!observed.source.warning.empty()) told.push_back(observed.source.warning);
  if (spec.reuse != api::Reuse::kNever && observed.identity.empty()) {
    told.push_back(
        fmt::format("spec.reuse had no effect: ModelProject {} has data without data.snapshotRef, so nobody "
                    "can say whether two runs see the same",
                    observed.project->meta.name));
  }
  return fmt::format("{}", fmt::join(told, "; "));
}

// The run is admitted, and a standby is kept for it. Adopts the standby, records what pin() records, and permits its
// pod to execute the run, all in this pass. Nothing is permitted that is not at hand.
Plan adopt(const Observed& observed, std::int64_t number, Time now, const Settings& settings) {
  const auto& offer = *observed.standby;
  const auto attempt = observed.run->status.attempts + 1;
  Plan plan;
  if (!observed.source.held) {
    plan.before.emplace_back(ResolveSource{.hold = true});
    plan.requeue_after = kLookAgain;
    return plan;
  }
  if (!offer.adopted) plan.before.emplace_back(AdoptStandby{offer.job, static_cast<int>(attempt)});
  plan.status = adopted(observed, number, attempt, image_of(*observed.project, settings), offer, now);
  if (observed.run->spec.parameters) plan.after.emplace_back(ShowParameters{offer.job.uid});
  plan.events.push_back(
      {EventType::kNormal, "Started", fmt::format("pod {}, which stood ready, runs the model", offer.pod->meta.name)});
  // The next pass says when the pod must have ended.
  plan.requeue_after = kAtOnce;
  return plan;
}

// The run is admitted. Records the commit and the project's settings in status, and has the Job created.
Plan pin(const Observed& observed, Time now, const Settings& settings) {
  // A resumed run keeps the number it has.
  const auto given = observed.run->status.run_number;
  const auto number = given > 0 ? given : *observed.admitted_number;
  Plan plan;
  if (observed.standby) {
    plan = adopt(observed, number, now, settings);
  } else {
    const auto attempt = observed.run->status.attempts + 1;
    plan.status = pinned(observed, number, attempt, image_of(*observed.project, settings), now);
    create_job(plan, observed, attempt);
  }
  if (plan.status) plan.status->warning = warning_of(observed, settings);
  return plan;
}

// The spec and the project allow the run to start. Only an identical run, the source or a slot can still hold it
// back.
Plan go_ahead(const Observed& observed, Time now, const Settings& settings) {
  if (auto plan = check_other(observed, now)) return *plan;
  if (auto plan = check_source(observed, now)) return *plan;
  if (auto plan = check_admission(observed, now)) return *plan;
  return pin(observed, now, settings);
}

}  // namespace

Plan decide_before_job(const Observed& observed, Time now, const Settings& settings) {
  if (auto plan = check_spec(observed, now)) return *plan;
  if (observed.run->spec.cancel) {
    return refuse(observed, Phase::kCancelled, reason::kCancelled, "cancelled before it started", now);
  }
  // No higher number would be read back, and what belongs to the attempt is found by its number.
  if (observed.run->status.attempts >= api::kMaxAttempts) return refuse_unsound(observed, now);
  if (auto plan = check_project(observed, now)) return *plan;
  if (auto plan = check_image(observed, now, settings)) return *plan;
  Plan plan = go_ahead(observed, now, settings);
  if (plan.status && !plan.status->reused_from && was_held(*observed.run)) plan.status->timeline.resumed = now;
  return plan;
}

}  // namespace modelrun::controller
