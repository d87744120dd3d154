#include "controller/caches/caches.h"

#include <utility>

namespace modelrun::controller {

bool is_followed(const RunStore& runs, const std::string& uid) {
  return !runs.by_index(kByFollowed, uid).empty();
}

std::string run_index(const api::ObjectMeta& run) {
  return api::object_key(run.namespace_, run.uid);
}

std::vector<std::shared_ptr<const api::JobView>> own_jobs(const JobStore& jobs, const api::ObjectMeta& run) {
  auto found = jobs.by_index(kByRun, run_index(run));
  std::erase_if(found, [&](const auto& job) { return !api::is_owned_by(job->meta, run); });
  return found;
}

RunRecord Caches::record_of(api::ModelRun run) const {
  auto& recorded = run.status.project_spec;
  if (recorded) {
    const auto project = projects.find(api::object_key(run.meta.namespace_, run.spec.project));
    if (project && project->run_settings == recorded) recorded = project->run_settings;
  }
  return make_record(std::move(run));
}

Caches::Caches(const runtime::SteadyClock& clock) : runs(clock), projects(clock), jobs(clock), pods(clock) {
  runs.add_index(kByProject, [](const RunRecord& run) { return std::vector{run.project_key()}; });
  runs.add_index(kByIdentity, [](const RunRecord& run) {
    return run.identity.empty() ? std::vector<std::string>{} : std::vector{run.identity};
  });
  runs.add_index(kByFollowed, [](const RunRecord& run) {
    const bool follows = run.active && run.active->status.reused_from;
    return follows ? std::vector{run.active->status.reused_from->uid} : std::vector<std::string>{};
  });
  jobs.add_index(
      kByRun, [](const api::JobView& job) { return std::vector{api::object_key(job.meta.namespace_, job.run_uid)}; });
  pods.add_index(
      kByRun, [](const api::PodView& pod) { return std::vector{api::object_key(pod.meta.namespace_, pod.run_uid)}; });
}

}  // namespace modelrun::controller
