#include "controller/wiring.h"

#include <optional>
#include <set>

#include "controller/reconcile_run.h"
#include "controller/reconcile_sweep.h"

namespace modelrun::controller {
namespace {

using RecordPtr = std::shared_ptr<const RunRecord>;
using ProjectPtr = std::shared_ptr<const api::ModelProject>;
using SweepRecordPtr = std::shared_ptr<const SweepRecord>;
using JobPtr = std::shared_ptr<const api::JobView>;
using PodPtr = std::shared_ptr<const api::PodView>;

// Wakes the runs that wait for the result of the run with this UID.
void wake_followers(const Context& context, const std::string& uid) {
  std::set<std::string> keys;  // sorted for the reason given in wake_runs()
  for (const auto& run : context.caches.runs.by_index(kByFollowed, uid)) keys.insert(run->meta.key());
  for (const auto& key : keys) context.run_queue.add(key);
}

// The run whose result `run` waits for, if any.
std::optional<api::RunRef> followed_by(const RecordPtr& run) {
  return run && run->active ? run->active->status.reused_from : std::nullopt;
}

// Wakes the lead of an identity when another run with that identity is seen for the first time: the lead can join it.
void wake_lead(const Context& context, const RecordPtr& old, const RecordPtr& now) {
  if (!now->active || now->active->status.identity.empty() || (old && old->identity == now->identity)) return;
  if (const auto lead = context.leads.of(now->active->status.identity)) context.run_queue.add(lead->key);
}

void wake_sweep(const Context& context, const RunRecord& run) {
  if (run.of_sweep()) context.sweep_queue.add(api::object_key(run.meta.namespace_, run.meta.owner_name));
}

// Notes a run that owes the event of its end, and has it delivered. Only when that is new: a change of the run's labels
// must not cut the wait for the next try short.
void see_to_event(const Context& context, const RunRecord& run) {
  if (!context.settings.end_events || !run.owes_event_since) return;
  context.owed.owed_for(run.meta.uid, context.clock.now() - *run.owes_event_since);
  context.end_event_queue.add(run.meta.key());
}

// The run owes no event any more, or is gone. It may have been kept for its event only, and be due for deletion.
void forget_event(const Context& context, const RunRecord& run) {
  if (!context.settings.end_events || !run.owes_event_since) return;
  context.owed.forget(run.meta.uid);
  context.project_queue.add(run.project_key());
}

void on_run(const Context& context, const RecordPtr& old, const RecordPtr& now) {
  const auto& run = now ? *now : *old;
  const bool replaced = old && now && old->meta.uid != now->meta.uid;
  if (!now || replaced) {
    forget(context, old->meta);
    context.ends.forget(old->meta.uid);
    wake_followers(context, old->meta.uid);
    wake_sweep(context, *old);
  }
  const bool owed = old && old->owes_event_since && !replaced;
  if (old && (!now || replaced || !now->owes_event_since)) forget_event(context, *old);
  if (now && !owed) see_to_event(context, *now);
  if (now) {
    wake_sweep(context, *now);
    context.run_queue.add(run.meta.key());
    wake_followers(context, now->meta.uid);
    wake_lead(context, old, now);
  }
  if (const auto followed = followed_by(old); followed && followed != followed_by(now)) {
    // The followed run may have been kept only because this run waited for it. Now it may be due for deletion.
    context.run_queue.add(api::object_key(run.meta.namespace_, followed->name));
    context.project_queue.add(run.project_key());
  }
  // A slot may have become free, or a limit of the project's history may be exceeded.
  const bool ended = now && api::is_final(now->phase) && (!old || old->phase != now->phase);
  if (!now || replaced || ended) context.project_queue.add(run.project_key());
}

// Wakes the project's runs that are under way, and with `finished` the others too.
void wake_runs(const Context& context, const std::string& project_key, bool finished) {
  // Sort the keys. The index has no order, and a simulation has to give the same order when it is replayed.
  std::set<std::string> keys;
  for (const auto& run : context.caches.runs.by_index(kByProject, project_key)) {
    if (run->active || finished) keys.insert(run->meta.key());
  }
  for (const auto& key : keys) context.run_queue.add(key);
}

void on_project(const Context& context, const ProjectPtr& old, const ProjectPtr& now) {
  const auto key = (now ? now : old)->meta.key();
  context.project_queue.add(key);
  const bool changed = !old || !now || old->meta.uid != now->meta.uid || old->meta.generation != now->meta.generation ||
                       old->meta.deleting() != now->meta.deleting();
  // Another history may be due to delete finished runs, or their Jobs, sooner or later than they have asked to be
  // woken. A project that comes back counts too: without it the runs had the default history.
  const bool history_changed = !old || !now || old->history != now->history;
  if (changed) wake_runs(context, key, history_changed);
  if (old && (!now || old->meta.uid != now->meta.uid)) {
    context.sources.forget_project(old->meta.uid);
    context.standbys.forget_project(old->meta.uid);
    context.project_writes.forget(key);
  }
}

void on_sweep(const Context& context, const SweepRecordPtr& old, const SweepRecordPtr& now) {
  if (old && (!now || old->meta.uid != now->meta.uid)) forget_sweep(context, old->meta);
  if (now) context.sweep_queue.add(now->meta.key());
}

void wake_owner(const Context& context, const api::JobView& job) {
  const auto key = api::object_key(job.meta.namespace_, job.meta.owner_name);
  if (job.meta.owner_kind == "ModelRun") context.run_queue.add(key);
  if (job.meta.owner_kind == "ModelProject") context.project_queue.add(key);
}

void on_job(const Context& context, const JobPtr& old, const JobPtr& now) {
  wake_owner(context, now ? *now : *old);
  // Another Job has its name, or a run has adopted the standby: its owner until then has one less.
  const bool left = old && now && (old->meta.uid != now->meta.uid || old->meta.owner_uid != now->meta.owner_uid);
  if (left) wake_owner(context, *old);
  if (left || !now) context.standbys.forget_job(old->meta.uid);
}

// A standby's pod names no run, and is found by its Job.
void on_pod(const Context& context, const PodPtr& old, const PodPtr& now) {
  const auto& pod = now ? *now : *old;
  if (!now || (old && old->meta.uid != now->meta.uid)) context.standbys.forget(old->meta.uid);
  if (!pod.run.empty()) return context.run_queue.add(api::object_key(pod.meta.namespace_, pod.run));
  const auto job = context.caches.jobs.find(api::object_key(pod.meta.namespace_, pod.meta.owner_name));
  if (job && job->meta.uid == pod.meta.owner_uid) wake_owner(context, *job);
}

}  // namespace

void wire_caches(Caches& caches, const CurrentTerm& term) {
  const auto tell = [&term](const auto& change) {
    return [&term, change](const auto& old, const auto& now) {
      term.with([&](const Context& context) { change(context, old, now); });
    };
  };
  caches.runs.set_on_change(tell(on_run));
  caches.projects.set_on_change(tell(on_project));
  caches.sweeps.set_on_change(tell(on_sweep));
  caches.jobs.set_on_change(tell(on_job));
  caches.pods.set_on_change(tell(on_pod));
}

void enqueue_all(const Context& context) {
  context.caches.projects.for_each([&](const auto& project) { context.project_queue.add(project->meta.key()); });
  context.caches.runs.for_each([&](const auto& run) {
    context.run_queue.add(run->meta.key());
    see_to_event(context, *run);
  });
  context.caches.sweeps.for_each([&](const auto& sweep) { context.sweep_queue.add(sweep->meta.key()); });
}

}  // namespace modelrun::controller
