#include "controller/observe_standby.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "controller/live.h"
#include "controller/resources/job.h"
#include "controller/run/image_volume.h"
#include "controller/run/limits.h"

namespace modelrun::controller {
namespace {

using JobPtr = std::shared_ptr<const api::JobView>;

bool is_usable(const api::JobView& job) {
  return !job.standby.empty() && !job.meta.deleting() && !job.failed && !job.complete && !job.suspended;
}

// The standby that the run has adopted in an earlier pass, which did not come to write that into the status.
std::optional<StandbyOffer> adopted_before(const Context& context, const api::ModelRun& run,
                                           const std::string& digest) {
  for (const auto& job : own_jobs(context.caches.jobs, run.meta)) {
    if (!is_usable(*job) || job->standby != digest || job->attempt != run.status.attempts + 1) continue;
    if (auto pod = living_pod(context, *job)) return StandbyOffer{job->meta, /*adopted=*/true, std::move(pod)};
  }
  return std::nullopt;
}

}  // namespace

std::shared_ptr<const api::PodView> living_pod(const Context& context, const api::JobView& job) {
  using State = api::ContainerView::State;
  for (auto& pod : pods_of(context.caches.pods, job.meta)) {
    if (pod->meta.deleting() || pod->ended() || !pod->disruption.empty()) continue;
    if (pod->agent.state == State::kRunning && pod->model.state == State::kRunning) return std::move(pod);
  }
  return nullptr;
}

std::shared_ptr<const api::PodView> ready_pod(const Context& context, const api::JobView& job) {
  auto pod = living_pod(context, job);
  return pod && context.standbys.ready(pod->meta.uid) ? pod : nullptr;
}

namespace {

// True if the run has labels that its pod has to get, too: a standby's pod has been made without them. The cache does
// not keep labels.
Result<bool> passes_labels_on(const Context& context, const api::ModelRun& run, std::stop_token stop) {
  const auto& wanted = context.settings.propagated_labels;
  if (wanted.empty()) return false;
  const auto live =
      read_live(context, kube::kModelRuns, run.meta.namespace_, run.meta.name, &api::decode_model_run, std::move(stop));
  RETURN_IF_ERROR(live);
  return *live && std::ranges::any_of(wanted, [&](const auto& key) { return (*live)->labels.contains(key); });
}

}  // namespace

Result<void> observe_standby(const Context& context, Observed& observed,
                             const std::map<std::string, std::string>& versions, std::stop_token stop) {
  const auto& run = *observed.run;
  const auto& project = *observed.project;
  if (project.warm.sandboxes == 0) return {};
  const auto labelled = passes_labels_on(context, run, std::move(stop));
  RETURN_IF_ERROR(labelled);
  if (*labelled) {
    observed.cold_reason = "Labels";
    return {};
  }
  const bool mounted = mounts_image(context.settings, project.runtime, context.image_volumes.usable(), 1);
  const auto digest = standby_digest(project, context.settings, mounted, versions);
  observed.standby = adopted_before(context, run, digest);
  if (observed.standby) return {};
  // What has been in the way of the run may be the adoption itself, for example a webhook that refuses it. No run waits
  // for the pool.
  if (context.inbox.trouble_for(run.meta.uid) >= kTellTrouble) {
    observed.cold_reason = "Blocked";
    return {};
  }
  auto jobs = own_jobs(context.caches.jobs, project.meta);
  std::erase_if(jobs, [](const auto& job) { return !is_usable(*job); });
  // The oldest first: it would be replaced first.
  std::ranges::sort(jobs, {}, [](const auto& job) { return std::pair(job->meta.creation, job->meta.name); });
  bool other_settings = false;
  bool starting = false;
  for (const auto& job : jobs) {
    if (job->standby != digest) {
      other_settings = true;
      continue;
    }
    auto pod = ready_pod(context, *job);
    if (!pod) {
      starting = true;
      continue;
    }
    if (!context.standbys.reserve(pod->meta.uid, run.meta.uid)) continue;
    observed.standby = StandbyOffer{job->meta, /*adopted=*/false, std::move(pod)};
    return {};
  }
  observed.cold_reason = starting ? "NoneReady" : other_settings ? "SettingsChanged" : "PoolEmpty";
  return {};
}

}  // namespace modelrun::controller
