// Whether sweeps are right: by the rows that the runs which they have made have stored, and by the points that their
// specs have. The points are made here once more, from grids of written values, which is all that people here create.
#include <algorithm>

#include "api/json_access.h"
#include "api/model_sweep.h"
#include "kube/point_rows.h"
#include "simulation/invariants.h"

namespace modelrun::simulation {
namespace {

using api::member;
using P = Perturbation;

// The parameters of all points, the last axis fastest.
std::vector<Json> points_of(const Json& sweep) {
  const auto& spec = member(sweep, "spec");
  std::vector<Json> points = {member(spec, "parameters")};
  for (const auto& axis : spec.at("space").at("grid")) {
    std::vector<Json> more;
    for (const auto& point : points) {
      for (const auto& value : axis.at("values")) {
        more.push_back(point);
        more.back()[axis.at("name").get<std::string>()] = value;
      }
    }
    points = std::move(more);
  }
  return points;
}

// The index of a point in its run; nullopt if the run does not have it.
std::optional<std::int64_t> index_in(const Json& run, const Json& point) {
  const auto& points = member(member(run, "spec"), "points");
  const auto found = std::find(points.begin(), points.end(), point);
  return found == points.end() ? std::nullopt : std::optional(found - points.begin());
}

// An empty text stands for no value.
Json value_of(const std::string& text) {
  return text.empty() ? Json() : Json::parse(text);
}

api::Phase phase_of(const api::PointRow& row) {
  switch (row.phase) {
    case api::PointPhase::kSucceeded:
      return api::Phase::kSucceeded;
    case api::PointPhase::kTimedOut:
      return api::Phase::kTimedOut;
    case api::PointPhase::kFailed:
      break;
  }
  return api::Phase::kFailed;
}

// Whether `row` of the table says what `stored` does, which is of the point with these parameters.
bool says(const sweep::Table& table, const sweep::Row& row, const api::PointRow& stored, const Json& point) {
  const auto outputs = stored.outputs ? Json::parse(stored.outputs->text()) : Json::object();
  for (std::size_t i = 0; i < table.outputs.size(); ++i) {
    if (value_of(row.outputs.at(i)) != member(outputs, table.outputs[i])) return false;
  }
  const bool own = !stored.outputs || outputs == point_outputs(point, stored.point);
  return own && row.phase == phase_of(stored) && row.reason == stored.reason &&
         row.seconds == static_cast<double>(stored.milliseconds) / 1000;
}

}  // namespace

void Invariants::note_rows(const Json& config_map) {
  const auto& uid = owner_uid(config_map);
  const auto run = cluster_.runs().find(uid);
  if (run == cluster_.runs().end() || run->second.sweep.empty()) return;
  // A full result and parameters have none.
  std::ignore = kube::visit_chunks(config_map, [&](const kube::RowChunk& chunk) {
    for (const auto& row : chunk.rows) sweep_rows_[uid].emplace(row.point, row);
  });
}

// A sweep makes a run. Its points and its name follow from the spec, so only commit and number are to be looked at.
void Invariants::check_sweep_run(const Json& run) {
  const auto sweep = server_.find_uid(Kind::kSweeps, owner_uid(run));
  if (!sweep || cluster_.sweep(owner_uid(run)).nonsense) return;
  check({19});
  const auto decoded = api::decode_model_sweep(sweep->json);
  std::int64_t active = 0;
  for (const auto& [key, other] : server_.all(Kind::kRuns)) {
    if (owner_uid(other->json) == decoded.meta.uid && !is_over(other->json)) ++active;
  }
  const auto commit = api::text_at(member(run, "spec"), "commitSHA");
  // Of a run that finds the commit there is one at a time; the others have what stands in status.
  const auto most = commit.empty() ? 1 : decoded.spec.limits.parallelism;
  if (active > most) {
    violate("I19", fmt::format("{} runs of {} are under way, {} may be", active, decoded.meta.key(), most));
  }
  if (!commit.empty() && commit != decoded.status.commit_sha) {
    violate("I19", fmt::format("{} has a commit that {} has not recorded", key_of(run), decoded.meta.key()));
  }
}

void Invariants::check_sweep_points(const Json& run, const std::vector<std::int64_t>& points) {
  check({19});
  const auto& own = member(member(run, "spec"), "points");
  for (const auto& [key, other] : server_.all(Kind::kRuns)) {
    const bool sibling = owner_uid(other->json) == owner_uid(run) && uid_of(other->json) != uid_of(run);
    if (!sibling || is_deleting(other->json)) continue;
    const auto& rows = sweep_rows_[uid_of(other->json)];
    for (const auto point : points) {
      const auto there = index_in(other->json, own.at(static_cast<std::size_t>(point)));
      if (!there || !rows.contains(*there)) continue;
      violate("I19", fmt::format("point {} of {}, which {} has a row of, is executed again", point, key_of(run), key));
    }
  }
}

void Invariants::check_sweep(const Commit& commit) {
  const auto& sweep = commit.after->json;
  if (is_over(commit.before->json)) {
    check({19});
    Json one = member(commit.before->json, "status"), other = member(sweep, "status");
    one.erase("observedGeneration");
    other.erase("observedGeneration");
    if (one != other) violate("I19", fmt::format("the final status of {} changes", key_of(sweep)));
    return;
  }
  if (is_over(sweep) && !cluster_.sweep(uid_of(sweep)).nonsense) check_sweep_end(sweep);
}

void Invariants::check_sweep_end(const Json& sweep) {
  check({19});
  check_sweep_reason(sweep);
  if (member(sweep, "status").contains("tableRef")) return check_table(sweep);
  const bool refused = sim_.perturbations.has_struck(P::kRefused) || sim_.perturbations.has_struck(P::kForbidden);
  if (!refused || !status_text(sweep, "warning").contains("not stored")) {
    violate("I19", fmt::format("{} ends without a table: {}", key_of(sweep), status_text(sweep, "message")));
  }
}

// Whether something has happened that explains the end.
void Invariants::check_sweep_reason(const Json& sweep) {
  const auto decoded = api::decode_model_sweep(sweep);
  const auto& truth = cluster_.sweep(decoded.meta.uid);
  const auto reason = decoded.status.error ? decoded.status.error->reason : "Succeeded";
  const auto counts = decoded.status.points.value_or(api::SweepPoints{});
  const auto& most = decoded.spec.limits.max_failed_points;
  const auto wrong = [&] {
    violate("I19", fmt::format("{} ended as {}, and nothing has happened to it that explains that: {}",
                               decoded.meta.key(), reason, decoded.status.message));
  };
  if ((reason == "Succeeded") != (decoded.status.phase == api::Phase::kSucceeded)) return wrong();
  if (reason == "Succeeded") {
    if (counts.succeeded == 0 || (most && counts.failed > *most)) wrong();
  } else if (reason == "PointsFailed") {
    if (counts.succeeded != 0) wrong();
  } else if (reason == "TooManyFailedPoints") {
    if (!most || counts.failed <= *most) wrong();
  } else if (reason == "Internal") {
    const auto struck = [this](P perturbation) { return sim_.perturbations.has_struck(perturbation); };
    if (!truth.name_taken && !struck(P::kForbidden) && !struck(P::kRefused)) wrong();
  } else if (reason != "Cancelled" || !decoded.spec.cancel) {
    // The end of a run that all others would share.
    const bool shared = std::ranges::any_of(server_.all(Kind::kRuns), [&](const auto& entry) {
      const auto& run = entry.second->json;
      return owner_uid(run) == decoded.meta.uid &&
             api::text_at(member(member(run, "status"), "error"), "reason") == reason;
    });
    if (!shared && !truth.run_deleted) wrong();
  }
}

void Invariants::check_table(const Json& sweep) {
  const auto decoded = api::decode_model_sweep(sweep);
  const auto& ref = *decoded.status.table_ref;
  const auto& key = decoded.meta.key();
  std::vector<std::string> parts;
  for (const auto& name : ref.config_maps) {
    const auto map = server_.find(Kind::kConfigMaps, api::object_key(decoded.meta.namespace_, name));
    if (!map || owner_uid(map->json) != decoded.meta.uid) {
      return violate("I19", fmt::format("{} of the table of {} is not there, or not its own", name, key));
    }
    parts.push_back(member(map->json, "binaryData").begin()->get<std::string>());
  }
  const auto table = sweep::unpack_table(parts, ref.sha256, ref.bytes);
  if (!table) return violate("I19", fmt::format("the table of {} cannot be read: {}", key, table.error().message));
  const auto points = points_of(sweep);
  if (table->rows.size() != points.size()) {
    return violate("I19", fmt::format("the table of {} has {} rows of {}", key, table->rows.size(), points.size()));
  }
  const auto count = [&](api::Phase phase) { return std::ranges::count(table->rows, phase, &sweep::Row::phase); };
  const api::SweepPoints counted{std::ssize(points), count(api::Phase::kSucceeded),
                                 count(api::Phase::kFailed) + count(api::Phase::kTimedOut), 0};
  if (decoded.status.points != counted) violate("I19", fmt::format("the status of {} counts other points", key));
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (table->rows[i].index != i) violate("I19", fmt::format("row {} of the table of {} is of another point", i, key));
    check_table_row(sweep, points[i], *table, table->rows[i]);
  }
}

