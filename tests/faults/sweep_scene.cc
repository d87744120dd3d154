#include "faults/sweep_scene.h"

#include <gtest/gtest.h>

#include "base/packed_document.h"
#include "kube/point_rows.h"

namespace modelrun::faults {

using kube::Json;

Json space_of(int count) {
  Json values = Json::array();
  for (int i = 0; i < count; ++i) values.push_back(i);
  return {{"grid", {{{"name", "i"}, {"values", values}}}}};
}

void add_many(World& world, const Json& limits, int count) {
  world.add_sweep("many", {{"space", space_of(count)}, {"limits", limits}, {"parameters", {{"years", 5}}}});
}

Result<sweep::Table> table_of(World& world) {
  const auto sweep = world.find_sweep("many");
  if (!sweep.status.table_ref) return fail(ErrorKind::kNotFound, "there is no table");
  std::vector<std::string> parts;
  for (const auto& name : sweep.status.table_ref->config_maps) {
    const auto map = world.machine().server.find(kube::kConfigMaps, world.namespace_(), name);
    if (!map) return fail(ErrorKind::kNotFound, "there is no ConfigMap {}", name);
    if (!api::is_owned_by(api::decode_meta(*map), sweep.meta)) return fail(ErrorKind::kInvalid, "not the sweep's");
    parts.push_back((*map)["binaryData"].begin()->get<std::string>());
  }
  return sweep::unpack_table(parts, sweep.status.table_ref->sha256, sweep.status.table_ref->bytes);
}

std::vector<std::string> lines_of(World& world) {
  const auto table = table_of(world);
  if (!table) return {table.error().message};
  std::vector<std::string> lines;
  for (const auto& row : table->rows) {
    EXPECT_EQ(row.parameters, std::vector{std::to_string(row.index)});
    lines.push_back(fmt::format("{} {} {} {}", row.index, to_string(row.phase), row.reason,
                                row.outputs.empty() ? "" : row.outputs.at(0)));
  }
  return lines;
}

std::vector<std::string> whole_table(const std::map<int, std::string>& failed, int count) {
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i) {
    const auto found = failed.find(i);
    lines.push_back(found == failed.end() ? fmt::format("{} Succeeded  {}", i, 2 * i)
                                          : fmt::format("{} Failed {} ", i, found->second));
  }
  return lines;
}

std::map<std::int64_t, int> executed(World& world) {
  std::map<std::int64_t, int> all;
  for (const auto& [uid, points] : world.node().executed()) {
    for (const auto& [point, times] : points) all[point] += times;
  }
  return all;
}

void expect_each_once(World& world, int count) {
  const auto all = executed(world);
  EXPECT_EQ(all.size(), static_cast<std::size_t>(count));
  for (const auto& [point, times] : all) EXPECT_EQ(times, 1) << point;
}

std::set<std::int64_t> recorded(World& world) {
  std::set<std::int64_t> points;
  for (const auto& object : world.machine().server.all(kube::kModelRuns)) {
    const auto run = api::decode_model_run(object);
    for (const auto& map : world.machine().server.all(kube::kConfigMaps)) {
      if (!api::is_owned_by(api::decode_meta(map), run.meta)) continue;
      const auto visited = kube::visit_chunks(map, [&](const kube::RowChunk& chunk) {
        for (const auto& row : chunk.rows)
          points.insert(object["spec"]["points"][static_cast<std::size_t>(row.point)]["i"].get<std::int64_t>());
      });
      visited.value();
    }
  }
  return points;
}

std::vector<api::ModelRun> runs_of(World& world) {
  std::vector<api::ModelRun> runs;
  for (const auto& object : world.machine().server.all(kube::kModelRuns)) runs.push_back(api::decode_model_run(object));
  return runs;
}

std::string reason_of(World& world) {
  const auto sweep = world.find_sweep("many");
  const auto* condition = api::find_condition(sweep.status.conditions, "Succeeded");
  return condition == nullptr ? "" : condition->reason;
}

void until_executed(World& world, std::size_t count) {
  world.run([&] { return executed(world).size() >= count; });
}

}  // namespace modelrun::faults
