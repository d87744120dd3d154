#include "gateway/runs/kube_sweep_service.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/json_access.h"
#include "api/strict_json.h"
#include "api/sweep_object.h"
#include "gateway/runs/create_once.h"
#include "gateway/runs/rights.h"
#include "kube/payload.h"
#include "sweep/sweep_points.h"

namespace modelrun::gateway {
namespace {

// What the arguments of a sweep take in memory for each byte of their text: as JSON values, and as a space.
constexpr std::size_t kBytesOfByte = 16;

std::unexpected<Error> too_much(std::string_view what) {
  return fail(ErrorKind::kThrottled, "too many {} at this moment: try again in a second", what);
}

// What the operator checks when the sweep begins, so that a space that has no points is an error of this request.
// `hold` gets what the arguments and the points take in memory. kThrottled if that is too much.
Result<void> check_space(const nlohmann::json& object, ByteBudget::Hold& hold) {
  const auto spec = api::decode_model_sweep(object).spec;
  const auto arguments = kBytesOfByte * (spec.space.text().size() + spec.parameters.text().size());
  const auto admit = [&](std::size_t bytes) -> Result<void> {
    if (!hold.set(bytes)) return too_much("sweeps are being started");
    return {};
  };
  RETURN_IF_ERROR(admit(arguments));
  RETURN_IF_ERROR(sweep::points_of(
      spec, [&](const sweep::Space& space) { return admit(arguments + sweep::memory_of_points(space)); }));
  return {};
}

nlohmann::json object_of(const Identity& caller, const NewSweep& wanted) {
  auto object =
      api::sweep_object({.namespace_ = wanted.project.namespace_,
                         .project = wanted.project.name,
                         .model = wanted.model,
                         .branch = wanted.branch,
                         .commit = wanted.commit,
                         .parameters = wanted.parameters,
                         .space = wanted.space,
                         .outputs = wanted.outputs,
                         .parallelism = wanted.parallelism,
                         .timeout_seconds = wanted.timeout_seconds,
                         .max_failed_points = wanted.max_failed_points,
                         .name = name_of_key("sweep", caller, wanted.project.namespace_, wanted.idempotency_key),
                         .created_by = "gateway"});
  add_origin(object, caller, wanted.traceparent);
  return object;
}

// The table for those who use it, with what it counts for.
TablePtr lend(TablePtr table, ByteBudget::Hold hold) {
  const auto lent = std::make_shared<std::pair<TablePtr, ByteBudget::Hold>>(std::move(table), std::move(hold));
  return {lent, lent->first.get()};
}

}  // namespace

Result<StartedSweep> KubeSweepService::start(const Identity& caller, const NewSweep& wanted, std::stop_token stop) {
  const auto& project = wanted.project;
  RETURN_IF_ERROR(sweeps_.demand(caller, "create", project.namespace_, "start", no_project(project), stop));
  RETURN_IF_ERROR(read_project(client_, project, stop));
  auto hold = held_.hold(share_of(caller));
  const auto object = object_of(caller, wanted);
  RETURN_IF_ERROR(check_space(object, hold));
  const auto made = create_once(client_, kube::kModelSweeps, object, {kSweepIds, api::requested_sweep_spec}, stop);
  RETURN_IF_ERROR(made);
  const auto sweep = api::decode_model_sweep(made->object);
  cache_.note(sweep);
  return StartedSweep{.sweep = summarize(sweep), .created = made->created};
}

void KubeSweepService::notify(const SweepKey& key, std::uint64_t seen, std::chrono::milliseconds span,
                              const std::stop_token& stop, std::function<void()> wake) {
  cache_.notify(key, seen, span, stop, std::move(wake));
}

void KubeSweepService::pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) {
  cache_.pause(span, stop, std::move(wake));
}

Result<SweepSummary> KubeSweepService::refresh_summary(const Identity& caller, const SweepKey& key, bool live,
                                                       std::stop_token stop) {
  return sweeps_.refresh(caller, key, live, std::move(stop));
}

Result<SweepSummary> KubeSweepService::find_summary(const Identity& caller, std::string_view sweep_id,
                                                    std::stop_token stop) {
  return sweeps_.find(caller, sweep_id, stop);
}

Result<SweepPtr> KubeSweepService::read_sweep(const Identity& caller, const SweepKey& key, std::stop_token stop) {
  auto sweep = sweeps_.read(caller, key, std::move(stop));
  RETURN_IF_ERROR(sweep);
  return std::make_shared<const api::ModelSweep>(std::move(*sweep));
}

Result<TablePtr> KubeSweepService::table(const Identity& caller, const api::ModelSweep& sweep, std::stop_token stop) {
  RETURN_IF_ERROR(sweeps_.demand_sight(caller, sweep.meta.namespace_, sweep.meta.uid, stop));
  const auto& ref = sweep.status.table_ref;
  // The rows of a sweep that goes on are those of one version of its status.
  const auto key = ref ? ref->sha256 : fmt::format("{}/{}", sweep.meta.uid, sweep.meta.resource_version);
  auto hold = held_.hold(share_of(caller));
  {
    const MutexLock lock(mutex_);
    if (auto* kept = tables_.find(key)) {
      if (auto lent = kept->value.lent.lock()) return lent;
      if (!hold.set(kept->bytes)) return too_much("tables are being read");
      auto lent = lend(kept->value.table, std::move(hold));
      kept->value.lent = lent;
      return lent;
    }
  }
  const auto admit = [&hold](std::size_t bytes) -> Result<void> {
    if (!hold.set(bytes)) return too_much("tables are being read");
    return {};
  };
  // Of a table first the parts and the document that they give count, then its text and the rows.
  if (ref) RETURN_IF_ERROR(admit(2 * std::min<std::uint64_t>(ref->bytes, sweep::kMaxTableBytes)));
  auto loaded = ref ? kube::load_table(client_, sweep, stop, admit) : rows_so_far_.read(sweep, admit, stop);
  if (!loaded) return std::unexpected(own_fault(loaded.error()));
  auto table = std::make_shared<const sweep::Table>(std::move(*loaded));
  const auto bytes = sweep::memory_of(*table);
  RETURN_IF_ERROR(admit(bytes));
  auto lent = lend(table, std::move(hold));
  const MutexLock lock(mutex_);
  tables_.put(key, {.table = std::move(table), .lent = lent}, bytes);
  return lent;
}

Result<SweepPage> KubeSweepService::list(const Identity& caller, const ProjectRef& project, const SweepQuery& query,
                                         std::stop_token stop) {
  auto sweeps = sweeps_.of_project(caller, project, std::move(stop));
  RETURN_IF_ERROR(sweeps);
  return page_of(std::move(*sweeps), query);
}

Result<SweepSummary> KubeSweepService::cancel(const Identity& caller, const SweepKey& key, std::stop_token stop) {
  return sweeps_.cancel(caller, key, std::move(stop));
}

}  // namespace modelrun::gateway
