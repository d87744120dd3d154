// Whether the rows of runs with points are right, by what really happened.
#include <algorithm>

#include "api/json_access.h"
#include "kube/point_rows.h"
#include "simulation/invariants.h"

namespace modelrun::simulation {

using api::member;

std::multimap<std::int64_t, api::PointRow> Invariants::rows_of(const std::string& run_uid) const {
  std::multimap<std::int64_t, api::PointRow> rows;
  for (const auto& [key, map] : server_.all(Kind::kConfigMaps)) {
    if (owner_uid(map->json) != run_uid) continue;
    // A full result has none.
    std::ignore = kube::visit_chunks(map->json, [&](const kube::RowChunk& chunk) {
      for (const auto& row : chunk.rows) rows.emplace(row.point, row);
    });
  }
  return rows;
}

void Invariants::on_points(const PodTruth& pod, const std::vector<std::int64_t>& points) {
  const auto& truth = cluster_.run(pod.run_uid);
  const auto run = server_.find_uid(Kind::kRuns, pod.run_uid);
  // A pod whose attempt is over may not have been told so yet.
  if (!run || truth.nonsense || status_text(run->json, "podUID") != pod.pod_uid) return;
  check({18});
  const auto rows = rows_of(pod.run_uid);
  for (const auto point : points) {
    if (rows.contains(point)) violate("I18", fmt::format("point {} of {} is executed again", point, truth.key));
  }
  if (!truth.sweep.empty()) check_sweep_points(run->json, points);
}

bool Invariants::check_points(const Json& run, const RunTruth& truth) {
  const auto total = static_cast<std::int64_t>(member(member(run, "spec"), "points").size());
  if (total == 0) return false;
  check({18});
  const auto rows = rows_of(uid_of(run));
  const auto reason = api::text_at(member(member(run, "status"), "error"), "reason");
  const bool by_points = reason.empty() || reason == "PointsFailed";
  std::int64_t failed = 0;
  for (const auto& [point, row] : rows) {
    if (rows.count(point) > 1) violate("I18", fmt::format("point {} of {} has two rows", point, truth.key));
    const bool fails = row.phase != api::PointPhase::kSucceeded;
    if (fails) ++failed;
    // The others took their sandbox with them, or were in it when somebody else did.
    const bool own = row.reason.empty() || row.reason == "NonZeroExit";
    if (own && fails != point_fails(sim_.seed, truth.key, point)) {
      violate("I4", fmt::format("point {} of {} has another row than its model left", point, truth.key));
    }
  }
  const auto& told = member(member(run, "status"), "points");
  const auto counted = api::int_at(told, "succeeded").value_or(0) + api::int_at(told, "failed").value_or(0);
  const bool lost = api::text_at(member(run, "status"), "message").contains("not stored");
  if (!lost && std::cmp_not_equal(counted, rows.size())) {
    violate("I18", fmt::format("{} has {} rows, and its status counts {}", truth.key, rows.size(), counted));
  }
  if (!by_points) return false;
  const auto most = api::int_at(member(run, "spec"), "maxFailedPoints");
  const bool gave_up = !reason.empty() && most && failed > *most;
  const bool all = std::cmp_equal(rows.size(), total);
  if ((!all && !gave_up) || reason.empty() != (failed == 0)) {
    violate("I18", fmt::format("{} ends as {} with {} of {} rows, {} of them failed", truth.key,
                               reason.empty() ? "Succeeded" : reason, rows.size(), total, failed));
  }
  return true;
}

}  // namespace modelrun::simulation
