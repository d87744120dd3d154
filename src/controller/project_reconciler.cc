#include "controller/project_reconciler.h"

#include <algorithm>

#include "controller/history.h"

namespace modelrun::controller {
namespace {

// Changes that nobody waits for (ended runs leave the active list, the count of the queue) are written together.
constexpr std::chrono::seconds kLazy{20};

using RunPtr = std::shared_ptr<const RunRecord>;

// A run that is suspended has its Job deleted after the status that says so; a crash may come in between.
bool has_job(const Context& context, const std::string& run_uid) {
  const auto jobs = context.caches.jobs.by_index(kByRun, run_uid);
  return std::ranges::any_of(jobs, [](const auto& job) { return !job->meta.deleting(); });
}

// True when the run of an active entry has ended, is gone, or has lost its slot. What the cache does not know may be
// newer than the cache: then the API server is asked.
Result<bool> is_over(const Context& context, const std::string& namespace_, const api::ActiveRun& entry,
                     std::stop_token stop) {
  const auto record = context.caches.runs.find(namespace_ + "/" + entry.name);
  if (record && record->meta.uid == entry.uid) {
    return !record->active || (has_lost(entry, *record->active) && !has_job(context, entry.uid));
  }
  const auto live = context.client.get(kube::kModelRuns, namespace_, entry.name, stop);
  if (!live && live.error().kind == ErrorKind::kNotFound) return true;
  if (!live) return std::unexpected(live.error());
  const auto run = api::decode_model_run(*live);
  return run.meta.uid != entry.uid || api::is_final(run.status.phase);
}

Result<void> find_over(const Context& context, ProjectObserved& observed, std::stop_token stop) {
  for (const auto& entry : observed.project.status.active) {
    const auto over = is_over(context, observed.project.meta.namespace_, entry, stop);
    if (!over) return std::unexpected(over.error());
    if (*over) observed.over.insert(entry.uid);
  }
  return {};
}

bool is_urgent(const api::ModelProjectStatus& before, const api::ModelProjectStatus& after) {
  // What admit() adds, it adds at the end.
  const bool admitted = !after.active.empty() && std::ranges::count(before.active, after.active.back()) == 0;
  return admitted || after.conditions != before.conditions || after.observed_generation != before.observed_generation ||
         after.default_branch != before.default_branch;
}

Result<void> write(const Context& context, const api::ModelProject& project, const api::ModelProjectStatus& status,
                   std::stop_token stop) {
  const auto body = api::status_update("ModelProject", project.meta, api::encode_status(status));
  auto answer = context.client.replace_status(kube::kModelProjects, body, stop);
  if (!answer) return std::unexpected(answer.error());
  context.caches.projects.put(api::decode_model_project(*answer));
  return {};
}

Result<void> delete_over_history(const Context& context, const api::ModelProject& project,
                                 const std::vector<RunPtr>& runs, std::stop_token stop) {
  if (!project.history.successful && !project.history.failed) return {};
  for (const auto& run : over_history(runs, project.history)) {
    if (is_followed(context.caches.runs, run->meta.uid)) continue;  // until they have its result
    kube::DeleteOptions options;
    options.uid = run->meta.uid;
    auto removed = context.client.remove(kube::kModelRuns, run->meta.namespace_, run->meta.name, options, stop);
    if (!removed && removed.error().kind != ErrorKind::kNotFound && removed.error().kind != ErrorKind::kConflict)
      return removed;
  }
  return {};
}

}  // namespace

runtime::Outcome reconcile_project(const Context& context, const std::string& key, std::stop_token stop) {
  const auto project = context.caches.projects.find(key);
  if (!project || project->meta.deleting()) return runtime::done();
  const auto probe = context.sources.begin_probe(*project);
  const auto runs = context.caches.runs.by_index(kByProject, key);
  ProjectObserved observed{*project, context.waiting.of(key), {}, 0, probe};
  for (const auto& run : runs) observed.highest_number = std::max(observed.highest_number, run->number);
  if (auto found = find_over(context, observed, stop); !found) return runtime::failed(found.error());

  const auto status = admit(observed, context.clock.now());
  runtime::Outcome outcome = runtime::done();
  if (status != project->status) {
    const auto last = context.project_writes.last(key);
    const Duration waited = context.clock.now() - last;
    if (is_urgent(project->status, status) || waited >= kLazy) {
      if (auto written = write(context, *project, status, stop); !written) return runtime::failed(written.error());
      context.project_writes.note(key, context.clock.now());
    } else {
      outcome = runtime::requeue_after(kLazy - waited);
    }
  }
  // Those that go on now, also when the answer to the write that gave them their slot was lost. The others have nothing
  // to do, and may be thousands.
  for (const auto& candidate : observed.waiting) {
    const auto slot = std::ranges::find(status.active, candidate.uid, &api::ActiveRun::uid);
    // A slot of an earlier generation is of no use to it; see has_lost().
    if (slot == status.active.end() || slot->generation != candidate.generation) continue;
    context.run_queue.add(project->meta.namespace_ + "/" + candidate.name);
  }
  if (auto done = delete_over_history(context, *project, runs, stop); !done) return runtime::failed(done.error());
  // When the source is looked for again; a look that is under way wakes the project by itself.
  if (!probe.done || probe.resolved || probe.working) return outcome;
  const runtime::SteadyClock::Span left = std::max(probe.retry_at - context.clock.now(), Duration::zero());
  const auto* lazy = std::get_if<runtime::RequeueAfter>(&outcome);
  return runtime::requeue_after(lazy != nullptr ? std::min(lazy->delay, left) : left);
}

}  // namespace modelrun::controller