// The row is that of the point's execution in a run that the sweep has made, or says why there is none; and then no
// such run that is there has one.
void Invariants::check_table_row(const Json& sweep, const Json& point, const sweep::Table& table,
                                 const sweep::Row& row) {
  const auto wrong = [&](std::string_view what) {
    violate("I19", fmt::format("row {} of the table of {}: {}; it says {} {} {} {}", row.index, key_of(sweep), what,
                               api::to_string(row.phase), row.reason, row.message, row.run));
  };
  for (std::size_t i = 0; i < table.parameters.size(); ++i) {
    if (value_of(row.parameters.at(i)) != member(point, table.parameters[i])) wrong("its parameters are others");
  }
  bool found = false;
  for (const auto& [uid, rows] : sweep_rows_) {
    const auto& truth = cluster_.run(uid);
    if (truth.sweep != uid_of(sweep)) continue;
    if (truth.nonsense) return;
    const auto run = server_.find_uid(Kind::kRuns, uid);
    for (const auto& [index, stored] : rows) {
      const auto outputs = stored.outputs ? Json::parse(stored.outputs->text()) : Json();
      const bool of_point = run ? index_in(run->json, point) == index : outputs == point_outputs(point, index);
      if (!of_point) continue;
      if (row.run == truth.key.substr(truth.key.find('/') + 1) && says(table, row, stored, point)) return;
      found = found || (run && !is_deleting(run->json));
    }
  }
  if (found) return wrong("its point has left another one");
  const bool deleted = cluster_.sweep(uid_of(sweep)).run_deleted;
  const bool has_outputs = std::ranges::any_of(row.outputs, [](const auto& text) { return !text.empty(); });
  if (row.phase == api::Phase::kSucceeded || has_outputs) {
    if (!deleted) wrong("its point has left none");
    return;
  }
  if (row.reason.empty() || row.message.empty()) wrong("it does not say why there is none");
}

// What a sweep has made goes with it.
void Invariants::check_sweeps_left() {
  for (const Kind kind : {Kind::kRuns, Kind::kConfigMaps}) {
    for (const auto& [key, object] : server_.all(kind)) {
      const auto& uid = label_text(object->json, api::kLabelSweepUid);
      if (uid.empty() || is_deleting(object->json) || server_.find_uid(Kind::kSweeps, uid)) continue;
      violate("I19", fmt::format("{} {} is left of a sweep that is deleted", resource_of(kind).kind, key));
    }
  }
}

}  // namespace modelrun::simulation
