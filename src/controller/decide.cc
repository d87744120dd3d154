#include "controller/decide.h"

#include "controller/steps.h"

namespace modelrun::controller {

Plan decide(const Observed& observed, Time now, const Settings& settings) {
  Plan plan = observed.run->status.job_name.empty() ? start(observed, now, settings) : follow(observed, now, settings);
  for (const auto& name : observed.stray_jobs) plan.before.insert(plan.before.begin(), DeleteJob{name});
  return plan;
}

Plan decide_finished(const FinishedRun& run, Time now) {
  Plan plan;
  const auto due = [&](std::int64_t seconds) { return run.finished_at + std::chrono::seconds(seconds) - now; };
  const auto requeue = [&](Duration left) { plan.requeue_after = std::min(left, plan.requeue_after.value_or(left)); };
  if (run.has_job) {
    const Duration left = due(run.history.pod_seconds);
    if (left <= Duration::zero())
      plan.after.emplace_back(DeleteJob{run.job_name});
    else
      requeue(left);
  }
  if (run.managed && run.history.ttl_seconds && !run.followed) {
    const Duration left = due(*run.history.ttl_seconds);
    if (left <= Duration::zero())
      plan.after.emplace_back(DeleteRun{});
    else
      requeue(left);
  }
  return plan;
}

}  // namespace modelrun::controller
