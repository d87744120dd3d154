#include "controller/caches/caches.h"

#include <vector>

namespace modelrun::controller {

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
