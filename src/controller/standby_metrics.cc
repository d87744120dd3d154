#include "controller/standby_metrics.h"

#include <algorithm>
#include <chrono>

namespace modelrun::controller {
namespace {

double seconds_of(Duration span) {
  return std::chrono::duration<double>(span).count();
}

}  // namespace

void count_refill(const Context& context, const std::string& job_uid) {
  const auto took = context.standbys.take_refill_time(job_uid);
  if (!took) return;
  context.metrics
      .histogram("modelrun_standby_refill_seconds",
                 "From the creation of a standby's Job until a run could have it, as this process saw it.", {},
                 {1, 2, 5, 10, 20, 30, 60, 120, 300, 600})
      .Observe(seconds_of(*took));
}

void count_adoption(const Context& context, const api::ObjectMeta& job) {
  count_refill(context, job.uid);
  const Duration age = context.clock.now() - job.creation;
  context.metrics
      .histogram("modelrun_standby_age_seconds", "Age of a standby when a run adopted it.", {},
                 {1, 5, 15, 60, 300, 900, 3'600, 14'400, 86'400})
      .Observe(seconds_of(std::max(age, Duration::zero())));
}

}  // namespace modelrun::controller
