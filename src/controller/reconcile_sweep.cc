#include "controller/reconcile_sweep.h"

#include <utility>

#include "controller/acknowledge.h"
#include "controller/apply_sweep.h"
#include "controller/observe_sweep.h"
#include "controller/sweep/decide.h"

namespace modelrun::controller {
namespace {

runtime::ReconcileResult reconcile_finished_sweep(const Context& context, const SweepRecord& record,
                                                  std::stop_token stop) {
  forget_sweep(context, record.meta);
  if (record.observed_generation >= record.meta.generation) return runtime::done();
  const auto put = [&](const kube::Json& object) {
    context.caches.sweeps.put(make_sweep_record(api::decode_model_sweep(object)));
  };
  const auto done = acknowledge(context, kube::kModelSweeps, record.meta, put, std::move(stop));
  return done ? runtime::done() : runtime::failed(done.error());
}

Result<SweepPlan> pass(const Context& context, const SweepRecord& record, std::stop_token stop) {
  LargeWork::Turn turn(context.large, record.meta);
  try {
    const auto observed = observe_sweep(context, record.active, stop);
    RETURN_IF_ERROR(observed);
    auto plan = decide_sweep(*observed, context.clock.now(), context.settings);
    RETURN_IF_ERROR(apply_sweep(context, *observed, plan, turn, std::move(stop)));
    // A pass that only stands in the line has not got past what is in the way.
    if (!turn.waits()) context.sweeps.trouble_over(record.meta.uid);
    return plan;
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorKind::kInternal, "an object of the sweep has an unexpected shape: {}", error.what());
  }
}

}  // namespace

void forget_sweep(const Context& context, const api::ObjectMeta& sweep) {
  context.sweeps.forget(sweep.uid);
  context.large.forget(sweep);
}

runtime::ReconcileResult reconcile_sweep(const Context& context, const std::string& key, std::stop_token stop) {
  const auto record = context.caches.sweeps.find(key);
  if (!record) return runtime::done();
  if (record->meta.deleting()) {
    forget_sweep(context, record->meta);
    return runtime::done();
  }
  if (!record->active) return reconcile_finished_sweep(context, *record, std::move(stop));
  const auto plan = pass(context, *record, std::move(stop));
  const auto& uid = record->meta.uid;
  // A watcher may have seen its removal before this pass made its last notes.
  if (const auto kept = context.caches.sweeps.find(key); !kept || kept->meta.uid != uid) {
    forget_sweep(context, record->meta);
    return runtime::done();
  }
  if (!plan) {
    const auto& error = plan.error();
    if (error.kind != ErrorKind::kConflict && error.kind != ErrorKind::kCancelled)
      context.sweeps.note_trouble(uid, error);
    return runtime::failed(error);
  }
  return plan->requeue_after ? runtime::requeue_after(*plan->requeue_after) : runtime::done();
}

}  // namespace modelrun::controller
