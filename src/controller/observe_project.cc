#include "controller/observe_project.h"

#include <algorithm>
#include <utility>

#include "controller/live.h"
#include "controller/project/decide.h"

namespace modelrun::controller {
namespace {

// True if the run has a Job. The Job of a suspended run is deleted only after the status that says so is written, and
// the operator may crash in between.
bool has_job(const Context& context, const api::ObjectMeta& run) {
  return std::ranges::any_of(own_jobs(context.caches.jobs, run), [](const auto& job) { return !job->meta.deleting(); });
}

// True if the run of an active entry has ended, is gone, or has lost its slot.
Result<bool> is_over(const Context& context, const std::string& namespace_, const api::ActiveRun& entry,
                     std::stop_token stop) {
  const auto record = context.caches.runs.find(api::object_key(namespace_, entry.name));
  if (record && record->meta.uid == entry.uid) {
    const bool holds = !record->meta.deleting() && record->active && !has_lost(entry, *record->active);
    return !record->active || (!holds && !has_job(context, record->meta));
  }
  const auto live =
      read_live(context, kube::kModelRuns, namespace_, entry.name, &api::decode_model_run, std::move(stop));
  RETURN_IF_ERROR(live);
  if (!*live || (*live)->meta.uid != entry.uid || api::is_final((*live)->status.phase)) return true;
  return (*live)->meta.deleting() && !has_job(context, (*live)->meta);
}

Result<void> observe_over(const Context& context, ProjectObserved& observed, std::stop_token stop) {
  for (const auto& entry : observed.project->status.active) {
    const auto over = is_over(context, observed.project->meta.namespace_, entry, stop);
    RETURN_IF_ERROR(over);
    if (*over) observed.over.insert(entry.uid);
  }
  return {};
}

// Who waits for a slot. A request whose run is gone or over is dropped: a slot that is given to nobody would never come
// back.
std::vector<SlotRequest> waiting_runs(const Context& context, const std::string& project_key) {
  auto requests = context.slots.of(project_key);
  const auto namespace_ = project_key.substr(0, project_key.find('/'));
  std::erase_if(requests, [&](const SlotRequest& request) {
    const auto run = context.caches.runs.find(api::object_key(namespace_, request.name));
    if (run && run->meta.uid == request.uid && run->active && !run->meta.deleting()) return false;
    context.slots.leave(request.uid);
    return true;
  });
  return requests;
}

void observe_runs(const Context& context, ProjectObserved& observed, const std::string& key) {
  auto runs = context.caches.runs.by_index(kByProject, key);
  for (const auto& run : runs) observed.highest_number = std::max(observed.highest_number, run->number);
  const auto& history = observed.project->history;
  if (!history.successful && !history.failed) return;
  for (const auto& run : runs) {
    if (is_followed(context.caches.runs, run->meta.uid)) observed.followed.insert(run->meta.uid);
  }
  observed.runs = std::move(runs);
}

}  // namespace

Result<ProjectObserved> observe_project(const Context& context, std::shared_ptr<const api::ModelProject> project,
                                        std::stop_token stop) {
  ProjectObserved observed;
  observed.project = std::move(project);
  const auto key = observed.project->meta.key();
  observed.probe = context.sources.probe_of(*observed.project);
  observed.waiting = waiting_runs(context, key);
  if (const auto last = context.project_writes.last(key)) {
    observed.since_write = std::chrono::duration_cast<Duration>(context.steady.now() - *last);
  }
  observe_runs(context, observed, key);
  RETURN_IF_ERROR(observe_over(context, observed, std::move(stop)));
  return observed;
}

}  // namespace modelrun::controller
