#include "operator/wiring.h"

#include <chrono>
#include <optional>
#include <set>

#include "controller/run_reconciler.h"

namespace modelrun::op {
namespace {

using controller::Context;
using controller::RunRecord;
using RunPtr = std::shared_ptr<const RunRecord>;
using ProjectPtr = std::shared_ptr<const api::ModelProject>;

// Runs that wait for the result of this one.
void wake_followers(const Context& context, const std::string& uid) {
  std::set<std::string> keys;  // in a fixed order, as below
  for (const auto& run : context.caches.runs.by_index(controller::kByFollowed, uid)) keys.insert(run->meta.key());
  for (const auto& key : keys) context.run_queue.add(key);
}

// The run whose result this one waits for.
std::optional<api::RunRef> followed_by(const RunPtr& run) {
  return run && run->active ? run->active->status.reused_from : std::nullopt;
}

// Until now it was not known that `now` is identical to a run that leads others.
void wake_lead(const Context& context, const RunPtr& old, const RunPtr& now) {
  if (!now->active || now->active->status.identity.empty() || (old && old->identity == now->identity)) return;
  if (const auto lead = context.leads.of(now->active->status.identity)) context.run_queue.add(lead->key);
}

void on_run(const Context& context, const RunPtr& old, const RunPtr& now) {
  const auto& run = now ? *now : *old;
  const bool replaced = old && now && old->meta.uid != now->meta.uid;
  if (!now || replaced) {
    controller::forget(context, old->meta.uid);
    wake_followers(context, old->meta.uid);
  }
  if (now) {
    context.run_queue.add(run.meta.key());
    wake_followers(context, now->meta.uid);
    wake_lead(context, old, now);
  }
  if (const auto followed = followed_by(old); followed && followed != followed_by(now)) {
    // It may have been kept for this run's sake only.
    context.run_queue.add(run.meta.namespace_ + "/" + followed->name);
    context.project_queue.add(run.project_key());
  }
  // A slot may have become free, or a limit of the history been passed.
  const bool ended = now && api::is_final(now->phase) && (!old || old->phase != now->phase);
  if (!now || replaced || ended) context.project_queue.add(run.project_key());
}

void wake_runs(const Context& context, const std::string& project_key) {
  // In a fixed order: the index has none, and a simulation is to be replayed.
  std::set<std::string> keys;
  for (const auto& run : context.caches.runs.by_index(controller::kByProject, project_key)) {
    if (run->active) keys.insert(run->meta.key());
  }
  for (const auto& key : keys) context.run_queue.add(key);
}

void on_project(const Context& context, const ProjectPtr& old, const ProjectPtr& now) {
  const auto key = (now ? now : old)->meta.key();
  context.project_queue.add(key);
  const bool changed = !old || !now || old->meta.uid != now->meta.uid || old->meta.generation != now->meta.generation ||
                       old->meta.deleting() != now->meta.deleting();
  if (changed) wake_runs(context, key);
}

void on_job(const Context& context, const api::JobView& job) {
  if (job.meta.owner_kind == "ModelRun") context.run_queue.add(job.meta.namespace_ + "/" + job.meta.owner_name);
}

void on_pod(const Context& context, const api::PodView& pod) {
  if (!pod.run.empty()) context.run_queue.add(pod.meta.namespace_ + "/" + pod.run);
}

}  // namespace

void wire_caches(const Context& context, const std::atomic<bool>& leading) {
  context.caches.runs.set_on_change([&](const RunPtr& old, const RunPtr& now) {
    if (leading) on_run(context, old, now);
  });
  context.caches.projects.set_on_change([&](const ProjectPtr& old, const ProjectPtr& now) {
    if (leading) on_project(context, old, now);
  });
  context.caches.jobs.set_on_change([&](const auto& old, const auto& now) {
    if (leading) on_job(context, now ? *now : *old);
  });
  context.caches.pods.set_on_change([&](const auto& old, const auto& now) {
    if (leading) on_pod(context, now ? *now : *old);
  });
}

void enqueue_all(const Context& context) {
  context.caches.projects.for_each([&](const auto& project) { context.project_queue.add(project->meta.key()); });
  context.caches.runs.for_each([&](const auto& run) { context.run_queue.add(run->meta.key()); });
}

}  // namespace modelrun::op
