#include "controller/project/standbys.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "controller/run/plan.h"

namespace modelrun::controller {
namespace {

constexpr const char* kCondition = "WarmPoolHealthy";
// So many standbys are made in one pass, and the others in the next: the passes of other projects come in between.
constexpr std::int64_t kMadeAtOnce = 4;
constexpr std::chrono::seconds kLookAgain{5};
constexpr Duration kLookAtReady = std::chrono::seconds(60);

// Longer than any project has to wait for its pods, so that a pod that never becomes ready is replaced by another try.
Duration pending_limit(const api::ModelProject& project) {
  return std::chrono::seconds(project.limits.pending_seconds);
}

std::int64_t wanted_of(const api::ModelProject& project) {
  return project.suspend || project.meta.deleting() ? 0 : std::max<std::int64_t>(project.warm.sandboxes, 0);
}

// Sorts those that are to go out of `pool`, notes the failures, and returns those that stay, the most useful first.
std::vector<const Standby*> keep_good(const api::ModelProject& project, const StandbyPool& pool, ProjectPlan& plan) {
  const Duration most = std::chrono::seconds(project.warm.max_age_seconds);
  std::vector<const Standby*> good;
  for (const auto& standby : pool.standbys) {
    const bool stuck = standby.unready_for >= pending_limit(project);
    // It is replaced in the next pass, which wants another digest.
    if (!standby.volume_trouble.empty()) {
      plan.no_image_volumes = standby.volume_trouble;
      requeue(plan, kAtOnce);
    }
    if (standby.over || stuck) {
      plan.failures.push_back(standby.trouble.empty() ? "a standby ended before it was needed" : standby.trouble);
    }
    if (standby.over || stuck || standby.digest != pool.digest || standby.age >= most) {
      plan.drop_standbys.push_back(standby.job);
      continue;
    }
    good.push_back(&standby);
    requeue(plan, most - standby.age);
    // Nothing tells when a ready standby falls silent and its pod goes on.
    requeue(plan, standby.ready ? kLookAtReady : pending_limit(project) - standby.unready_for);
    if (standby.look_at_volume) requeue(plan, *standby.look_at_volume);
  }
  std::ranges::sort(good, std::ranges::greater{},
                    [](const Standby* standby) { return std::pair(standby->ready, standby->age); });
  return good;
}

std::string trouble_of(const StandbyPool& pool, const std::vector<const Standby*>& good) {
  for (const auto* standby : good) {
    if (!standby->ready && !standby->trouble.empty()) return standby->trouble;
  }
  return pool.trouble;
}

// What the condition WarmPoolHealthy says.
struct Health {
  bool fine = false;
  const char* reason = "StandbyFailed";
  std::string message;
};

// While nothing is wrong it does not follow each standby that is used and made anew.
Health health_of(const StandbyPool& pool, const std::vector<const Standby*>& good, const api::WarmStatus& counts,
                 bool capped) {
  const auto trouble = trouble_of(pool, good);
  const bool fine = trouble.empty() && !capped;
  if (counts.wanted == 0) return {fine, "Suspended", "the project is suspended"};
  if (fine) return {true, "Maintained", fmt::format("{} sandboxes are kept ready", counts.wanted)};
  const auto ready = fmt::format("{} of {} are ready: ", counts.ready, counts.wanted);
  if (!capped) return {false, "StandbyFailed", ready + trouble};
  return {false, "LimitReached",
          ready + "the operator's --max-standbys is reached, of which one namespace has half at most"};
}

void set_health(const api::ModelProject& project, api::ModelProjectStatus& status, Health health, Time now) {
  const auto value = health.fine ? api::ConditionStatus::kTrue : api::ConditionStatus::kFalse;
  api::set_condition(status.conditions,
                     {kCondition, value, health.reason, std::move(health.message), now, project.meta.generation});
}

}  // namespace

void plan_standbys(const ProjectObserved& observed, ProjectPlan& plan, api::ModelProjectStatus& status, Time now) {
  const auto& project = *observed.project;
  if (!observed.pool) {
    requeue(plan, kLookAgain);
    if (!observed.pool_trouble.empty()) set_health(project, status, {.message = observed.pool_trouble}, now);
    return;
  }
  const auto& pool = *observed.pool;
  const auto wanted = wanted_of(project);
  auto good = keep_good(project, pool, plan);
  while (static_cast<std::int64_t>(good.size()) > wanted) {
    plan.drop_standbys.push_back(good.back()->job);
    good.pop_back();
  }
  const auto missing = wanted - static_cast<std::int64_t>(good.size());
  const auto makes = std::min(missing, pool.room);
  // After a failure the next pass, to which the deletion leads, knows how long to wait.
  if (makes > 0 && !pool.digest.empty() && plan.failures.empty() && plan.no_image_volumes.empty()) {
    if (const auto wait = std::max(pool.retry_in, pool.refill_in); wait > Duration::zero()) {
      requeue(plan, wait);
    } else {
      plan.make_standbys = std::min(makes, kMadeAtOnce);
      // One that cannot be made is tried again, although nothing else wakes the project then.
      requeue(plan, makes > kMadeAtOnce ? Duration(kAtOnce) : Duration(kLookAgain));
    }
  }
  if (project.warm.sandboxes == 0) {
    status.warm.reset();
    std::erase_if(status.conditions, [](const auto& condition) { return condition.type == kCondition; });
    return;
  }
  const auto ready = std::ranges::count_if(good, [](const auto* standby) { return standby->ready; });
  status.warm = {ready, wanted};
  set_health(project, status, health_of(pool, good, *status.warm, missing > pool.room), now);
}

}  // namespace modelrun::controller
