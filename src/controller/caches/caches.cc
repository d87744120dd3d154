#include "controller/caches/caches.h"

#include <utility>

namespace modelrun::controller {
namespace {

// The one value by which an object is filed and by which its owner finds it: see owner_index().
std::string key_of_owner(const std::string& name_space, const std::string& uid) {
  return api::object_key(name_space, uid);
}

std::vector<std::string> owned_by(const api::ObjectMeta& meta) {
  if (meta.owner_uid.empty()) return {};
  return {key_of_owner(meta.namespace_, meta.owner_uid)};
}

}  // namespace

bool is_followed(const RunStore& runs, const std::string& uid) {
  return !runs.by_index(kByFollowed, uid).empty();
}

std::string owner_index(const api::ObjectMeta& owner) {
  return key_of_owner(owner.namespace_, owner.uid);
}

std::vector<std::shared_ptr<const api::JobView>> own_jobs(const JobStore& jobs, const api::ObjectMeta& owner) {
  return jobs.by_index(kByOwner, owner_index(owner));
}

std::vector<std::shared_ptr<const api::PodView>> pods_of(const PodStore& pods, const api::ObjectMeta& job) {
  return pods.by_index(kByOwner, owner_index(job));
}

RunRecord Caches::record_of(api::ModelRun run) const {
  auto& recorded = run.status.project_spec;
  if (recorded) {
    const auto project = projects.find(api::object_key(run.meta.namespace_, run.spec.project));
    if (project && project->run_settings == recorded) recorded = project->run_settings;
  }
  return make_record(std::move(run));
}

Caches::Caches(const runtime::SteadyClock& clock)
    : runs(clock), projects(clock), sweeps(clock), jobs(clock), pods(clock) {
  runs.add_index(kByProject, [](const RunRecord& run) { return std::vector{run.project_key()}; });
  runs.add_index(kByIdentity, [](const RunRecord& run) {
    return run.identity.empty() ? std::vector<std::string>{} : std::vector{run.identity};
  });
  runs.add_index(kByFollowed, [](const RunRecord& run) {
    const bool follows = run.active && run.active->status.reused_from;
    return follows ? std::vector{run.active->status.reused_from->uid} : std::vector<std::string>{};
  });
  runs.add_index(kUnderWay, [](const RunRecord& run) {
    return run.active ? std::vector{std::string()} : std::vector<std::string>{};
  });
  runs.add_index(kByOwner,
                 [](const RunRecord& run) { return run.of_sweep() ? owned_by(run.meta) : std::vector<std::string>{}; });
  jobs.add_index(kByOwner, [](const api::JobView& job) { return owned_by(job.meta); });
  jobs.add_index(kStandbys, [](const api::JobView& job) {
    const bool waits = !job.standby.empty() && job.meta.owner_kind == "ModelProject" && !job.meta.deleting();
    return waits ? std::vector{std::string(), job.meta.namespace_} : std::vector<std::string>{};
  });
  pods.add_index(kByOwner, [](const api::PodView& pod) { return owned_by(pod.meta); });
}

}  // namespace modelrun::controller
