#include "controller/observe_other.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "controller/live.h"
#include "controller/run/reuse.h"
#include "kube/payload.h"

namespace modelrun::controller {
namespace {

using RunPtr = std::shared_ptr<const api::ModelRun>;
using RecordPtr = std::shared_ptr<const RunRecord>;

// How many successful runs to try when their results turn out to be gone or damaged. After that the run runs itself.
constexpr std::size_t kMostTries = 5;

// The run `meta` as the API server holds it; null if it no longer exists.
Result<RunPtr> read_run(const Context& context, const api::ObjectMeta& meta, std::stop_token stop) {
  auto run = read_live(context, kube::kModelRuns, meta.namespace_, meta.name, &api::decode_model_run, std::move(stop));
  const bool another = run && *run && (*run)->meta.uid != meta.uid;
  return another ? nullptr : run;
}

// The finished run `meta` with its full result, if that can be taken.
Result<OtherRun> read_result(const Context& context, const api::ObjectMeta& meta, const std::string& identity,
                             api::Reuse wish, LargeWork::Turn& turn, std::stop_token stop) {
  auto run = read_run(context, meta, stop);
  RETURN_IF_ERROR(run);
  if (!*run || use_of(**run, identity, wish) != Use::kTake) return OtherRun{};
  OtherRun other{.run = std::move(*run)};
  if (!other.run->status.result_ref) return other;
  if (other.run->status.result_ref->bytes > kLargeResult && !turn.take()) return OtherRun{.awaits_turn = true};
  auto full = kube::load_payload(context.client, *other.run, stop);
  if (full) {
    other.full = std::make_shared<const api::ResultFrame>(std::move(*full));
    return other;
  }
  const auto kind = full.error().kind;
  if (kind != ErrorKind::kNotFound && kind != ErrorKind::kInvalid && kind != ErrorKind::kTooLarge) {
    return std::unexpected(full.error());
  }
  log::warn("the full result of a run cannot be reused", {{"run", meta.key()}, {"error", full.error().message}});
  return OtherRun{};
}

// The oldest run under way that can be joined: one that is admitted, else the lead. Null if there is none.
RunPtr find_active(const Context& context, const api::ModelRun& run, const std::string& identity) {
  RunPtr first;
  const auto consider = [&](const RecordPtr& record) {
    if (!record || !record->active || record->meta.uid == run.meta.uid) return;
    if (use_of(*record->active, identity, run.spec.reuse) != Use::kWait) return;
    const auto order = [](const api::ObjectMeta& meta) { return std::tie(meta.creation, meta.uid); };
    if (!first || order(record->meta) < order(first->meta)) first = record->active;
  };
  for (const auto& record : context.caches.runs.by_index(kByIdentity, identity_key(identity))) consider(record);
  if (first) return first;
  if (const auto lead = context.leads.of(identity)) {
    const auto record = context.caches.runs.find(lead->key);
    if (record && record->meta.uid == lead->uid) consider(record);
  }
  return first;
}

// The latest runs that have succeeded, newest first. Their identities may only begin alike; read_result() compares
// them in full.
std::vector<RecordPtr> successes(const Context& context, const std::string& identity) {
  auto records = context.caches.runs.by_index(kByIdentity, identity_key(identity));
  std::erase_if(records, [](const auto& record) { return record->active != nullptr; });
  std::ranges::sort(records, std::ranges::greater{},
                    [](const auto& record) { return std::tuple(record->ended_at(), record->meta.uid); });
  if (records.size() > kMostTries) records.resize(kMostTries);
  return records;
}

}  // namespace

Result<OtherRun> observe_followed(const Context& context, const api::ModelRun& run, LargeWork::Turn& turn,
                                  std::stop_token stop) {
  const auto& followed = *run.status.reused_from;
  const auto record = context.caches.runs.find(api::object_key(run.meta.namespace_, followed.name));
  if (!record || record->meta.uid != followed.uid) {
    // The cache may be behind: what looks like the end of the other run would have this one executed a second time.
    api::ObjectMeta meta;
    meta.namespace_ = run.meta.namespace_;
    meta.name = followed.name;
    meta.uid = followed.uid;
    const auto live = read_run(context, meta, stop);
    RETURN_IF_ERROR(live);
    if (!*live) return OtherRun{};
    if (api::is_final((*live)->status.phase)) {
      return read_result(context, meta, run.status.identity, run.spec.reuse, turn, stop);
    }
    return use_of(**live, run.status.identity, run.spec.reuse) == Use::kWait ? OtherRun{.run = *live} : OtherRun{};
  }
  if (!record->active) return read_result(context, record->meta, run.status.identity, run.spec.reuse, turn, stop);
  const bool waits = use_of(*record->active, run.status.identity, run.spec.reuse) == Use::kWait;
  return waits ? OtherRun{.run = record->active} : OtherRun{};
}

Result<OtherRun> find_other(const Context& context, const api::ModelRun& run, const std::string& identity,
                            LargeWork::Turn& turn, std::stop_token stop) {
  if (run.spec.reuse == api::Reuse::kJoin) return OtherRun{.run = find_active(context, run, identity)};
  for (const auto& record : successes(context, identity)) {
    auto other = read_result(context, record->meta, identity, run.spec.reuse, turn, stop);
    if (!other || other->run || other->awaits_turn) return other;
  }
  return OtherRun{};
}

}  // namespace modelrun::controller
