#include "controller/sweep/decide.h"

#include <algorithm>
#include <utility>

#include "api/reason.h"
#include "controller/run/limits.h"
#include "controller/sweep/status.h"

namespace modelrun::controller {
namespace {

using api::Phase;
namespace reason = api::reason;

// A pass that waits for its turn with the table, or whose last write may have been lost, comes again.
constexpr std::chrono::seconds kEndWait{30};
constexpr std::int64_t kMaxRunTimeout = 86'400;  // as the CRD bounds spec.timeoutSeconds
constexpr std::int64_t kSpareSeconds = 60;       // of a run, beyond the time of its points

std::string tally(const SweepSurvey& survey) {
  return fmt::format("{} of {} points succeeded, {} failed", survey.succeeded, survey.total, survey.failed);
}

// The run whose end all others would share: the sweep's first one that could not even begin, or one that has no
// project.
const SweepPart* hopeless(const SweepObserved& observed, const SweepSurvey& survey) {
  for (const auto& part : survey.parts) {
    if (!part.ended() || part.rows() > 0 || part.run->phase == Phase::kSucceeded || !part.run->error) continue;
    if (part.run->error->reason == reason::kProjectNotFound) return &part;
    const bool first = &part == &survey.parts.front();
    if (!first || part.run->phase == Phase::kTimedOut) continue;
    const bool nothing_done = survey.succeeded + survey.failed == part.missing();
    if (sweep_commit(observed, survey).empty() || (part.run->phase == Phase::kFailed && nothing_done)) return &part;
  }
  return nullptr;
}

// True if spec.cancel keeps a point from being executed.
bool is_cancelled(const SweepObserved& observed, const SweepSurvey& survey) {
  if (!observed.sweep->spec.cancel) return false;
  return std::ranges::any_of(survey.parts,
                             [](const auto& part) { return !part.ended() || part.run->phase == Phase::kCancelled; });
}

// Why no further run is made and those under way are cancelled; nullopt if the sweep goes on.
std::optional<SweepEnd> why_stopped(const SweepObserved& observed, const SweepSurvey& survey) {
  const auto& most = observed.sweep->spec.limits.max_failed_points;
  if (most && survey.failed > *most) {
    return SweepEnd{Phase::kFailed, std::string(reason::kTooManyFailedPoints),
                    fmt::format("{}, more than limits.maxFailedPoints allows, which is {}", tally(survey), *most)};
  }
  if (const auto* part = hopeless(observed, survey)) {
    const auto& error = *part->run->error;
    const bool cancelled = error.reason == reason::kCancelled;
    return SweepEnd{cancelled ? Phase::kCancelled : Phase::kFailed, error.reason,
                    fmt::format("run {}: {}", part->name, error.message)};
  }
  if (is_cancelled(observed, survey)) {
    return SweepEnd{Phase::kCancelled, std::string(reason::kCancelled), "cancelled by spec.cancel; " + tally(survey)};
  }
  if (observed.given_up) {
    return SweepEnd{Phase::kFailed, std::string(reason::kInternal),
                    fmt::format("the sweep could not go on: {}; {}", *observed.given_up, tally(survey))};
  }
  return std::nullopt;
}

// The end of a sweep all of whose runs have ended by themselves.
SweepEnd own_end(const SweepSurvey& survey) {
  if (survey.succeeded > 0) return {Phase::kSucceeded, std::string(reason::kSucceeded), tally(survey)};
  return {Phase::kFailed, std::string(reason::kPointsFailed), "no point succeeded; " + tally(survey)};
}

bool all_ended(const SweepSurvey& survey) {
  return std::ranges::all_of(survey.parts, &SweepPart::ended);
}

void cancel_runs(const SweepSurvey& survey, SweepPlan& plan) {
  for (const auto& part : survey.parts) {
    if (part.active() && !part.run->cancel) plan.actions.emplace_back(CancelSweepRun{part.name, part.run->uid});
  }
}

// `suspend`: holds the runs under way; else lets those that are held go on.
void hold_runs(const SweepSurvey& survey, bool suspend, SweepPlan& plan) {
  for (const auto& part : survey.parts) {
    if (part.active() && part.run->suspend != suspend)
      plan.actions.emplace_back(SuspendSweepRun{part.name, part.run->uid, suspend});
  }
}

MakeSweepRun run_of(const SweepObserved& observed, const SweepPart& part, const std::string& commit,
                    const Settings& settings) {
  MakeSweepRun make{part.name, part.first, part.count, commit};
  const auto cap = std::clamp<std::int64_t>(settings.max_timeout_seconds, 1, kMaxRunTimeout);
  const auto& own = observed.sweep->spec.limits.timeout_seconds;
  const auto wish = own ? *own : observed.project_timeout.value_or(kDefaultTimeoutSeconds);
  make.point_timeout = std::clamp<std::int64_t>(wish, 1, cap);
  // What this is too short for goes on in another run: SweepPart.
  make.timeout = std::min(cap, make.point_timeout * static_cast<std::int64_t>(part.count) + kSpareSeconds);
  return make;
}

// Until the first run has the commit, it is the only one.
void make_runs(const SweepObserved& observed, const SweepSurvey& survey, const Settings& settings, SweepPlan& plan) {
  const auto commit = sweep_commit(observed, survey);
  auto slots = (commit.empty() ? 1 : observed.sweep->spec.limits.parallelism) - survey.active;
  for (const auto& part : survey.parts) {
    if (slots <= 0) return;
    if (part.run != nullptr) continue;
    plan.actions.emplace_back(run_of(observed, part, commit, settings));
    --slots;
  }
}

// True if somebody waits for what has changed. A message alone, which has counts in it, is not that.
bool is_urgent(const api::ModelSweepStatus& before, const api::ModelSweepStatus& after) {
  const auto same_condition = [](const api::Condition& a, const api::Condition& b) {
    return a.type == b.type && a.status == b.status && a.reason == b.reason;
  };
  return before.phase != after.phase || before.commit_sha != after.commit_sha ||
         before.observed_generation != after.observed_generation ||
         !std::ranges::equal(before.conditions, after.conditions, same_condition);
}

void plan_write(const SweepObserved& observed, api::ModelSweepStatus next, SweepPlan& plan) {
  const auto& current = observed.sweep->status;
  if (next == current) return;
  if (is_urgent(current, next) || !observed.since_write || *observed.since_write >= kProgressWrite) {
    plan.status = std::move(next);
  } else {
    plan.requeue_after = kProgressWrite - *observed.since_write;
  }
}

// True if what keeps the sweep from its next step has lasted long enough to be told.
bool is_blocked(const SweepObserved& observed) {
  return observed.trouble && observed.trouble->lasted >= kTellTrouble;
}

struct Standing {
  std::string_view reason;
  std::string message;
};

Standing standing(const SweepObserved& observed, const SweepSurvey& survey, const std::optional<SweepEnd>& stopped) {
  if (is_blocked(observed)) return {reason::kBlocked, observed.trouble->message + "; trying again"};
  if (stopped) return {reason::kCancelling, "stopping the runs that are under way: " + stopped->message};
  if (observed.sweep->spec.suspend) return {reason::kSuspended, "suspended by spec.suspend; " + tally(survey)};
  if (survey.started) return {reason::kRunning, tally(survey)};
  if (sweep_commit(observed, survey).empty()) return {reason::kResolving, "the first run is about to find the commit"};
  return {reason::kStarting, "the first runs are about to start"};
}

// Events come with the status that says the same.
void note_events(const SweepObserved& observed, SweepPlan& plan) {
  const auto& current = observed.sweep->status;
  const auto& next = *plan.status;
  if (!current.started_at && next.started_at) {
    plan.events.push_back(
        {EventType::kNormal, "Started",
         fmt::format("{} points on commit {}", next.points ? next.points->total : 0, next.commit_sha.substr(0, 12))});
  }
  const auto reason_of = [](const api::ModelSweepStatus& status) {
    const auto* condition = api::find_condition(status.conditions, "Succeeded");
    return condition == nullptr ? std::string() : condition->reason;
  };
  const bool blocked = reason_of(next) == reason::kBlocked && reason_of(current) != reason::kBlocked;
  if (blocked) plan.events.push_back({EventType::kWarning, std::string(reason::kBlocked), next.message});
}

void tell(const SweepObserved& observed, const SweepSurvey& survey, const std::optional<SweepEnd>& stopped, Time now,
          SweepPlan& plan) {
  const auto [reason, message] = standing(observed, survey, stopped);
  plan_write(observed, sweep_under_way(observed, survey, reason, message, now), plan);
  if (plan.status) note_events(observed, plan);
}

}  // namespace

SweepPlan decide_sweep(const SweepObserved& observed, Time now, const Settings& settings) {
  SweepPlan plan;
  if (observed.layout == nullptr) {
    plan.end = SweepEnd{Phase::kFailed, std::string(reason::kInvalidSpec), observed.refusal, false};
    return plan;
  }
  const auto seen = survey(observed);
  const auto stopped = why_stopped(observed, seen);
  if (all_ended(seen) || (stopped && seen.active == seen.deleting)) {
    plan.end = stopped ? *stopped : own_end(seen);
    if (is_blocked(observed)) tell(observed, seen, stopped, now, plan);
    plan.requeue_after = kEndWait;
    return plan;
  }
  if (observed.trouble && observed.trouble->for_good() && !stopped) {
    plan.give_up = observed.trouble->message;
    plan.requeue_after = kAtOnce;
    return plan;
  }
  tell(observed, seen, stopped, now, plan);
  if (stopped) {
    cancel_runs(seen, plan);
  } else if (observed.sweep->spec.suspend) {
    hold_runs(seen, true, plan);
  } else {
    hold_runs(seen, false, plan);
    make_runs(observed, seen, settings, plan);
  }
  return plan;
}

SweepMiss why_missing(const SweepObserved& observed, const SweepEnd& end, const api::ModelRunStatus* run) {
  const auto& limits = observed.sweep->spec.limits;
  // One that has not ended is being deleted.
  if (run == nullptr || !api::is_final(run->phase)) {
    return {Phase::kCancelled, end.reason, "not executed: " + end.message};
  }
  const auto failed = run->points ? run->points->failed : 0;
  const bool too_many = run->phase == Phase::kCancelled && end.reason == reason::kTooManyFailedPoints;
  if (too_many || gave_up(limits, run->phase, failed)) {
    return {Phase::kCancelled, std::string(reason::kTooManyFailedPoints),
            "not executed: too many points have failed before it"};
  }
  if (run->error) return {run->phase, run->error->reason, run->error->message};
  return {Phase::kFailed, std::string(reason::kInternal), "its row is gone: somebody has deleted it"};
}

}  // namespace modelrun::controller
