#include "controller/run/decide.h"

#include "controller/run/steps.h"

namespace modelrun::controller {

Plan decide(const Observed& observed, Time now, const Settings& settings) {
  Plan plan = observed.run->status.job_name.empty() ? decide_before_job(observed, now, settings)
                                                    : decide_with_job(observed, now, settings);
  for (const auto& name : observed.stray_jobs) plan.before.insert(plan.before.begin(), DeleteJob{name});
  return plan;
}

Plan decide_finished(const FinishedRun& run, Time now) {
  Plan plan;
  const auto due = [&](std::int64_t seconds) { return run.finished_at + std::chrono::seconds(seconds) - now; };
  if (run.has_job) {
    const Duration left = due(run.history.pod_seconds);
    if (left <= Duration::zero())
      plan.after.emplace_back(DeleteJob{run.job_name});
    else
      requeue(plan, left);
  }
  if (run.managed && run.history.ttl_seconds && !run.followed) {
    const Duration left = due(*run.history.ttl_seconds);
    if (left <= Duration::zero())
      plan.after.emplace_back(DeleteRun{});
    else
      requeue(plan, left);
  }
  return plan;
}

}  // namespace modelrun::controller
