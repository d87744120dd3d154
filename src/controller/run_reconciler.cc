#include "controller/run_reconciler.h"

#include <algorithm>

#include "controller/apply.h"
#include "controller/decide.h"
#include "controller/observe.h"

namespace modelrun::controller {
namespace {

// Somebody set cancel or suspend after the end. The result stays as it is; that the change was seen is said, since
// kstatus takes a run whose generation was not observed for one that is under way.
Result<void> acknowledge(const Context& context, const RunRecord& record, std::stop_token stop) {
  const auto object = context.client.get(kube::kModelRuns, record.meta.namespace_, record.meta.name, stop);
  if (!object) return std::unexpected(object.error());
  const auto run = api::decode_model_run(*object);
  if (run.meta.uid != record.meta.uid || run.status.observed_generation == run.meta.generation) return {};
  auto status = object->at("status");
  status["observedGeneration"] = run.meta.generation;
  auto answer = context.client.replace_status(kube::kModelRuns,
                                              api::status_update("ModelRun", run.meta, std::move(status)), stop);
  if (!answer) return std::unexpected(answer.error());
  context.caches.runs.put(make_record(api::decode_model_run(*answer)));
  return {};
}

runtime::Outcome reconcile_finished(const Context& context, const RunRecord& record, std::stop_token stop) {
  forget(context, record.meta.uid);
  if (record.observed_generation < record.meta.generation && !record.meta.deleting()) {
    if (auto done = acknowledge(context, record, stop); !done && done.error().kind != ErrorKind::kNotFound) {
      return runtime::failed(done.error());
    }
  }
  const auto project = context.caches.projects.find(record.project_key());
  FinishedRun finished;
  finished.finished_at = record.ended_at();
  finished.history = project ? project->history : api::HistorySpec{};
  finished.managed = record.made_by_tool || finished.history.include_applied;
  finished.followed = is_followed(context.caches.runs, record.meta.uid);
  const auto jobs = context.caches.jobs.by_index(kByRun, record.meta.uid);
  for (const auto& job : jobs) {
    if (job->meta.deleting()) continue;
    finished.has_job = true;
    finished.job_name = job->meta.name;
  }
  const Plan plan = decide_finished(finished, context.clock.now());
  for (const auto& action : plan.after) {
    Result<void> done;
    if (std::holds_alternative<DeleteRun>(action)) {
      kube::DeleteOptions options;
      options.uid = record.meta.uid;
      done = context.client.remove(kube::kModelRuns, record.meta.namespace_, record.meta.name, options, stop);
    } else if (const auto* job = std::get_if<DeleteJob>(&action)) {
      done = delete_job(context, record.meta.namespace_, job->name, stop);
    }
    if (!done && done.error().kind != ErrorKind::kNotFound) return runtime::failed(done.error());
  }
  return plan.requeue_after ? runtime::requeue_after(*plan.requeue_after) : runtime::done();
}

}  // namespace

void forget(const Context& context, const std::string& uid) {
  context.inbox.forget(uid);
  context.sources.forget(uid);
  context.waiting.leave(uid);
  context.leads.leave(uid);
}

runtime::Outcome reconcile_run(const Context& context, const std::string& key, std::stop_token stop) {
  const auto record = context.caches.runs.find(key);
  // Whoever follows a run that is gone is told when its removal is seen (operator/wiring.cc).
  if (!record) return runtime::done();
  if (!record->active) return reconcile_finished(context, *record, stop);
  // Its children go with it: the garbage collector sees to that.
  if (record->meta.deleting()) return runtime::done();

  auto observed = observe(context, record->active, stop);
  if (!observed) return runtime::failed(observed.error());
  Plan plan = decide(*observed, context.clock.now(), context.settings);
  const auto requeue = plan.requeue_after;
  const bool queues = std::ranges::any_of(
      plan.before, [](const Action& step) { return std::holds_alternative<RequestAdmission>(step); });
  // Has its slot, or does not want one any more: a suspended run must not take one from those that wait.
  if (!queues) context.waiting.leave(record->meta.uid);
  auto run = apply(context, *observed, std::move(plan), stop);
  // Its removal may have been seen while this pass was noting things about it.
  if (const auto kept = context.caches.runs.find(key); !kept || kept->meta.uid != record->meta.uid) {
    forget(context, record->meta.uid);
  }
  if (!run) return runtime::failed(run.error());
  context.inbox.settle(**run);
  if (observed->lost_slot) context.project_queue.add(record->project_key());
  return requeue ? runtime::requeue_after(*requeue) : runtime::done();
}

}  // namespace modelrun::controller
