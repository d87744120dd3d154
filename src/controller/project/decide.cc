#include "controller/project/decide.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <utility>

#include "controller/project/standbys.h"
#include "controller/run/steps.h"

namespace modelrun::controller {
namespace {

// How long changes that nobody waits for are collected before they are written: ended runs that leave the active
// list, and the number of queued runs.
constexpr std::chrono::seconds kLazyWrite{20};
// The same for a pool of standbys that is full again, which people wait for.
constexpr std::chrono::seconds kFullPoolWrite{1};

void set_ready(const ProjectObserved& observed, api::ModelProjectStatus& status, Time now) {
  const auto& probe = observed.probe;
  if (!probe) return;
  if (probe->head) {
    if (!probe->head->branch.empty()) status.default_branch = probe->head->branch;
    status.last_commit = probe->head->commit;
  }
  if (!probe->done) return;
  const bool reachable = probe->head.has_value();
  api::set_condition(
      status.conditions,
      {"Ready", reachable ? api::ConditionStatus::kTrue : api::ConditionStatus::kFalse,
       reachable ? "SourceReachable" : std::string(source_reason(probe->error.kind)),
       reachable ? "the repository answers" : probe->error.message, now, observed.project->meta.generation});
}

// True if somebody waits for what has changed.
bool is_urgent(const api::ModelProjectStatus& before, const api::ModelProjectStatus& after) {
  // It is enough to look at the last entry, because admit() adds new ones at the end.
  const bool admitted = !after.active.empty() && std::ranges::count(before.active, after.active.back()) == 0;
  return admitted || after.conditions != before.conditions || after.observed_generation != before.observed_generation ||
         after.default_branch != before.default_branch;
}

void plan_write(ProjectPlan& plan, const ProjectObserved& observed, const api::ModelProjectStatus& next) {
  const auto& current = observed.project->status;
  if (next == current) return;
  const bool full_again = next.warm != current.warm && next.warm && next.warm->ready == next.warm->wanted;
  const auto patience = full_again ? kFullPoolWrite : kLazyWrite;
  if (is_urgent(current, next) || !observed.since_write || *observed.since_write >= patience) {
    plan.status = next;
  } else {
    requeue(plan, patience - *observed.since_write);
  }
}

// Wakes every waiting run that holds a slot. That includes runs whose slot was written earlier, because the answer to
// that write may have been lost. The other waiting runs have nothing to do, and there may be thousands of them.
void wake_admitted(ProjectPlan& plan, const ProjectObserved& observed, const api::ModelProjectStatus& next) {
  for (const auto& request : observed.waiting) {
    const auto slot = std::ranges::find(next.active, request.uid, &api::ActiveRun::uid);
    // A slot of an earlier generation is of no use to the run; see has_lost().
    if (slot != next.active.end() && slot->generation == request.generation) plan.admitted.push_back(request.name);
  }
}

void expire_history(ProjectPlan& plan, const ProjectObserved& observed) {
  const auto& history = observed.project->history;
  if (!history.successful && !history.failed) return;
  plan.expired = over_history(observed.runs, history);
  // A run is kept as long as other runs wait for its result, or the event of its end is to be delivered: the change of
  // the run by which that ends has the project looked at again.
  std::erase_if(plan.expired, [&](const auto& run) {
    return observed.followed.contains(run->meta.uid) || (observed.end_events && run->owes_event_since);
  });
}

void plan_probe(ProjectPlan& plan, const ProjectObserved& observed) {
  const auto& probe = observed.probe;
  if (probe && (probe->working || probe->head)) return;
  if (!probe || probe->retry_in <= Duration::zero()) {
    plan.begin_probe = true;
  } else if (probe->done) {
    requeue(plan, probe->retry_in);
  }
}

}  // namespace

ProjectPlan decide_project(const ProjectObserved& observed, Time now) {
  ProjectPlan plan;
  auto next = admit(observed, now);
  plan_standbys(observed, plan, next, now);
  plan_write(plan, observed, next);
  wake_admitted(plan, observed, next);
  expire_history(plan, observed);
  plan_probe(plan, observed);
  return plan;
}

bool has_lost(const api::ActiveRun& slot, const api::ModelRun& run) {
  return run.status.job_name.empty() && slot.generation > 0 && run.meta.generation > slot.generation;
}

api::ModelProjectStatus admit(const ProjectObserved& observed, Time now) {
  const auto& project = *observed.project;
  api::ModelProjectStatus status = project.status;
  status.observed_generation = project.meta.generation;
  set_ready(observed, status, now);
  std::erase_if(status.active, [&](const api::ActiveRun& run) { return observed.over.contains(run.uid); });

  const auto limit = project.limits.max_concurrent_runs;
  const std::size_t slots =
      limit ? static_cast<std::size_t>(std::max<std::int64_t>(*limit, 0)) : std::numeric_limits<std::size_t>::max();
  std::int64_t last = std::max(status.last_run_number, observed.highest_number);
  std::int64_t queued = 0;
  for (const auto& request : observed.waiting) {
    if (std::ranges::find(status.active, request.uid, &api::ActiveRun::uid) != status.active.end()) continue;
    if (status.active.size() < slots) {
      const auto number = request.number > 0 ? request.number : ++last;
      status.active.push_back({request.uid, request.name, number, request.generation});
      status.last_run_number = last;
    } else {
      ++queued;
    }
  }
  status.queued_runs = queued;
  return status;
}

std::vector<std::shared_ptr<const RunRecord>> over_history(std::vector<std::shared_ptr<const RunRecord>> runs,
                                                           const api::HistorySpec& history) {
  std::erase_if(runs, [&](const auto& run) {
    return !api::is_final(run->phase) || run->meta.deleting() || !run->in_history(history);
  });
  // Newest first: the limits keep the newest runs.
  std::ranges::sort(runs, std::ranges::greater{}, [](const auto& run) { return run->ended_at(); });
  std::vector<std::shared_ptr<const RunRecord>> over;
  std::int64_t successful = 0;
  std::int64_t failed = 0;
  for (auto& run : runs) {
    const bool success = run->phase == api::Phase::kSucceeded;
    const auto& limit = success ? history.successful : history.failed;
    auto& count = success ? successful : failed;
    if (limit && ++count > *limit) over.push_back(std::move(run));
  }
  return over;
}

}  // namespace modelrun::controller
