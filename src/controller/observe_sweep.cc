#include "controller/observe_sweep.h"

#include <utility>

#include "base/printable.h"
#include "controller/live.h"

namespace modelrun::controller {
namespace {

// The kinds of errors that a wrong spec gives, as opposed to those of a request.
bool is_wrong_spec(const Error& error) {
  return error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kTooLarge;
}

Result<void> observe_layout(const Context& context, SweepObserved& observed, std::stop_token stop) {
  const auto& uid = observed.sweep->meta.uid;
  observed.layout = context.sweeps.layout(uid);
  if (observed.layout) return {};
  const auto live = read_sweep(context, *observed.sweep, std::move(stop));
  RETURN_IF_ERROR(live);
  const auto space = sweep::points_of((*live)->spec);
  if (!space) {
    if (!is_wrong_spec(space.error())) return std::unexpected(space.error());
    observed.refusal = printable("spec: " + space.error().message);
    return {};
  }
  observed.layout = std::make_shared<const SweepLayout>(lay_out((*live)->spec, space->points));
  context.sweeps.set_layout(uid, observed.layout);
  return {};
}

void take_status(const api::ModelRunStatus& status, SweepRunView& view) {
  view.commit = status.commit_sha;
  view.branch = status.branch;
  view.project_uid = status.project_uid;
  view.error = status.error;
}

SweepRunView view_of_run(const RunRecord& record) {
  SweepRunView view;
  view.uid = record.meta.uid;
  view.phase = record.phase;
  view.succeeded = record.points_succeeded;
  view.failed = record.points_failed;
  view.deleting = record.meta.deleting();
  if (!record.active) return view;
  view.cancel = record.active->spec.cancel;
  view.suspend = record.active->spec.suspend;
  take_status(record.active->status, view);
  return view;
}

// True if a decision needs more of the ended run than the cache keeps.
bool needs_more(const SweepRunView& view, const SweepObserved& observed) {
  if (!api::is_final(view.phase)) return false;
  const bool without_rows = view.succeeded + view.failed == 0 && view.phase != api::Phase::kSucceeded;
  return without_rows || observed.sweep->status.commit_sha.empty();
}

Result<void> read_ended(const Context& context, const RunRecord& record, const SweepObserved& observed,
                        SweepRunView& view, std::stop_token stop) {
  const auto& uid = observed.sweep->meta.uid;
  if (auto known = context.sweeps.ended_run(uid, view.uid)) {
    view = std::move(*known);
    return {};
  }
  const auto live = read_live(context, kube::kModelRuns, record.meta.namespace_, record.meta.name,
                              &api::decode_model_run, std::move(stop));
  RETURN_IF_ERROR(live);
  if (!*live || (*live)->meta.uid != view.uid) {
    return fail(ErrorKind::kConflict, "run {}: the cache is behind", record.meta.key());
  }
  take_status((*live)->status, view);
  context.sweeps.set_ended_run(uid, view);
  return {};
}

Result<void> observe_sweep_runs(const Context& context, SweepObserved& observed, const std::stop_token& stop) {
  for (const auto& record : context.caches.runs.by_index(kByOwner, owner_index(observed.sweep->meta))) {
    auto view = view_of_run(*record);
    if (needs_more(view, observed)) {
      RETURN_IF_ERROR(read_ended(context, *record, observed, view, stop));
    }
    observed.runs.emplace(record->meta.name, std::move(view));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const api::ModelSweep>> read_sweep(const Context& context, const api::ModelSweep& known,
                                                          std::stop_token stop) {
  auto live = read_live(context, kube::kModelSweeps, known.meta.namespace_, known.meta.name, &api::decode_model_sweep,
                        std::move(stop));
  RETURN_IF_ERROR(live);
  const bool same = *live && (*live)->meta.uid == known.meta.uid && (*live)->meta.generation == known.meta.generation &&
                    !(*live)->meta.deleting() && !api::is_final((*live)->status.phase);
  if (!same) return fail(ErrorKind::kConflict, "sweep {}: the cache is behind", known.meta.key());
  return live;
}

Result<SweepObserved> observe_sweep(const Context& context, std::shared_ptr<const api::ModelSweep> sweep,
                                    std::stop_token stop) {
  SweepObserved observed;
  observed.sweep = std::move(sweep);
  const auto& meta = observed.sweep->meta;
  observed.trouble = context.sweeps.trouble(meta.uid);
  observed.given_up = context.sweeps.given_up(meta.uid);
  observed.since_write = context.sweeps.since_write(meta.uid);
  const auto project = context.caches.projects.find(api::object_key(meta.namespace_, observed.sweep->spec.project));
  if (project) observed.project_timeout = project->limits.timeout_seconds;
  RETURN_IF_ERROR(observe_layout(context, observed, stop));
  RETURN_IF_ERROR(observe_sweep_runs(context, observed, stop));
  return observed;
}

}  // namespace modelrun::controller
