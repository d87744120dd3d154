#include "controller/run/decide.h"

#include <algorithm>
#include <cassert>

#include "api/reason.h"
#include "controller/run/bounds.h"
#include "controller/run/limits.h"
#include "controller/run/status.h"
#include "controller/run/steps.h"

namespace modelrun::controller {
namespace {

// True if the plan ends the run, or names what wakes it.
[[maybe_unused]] bool is_followed_up(const Plan& plan) {
  const bool ends = plan.status && api::is_final(plan.status->phase);
  return ends || plan.requeue_after || plan.awaits != Awaits::kNothing;
}

// A run in the line for large results is woken when it has its turn; this is for the case that it is not.
constexpr std::chrono::seconds kTurnWait{30};

Plan decide_next(const Observed& observed, Time now, const Settings& settings) {
  if (observed.awaits_turn) {
    Plan plan;
    plan.requeue_after = kTurnWait;
    return plan;
  }
  return observed.run->status.job_name.empty() ? decide_before_job(observed, now, settings)
                                               : decide_with_job(observed, now, settings);
}

// Unbounded.
Plan decide_pass(const Observed& observed, Time now, const Settings& settings) {
  Plan plan = decide_next(observed, now, settings);
  if (!plan.status && observed.turn_waited >= kTellTrouble) {
    plan.status = waiting(observed, api::reason::kBlocked, "large results of other runs are being stored first", now);
  }
  for (const auto& name : observed.stray_jobs) plan.before.insert(plan.before.begin(), DeleteJob{name});
  assert(is_followed_up(plan));
  return plan;
}

Plan blocked(const Observed& observed, const Error& error, Duration lasted, Time now, const Settings& settings) {
  const auto limits = limits_of(observed);
  const bool started = observed.run->status.phase == api::Phase::kRunning;
  // A model that runs has its own time, and its result may come as soon as the trouble is over.
  const auto timeout = timeout_seconds(observed.run->spec, limits, settings);
  const std::chrono::seconds most(started ? active_deadline_seconds(limits.pending_seconds, timeout)
                                          : limits.pending_seconds);
  const bool cancelled = observed.run->spec.cancel && lasted >= std::min(most, kCancelWait);
  if (observed.frame && (cancelled || lasted >= most)) {
    // The model has reported its end. Ends with what fits into status, as when the API server refuses the rest.
    Observed last = observed;
    last.payload_refusals = kPayloadTries;
    last.payload_error = error.message;
    return decide_pass(last, now, settings);
  }
  if (cancelled) {
    return refuse(observed, api::Phase::kCancelled, api::reason::kCancelled,
                  fmt::format("cancelled by spec.cancel, while the run could not go on: {}", error.message), now);
  }
  if (lasted >= most) {
    return refuse(observed, api::Phase::kFailed, api::reason::kInternal,
                  fmt::format("the run could not go on for {} s: {}", most.count(), error.message), now);
  }
  Plan plan;
  plan.status = waiting(observed, api::reason::kBlocked, error.message + "; trying again", now);
  return plan;
}

// The write that makes a run final also says that its event is owed: whatever dies after it, the event is not lost.
void owe_end_event(Plan& plan, const Settings& settings) {
  if (settings.end_events && plan.status && api::is_final(plan.status->phase)) plan.status->end_event.emplace();
}

}  // namespace

Plan decide(const Observed& observed, Time now, const Settings& settings) {
  Plan plan = decide_pass(observed, now, settings);
  owe_end_event(plan, settings);
  bound(plan);
  return plan;
}

Plan decide_blocked(const Observed& observed, const Error& error, Duration lasted, Time now, const Settings& settings) {
  Plan plan = blocked(observed, error, lasted, now, settings);
  owe_end_event(plan, settings);
  bound(plan);
  return plan;
}

Plan decide_finished(const FinishedRun& run, Time now) {
  Plan plan;
  const auto due = [&](std::int64_t seconds) { return run.finished_at + std::chrono::seconds(seconds) - now; };
  if (run.has_job) {
    const Duration left = std::chrono::seconds(run.history.pod_seconds) - run.ended_for;
    if (left <= Duration::zero())
      plan.after.emplace_back(DeleteJob{run.job_name});
    else
      requeue(plan, left);
  }
  if (run.managed && run.history.ttl_seconds && !run.followed && !run.owes_end_event) {
    const Duration left = due(*run.history.ttl_seconds);
    if (left <= Duration::zero())
      plan.after.emplace_back(DeleteRun{});
    else
      requeue(plan, left);
  }
  return plan;
}

}  // namespace modelrun::controller
