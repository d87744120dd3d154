#include "controller/point_store.h"

#include <algorithm>

#include "api/points.h"
#include "controller/children.h"
#include "controller/hand_over.h"
#include "controller/live.h"
#include "controller/resources/config_map.h"
#include "controller/run/as_admitted.h"
#include "controller/run/limits.h"
#include "controller/run/points.h"
#include "kube/point_rows.h"
#include "sweep/exact_json.h"

namespace modelrun::controller {
namespace {

// More than store_rows() ever makes. Others can make such ConfigMaps too, with the run as their owner.
constexpr std::size_t kMostMaps = kMaxTableBytes / kFullMapBytes + 2;

int attempt_of(const api::ModelRun& run) {
  return static_cast<int>(run.status.attempts);
}

// Adds what is in one ConfigMap.
Result<void> take_map(const api::ModelRun& run, const std::string& name, const kube::Json& object,
                      PointRows::Stored& stored) {
  const auto meta = api::decode_meta(object);
  if (!api::is_owned_by(meta, run.meta)) {
    return fail(ErrorKind::kInvalid, "ConfigMap {} exists and is not this run's; delete it", name);
  }
  stored.rows.config_maps.push_back(name);
  stored.rows.last_bytes = 0;
  stored.last_uid = meta.uid;
  stored.last_version = meta.resource_version;
  const auto take = [&](const kube::RowChunk& chunk) {
    stored.rows.last_bytes += chunk.bytes;
    stored.rows.bytes += chunk.bytes;
    if (chunk.attempt == attempt_of(run)) stored.rows.of_attempt += static_cast<std::int64_t>(chunk.rows.size());
    for (const auto& row : chunk.rows) {
      const auto point = static_cast<std::size_t>(row.point);
      if (point >= stored.done.size() || stored.done[point]) continue;
      stored.done[point] = true;
      count_row(row, stored.rows);
    }
  };
  const auto taken = kube::visit_chunks(object, take);
  if (!taken) return fail_in(fmt::format("ConfigMap {}", name), taken.error());
  return {};
}

Result<kube::Json> write(const Context& context, const api::ModelRun& run, const StoreRows& step,
                         const std::string& value, const std::stop_token& stop) {
  const auto key = kube::row_key(step.attempt, step.first);
  const auto last = context.points.last_map(run.meta.uid);
  if (last.name != step.config_map) {
    // That it exists means that another process has made it.
    auto made = context.client.create(kube::kConfigMaps, build_points(run, step.config_map, key, value), stop);
    if (!made && made.error().kind == ErrorKind::kExists) return fail(ErrorKind::kConflict, "{}", made.error().message);
    return made;
  }
  // Two leaders may hold rows with the same numbers: the version tells the one of them that is behind.
  const kube::Json patch = {{"metadata", {{"uid", last.uid}, {"resourceVersion", std::to_string(last.version)}}},
                            {"binaryData", {{key, value}}}};
  auto patched = context.client.patch(kube::kConfigMaps, run.meta.namespace_, step.config_map, kube::PatchType::kMerge,
                                      patch, {}, stop);
  if (!patched && patched.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kConflict, "somebody has deleted ConfigMap {}", step.config_map);
  }
  return patched;
}

Result<std::string> points_text(const Context& context, const std::shared_ptr<const api::ModelRun>& run,
                                const std::shared_ptr<const api::ModelProject>& project, std::stop_token stop) {
  const auto settings = as_admitted(*run, project);
  if (!settings) return fail(ErrorKind::kConflict, "the run's project is gone");
  const auto live = read_live(context, kube::kModelRuns, run->meta.namespace_, run->meta.name, &api::decode_model_run,
                              std::move(stop));
  RETURN_IF_ERROR(live);
  const bool same = *live && (*live)->meta.uid == run->meta.uid && (*live)->spec.points;
  if (!same) return fail(ErrorKind::kConflict, "the run is gone");
  const auto& spec = (*live)->spec;
  if (spec.points->digest() != run->status.provenance.parameters_digest) {
    return fail(ErrorKind::kConflict, "the run's points are not those that it was admitted with");
  }
  auto list = context.points.list_of(run->meta.uid);
  const auto whole = timeout_seconds(spec, settings->limits, context.settings);
  list.timeout = std::chrono::seconds(std::min(spec.point_timeout_seconds.value_or(whole), whole));
  list.max_failed = spec.max_failed_points;
  const auto elements = sweep::elements_of(spec.points->text());
  list.points.assign(elements.begin(), elements.end());
  return api::encode_points(list);
}

}  // namespace

Result<void> read_points(const Context& context, const api::ModelRun& run, std::stop_token stop) {
  if (context.points.is_known(run.meta.uid, attempt_of(run))) return {};
  PointRows::Stored stored;
  stored.done.resize(static_cast<std::size_t>(run.spec.point_count));
  const auto told = run.status.points ? run.status.points->config_maps.size() : 0;
  for (std::size_t number = 1;; ++number) {
    const auto name = points_name(run.meta, number);
    const auto object = context.client.get(kube::kConfigMaps, run.meta.namespace_, name, stop);
    if (!object && object.error().kind == ErrorKind::kNotFound && number > told) break;
    if (!object) return fail_in("the rows of the run's points", object.error());
    if (number > kMostMaps) {
      return fail(ErrorKind::kInvalid, "ConfigMap {} exists and no operator has made it; delete it", name);
    }
    RETURN_IF_ERROR(take_map(run, name, *object, stored));
  }
  context.points.set_stored(run.meta.uid, attempt_of(run), std::move(stored));
  return {};
}

Result<void> store_rows(const Context& context, const api::ModelRun& run, const StoreRows& step, std::stop_token stop) {
  const auto value = kube::pack_rows(step.rows);
  const auto written = write(context, run, step, value, stop);
  if (!written) {
    if (written.error().kind == ErrorKind::kConflict) context.points.set_unknown(run.meta.uid);
    return fail_in("store the rows of points", written.error());
  }
  const auto meta = api::decode_meta(*written);
  context.points.note_stored(run.meta.uid, step.attempt, step.first, step.rows, step.config_map, meta.uid,
                             meta.resource_version, value.size() / 4 * 3);
  return {};
}

void give_points(const Context& context, const std::shared_ptr<const api::ModelRun>& run,
                 const std::shared_ptr<const api::ModelProject>& project, std::stop_token stop) {
  // The pass that adopts a standby has not read them; the next one comes at once.
  if (!context.points.is_known(run->meta.uid, attempt_of(*run))) return;
  if (!run->spec.points || run->status.phase != api::Phase::kRunning) return;
  const auto give = context.points.take_request(run->meta.uid, attempt_of(*run));
  if (!give) return;
  auto text = points_text(context, run, project, std::move(stop));
  give(text ? std::move(text) : std::unexpected(for_pod(text.error())));
}

}  // namespace modelrun::controller
