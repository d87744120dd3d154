#include "controller/reconcile_run.h"

#include <algorithm>

#include "controller/acknowledge.h"
#include "controller/apply_run.h"
#include "controller/observe_run.h"
#include "controller/run/decide.h"
#include "controller/run/limits.h"

namespace modelrun::controller {
namespace {

runtime::ReconcileResult result_of(const Plan& plan) {
  return plan.requeue_after ? runtime::requeue_after(*plan.requeue_after) : runtime::done();
}

runtime::ReconcileResult reconcile_finished(const Context& context, const RunRecord& record, std::stop_token stop) {
  forget(context, record.meta);
  if (record.observed_generation < record.meta.generation && !record.meta.deleting()) {
    const auto put = [&](const kube::Json& object) {
      context.caches.runs.put(context.caches.record_of(api::decode_model_run(object)));
    };
    const auto done = acknowledge(context, kube::kModelRuns, record.meta, put, stop);
    if (!done) return runtime::failed(done.error());
  }
  const auto project = context.caches.projects.find(record.project_key());
  FinishedRun finished;
  finished.finished_at = record.ended_at();
  finished.history = project ? project->history : api::HistorySpec{};
  finished.managed = record.in_history(finished.history);
  finished.followed = is_followed(context.caches.runs, record.meta.uid);
  finished.owes_end_event = context.settings.end_events && record.owes_event_since;
  for (const auto& job : own_jobs(context.caches.jobs, record.meta)) {
    if (job->meta.deleting()) continue;
    finished.has_job = true;
    finished.job_name = job->meta.name;
  }
  const Time now = context.clock.now();
  if (finished.has_job) {
    finished.ended_for = context.ends.since_end(record.meta.uid, now - finished.finished_at);
  } else {
    context.ends.forget(record.meta.uid);
  }
  const Plan plan = decide_finished(finished, now);
  if (auto done = apply_finished(context, record.meta, plan, stop); !done) return runtime::failed(done.error());
  return result_of(plan);
}

// The run is being deleted, and a finalizer may keep it for long. It holds no slot and nothing of it goes on; nothing
// is written into it, because nobody reads it any more. Once it is gone, Kubernetes' garbage collector deletes what is
// left.
runtime::ReconcileResult reconcile_deleted(const Context& context, const RunRecord& record, std::stop_token stop) {
  forget(context, record.meta);
  for (const auto& job : own_jobs(context.caches.jobs, record.meta)) {
    if (job->meta.deleting()) continue;
    Plan plan;
    plan.after.emplace_back(DeleteJob{job->meta.name});
    if (auto done = apply_finished(context, record.meta, plan, stop); !done) return runtime::failed(done.error());
  }
  context.project_queue.add(record.project_key());
  return runtime::done();
}

// A pass over the run has failed. Says so in its status once that has lasted, so that nobody wonders why nothing moves.
runtime::ReconcileResult blocked(const Context& context, const Observed& observed, const Error& error,
                                 LargeWork::Turn& turn, std::stop_token stop) {
  if (error.kind == ErrorKind::kConflict || error.kind == ErrorKind::kCancelled) return runtime::failed(error);
  const auto lasted = context.inbox.trouble(observed.run->meta.uid);
  if (lasted >= kTellTrouble) {
    const Plan plan = decide_blocked(observed, error, lasted, context.clock.now(), context.settings);
    // Best effort: the next pass tries again.
    if (auto told = apply_run(context, observed, plan, turn, std::move(stop)); !told) {
      return runtime::failed(told.error());
    }
  }
  return runtime::failed(error);
}

// Observes, decides and applies. `observed` holds the run, and in the end whatever was found out about it.
Result<Plan> go_on(const Context& context, Observed& observed, LargeWork::Turn& turn, std::stop_token stop) {
  try {
    RETURN_IF_ERROR(observe_run(context, observed, turn, stop));
    Plan plan = decide(observed, context.clock.now(), context.settings);
    const bool queues = std::ranges::any_of(
        plan.before, [](const Action& step) { return std::holds_alternative<RequestAdmission>(step); });
    // The run has its slot, or no longer asks for one. For example, a suspended run must not get a slot that waiting
    // runs need.
    if (!queues) context.slots.leave(observed.run->meta.uid);
    if (!observed.standby) context.standbys.release(observed.run->meta.uid);
    RETURN_IF_ERROR(apply_run(context, observed, plan, turn, std::move(stop)));
    return plan;
  } catch (const nlohmann::json::exception& error) {
    // The settings that a run has recorded may hold anything that somebody has written there.
    return fail(ErrorKind::kInternal, "an object of the run has an unexpected shape: {}", error.what());
  }
}

runtime::ReconcileResult reconcile_active(const Context& context, const RunRecord& record, std::stop_token stop) {
  Observed observed;
  observed.run = record.active;
  LargeWork::Turn turn(context.large, record.meta);
  const auto plan = go_on(context, observed, turn, stop);
  // A watcher may have seen the run's removal, and called forget(), before this pass made its last notes about the
  // run.
  if (const auto kept = context.caches.runs.find(record.meta.key()); !kept || kept->meta.uid != record.meta.uid) {
    forget(context, record.meta);
    return runtime::done();
  }
  if (!plan) return blocked(context, observed, plan.error(), turn, std::move(stop));
  context.inbox.trouble_over(record.meta.uid);
  if (observed.lost_slot) context.project_queue.add(record.project_key());
  return result_of(*plan);
}

}  // namespace

void forget(const Context& context, const api::ObjectMeta& run) {
  context.inbox.forget(run.uid);
  context.points.forget(run.uid);
  context.sources.forget(run.uid);
  context.slots.leave(run.uid);
  context.leads.leave(run.uid);
  context.standbys.release(run.uid);
  context.large.forget(run);
}

runtime::ReconcileResult reconcile_run(const Context& context, const std::string& key, std::stop_token stop) {
  const auto record = context.caches.runs.find(key);
  // Runs that wait for the result of a run that is gone were woken when its removal was seen (wiring.cc).
  if (!record) return runtime::done();
  if (record->meta.deleting()) return reconcile_deleted(context, *record, std::move(stop));
  if (!record->active) return reconcile_finished(context, *record, std::move(stop));
  return reconcile_active(context, *record, std::move(stop));
}

}  // namespace modelrun::controller
