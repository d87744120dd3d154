#include "controller/admission.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "controller/steps.h"

namespace modelrun::controller {
namespace {

void set_ready(const ProjectObserved& observed, api::ModelProjectStatus& status, Time now) {
  const auto& probe = observed.probe;
  if (!probe) return;
  if (probe->resolved) {
    if (!probe->resolved->branch.empty()) status.default_branch = probe->resolved->branch;
    status.last_commit = probe->resolved->commit;
  }
  if (!probe->done) return;
  const bool reachable = probe->resolved.has_value();
  api::set_condition(
      status.conditions,
      {"Ready", reachable ? api::ConditionStatus::kTrue : api::ConditionStatus::kFalse,
       reachable ? "SourceReachable" : std::string(source_reason(probe->error.kind)),
       reachable ? "the repository answers" : probe->error.message, now, observed.project.meta.generation});
}

}  // namespace

void WaitingRoom::enter(const std::string& project_key, Candidate candidate) {
  const std::lock_guard lock(mutex_);
  project_of_[candidate.uid] = project_key;
  by_project_[project_key].insert_or_assign(candidate.uid, candidate);
}

void WaitingRoom::leave(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  const auto found = project_of_.find(uid);
  if (found == project_of_.end()) return;
  auto& room = by_project_[found->second];
  room.erase(uid);
  if (room.empty()) by_project_.erase(found->second);
  project_of_.erase(found);
}

std::vector<Candidate> WaitingRoom::of(const std::string& project_key) const {
  std::vector<Candidate> waiting;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_project_.find(project_key);
    if (found == by_project_.end()) return waiting;
    for (const auto& [uid, candidate] : found->second) waiting.push_back(candidate);
  }
  std::ranges::sort(waiting, {}, [](const Candidate& c) { return std::tie(c.created, c.uid); });
  return waiting;
}

bool has_lost(const api::ActiveRun& slot, const api::ModelRun& run) {
  return run.status.job_name.empty() && slot.generation > 0 && run.meta.generation > slot.generation;
}

api::ModelProjectStatus admit(const ProjectObserved& observed, Time now) {
  api::ModelProjectStatus status = observed.project.status;
  status.observed_generation = observed.project.meta.generation;
  set_ready(observed, status, now);
  std::erase_if(status.active, [&](const api::ActiveRun& run) { return observed.over.contains(run.uid); });

  const auto limit = observed.project.limits.max_concurrent_runs;
  const std::size_t slots =
      limit ? static_cast<std::size_t>(std::max<std::int64_t>(*limit, 0)) : std::numeric_limits<std::size_t>::max();
  std::int64_t last = std::max(status.last_run_number, observed.highest_number);
  std::int64_t queued = 0;
  for (const auto& candidate : observed.waiting) {
    if (std::ranges::find(status.active, candidate.uid, &api::ActiveRun::uid) != status.active.end()) continue;
    if (status.active.size() < slots) {
      const auto number = candidate.number > 0 ? candidate.number : ++last;
      status.active.push_back({candidate.uid, candidate.name, number, candidate.generation});
      status.last_run_number = last;
    } else {
      ++queued;
    }
  }
  status.queued_runs = queued;
  return status;
}

}  // namespace modelrun::controller
