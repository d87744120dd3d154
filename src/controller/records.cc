#include "controller/records.h"

#include <utility>

namespace modelrun::controller {

std::string identity_key(const std::string& identity) {
  constexpr std::string_view kScheme = "sha256:";
  constexpr std::size_t kDigits = 15;
  return identity.size() < kScheme.size() ? std::string() : identity.substr(kScheme.size(), kDigits);
}

RunRecord make_record(api::ModelRun run) {
  RunRecord record;
  record.meta = run.meta;
  record.project = run.spec.project;
  record.phase = run.status.phase;
  record.made_by_tool = run.created_by == "cli" || run.created_by == "gateway";
  record.number = run.status.run_number;
  record.observed_generation = run.status.observed_generation;
  // A result that was taken from another run may be old; this run is as old as its end.
  record.finished_at = run.status.reused_from ? run.status.timeline.recorded : run.status.finished_at;
  record.job_name = run.status.job_name;
  const bool leads = !api::is_final(record.phase) && !run.status.reused_from;
  if (leads || record.phase == api::Phase::kSucceeded) record.identity = identity_key(run.status.identity);
  if (!api::is_final(record.phase)) record.active = std::make_shared<const api::ModelRun>(std::move(run));
  return record;
}

bool is_followed(const RunStore& runs, const std::string& uid) {
  return !runs.by_index(kByFollowed, uid).empty();
}

Caches::Caches() {
  runs.add_index(kByProject, [](const RunRecord& run) { return std::vector{run.project_key()}; });
  runs.add_index(kByIdentity, [](const RunRecord& run) {
    return run.identity.empty() ? std::vector<std::string>{} : std::vector{run.identity};
  });
  runs.add_index(kByFollowed, [](const RunRecord& run) {
    const bool follows = run.active && run.active->status.reused_from;
    return follows ? std::vector{run.active->status.reused_from->uid} : std::vector<std::string>{};
  });
  jobs.add_index(kByRun, [](const api::JobView& job) { return std::vector{job.run_uid}; });
  pods.add_index(kByRun, [](const api::PodView& pod) { return std::vector{pod.run_uid}; });
}

}  // namespace modelrun::controller
