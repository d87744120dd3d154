// Sweeps against an API server in memory.
#pragma once

#include <string>
#include <vector>

#include "api/points.h"
#include "base/encoding.h"
#include "kube/point_rows.h"
#include "sweep/table.h"

namespace modelrun::gateway {

// Adds sweeps to a test whose base has the members of GatewayTest.
template <class Base>
class WithSweeps : public Base {
 protected:
  // A sweep as it stands in the API server, which the watch has brought too. The caller's runs know it by its UID.
  std::string put_sweep(const std::string& name, nlohmann::json status, const std::string& uid = {},
                        const std::string& namespace_ = "ns", const std::string& created = {}) {
    nlohmann::json object{{"metadata", {{"namespace", namespace_}, {"name", name}}},
                          {"spec",
                           {{"project", "forecasts"},
                            {"scope", "model"},
                            {"modelName", "revenue"},
                            {"space", {{"grid", {{{"name", "growth"}, {"values", {0.02, 0.04}}}}}}}}},
                          {"status", std::move(status)}};
    if (!uid.empty()) object["metadata"]["uid"] = uid;
    if (!created.empty()) object["metadata"]["creationTimestamp"] = created;
    const auto stored = this->server.put(kube::kModelSweeps, object);
    this->sweep_cache.note(api::decode_model_sweep(stored));
    return stored["metadata"]["uid"];
  }

  // The operator's part: writes the status of the only sweep.
  void set_sweep_status(nlohmann::json status) {
    auto object = this->server.all(kube::kModelSweeps).front();
    object["status"] = std::move(status);
    this->sweep_cache.note(api::decode_model_sweep(this->server.put(kube::kModelSweeps, object)));
  }

  // Stores the table where a sweep keeps it, and gives the status of a sweep that is over and has it.
  nlohmann::json ended_with(const sweep::Table& table, const std::string& config_map = "table-0") {
    const auto packed = sweep::pack_table(table);
    this->server.put(kube::kConfigMaps, {{"metadata", {{"namespace", "ns"}, {"name", config_map}}},
                                         {"binaryData", {{"table.jsonl.gz", packed->parts.front()}}}});
    const auto rows = table.rows.size();
    return {{"phase", "Succeeded"},
            {"branch", "main"},
            {"commitSHA", "abc1234def5678901234567890abcdef12345678"},
            {"startedAt", "2026-04-28T10:00:00.000000Z"},
            {"finishedAt", "2026-04-28T10:00:03.500000Z"},
            {"points", {{"total", rows}, {"succeeded", rows}, {"failed", 0}, {"running", 0}}},
            {"summary",
             {{{"output", "value"},
               {"count", rows},
               {"mean", 1.5},
               {"stddev", 0.7},
               {"min", 1},
               {"p5", 1},
               {"p50", 1.5},
               {"p95", 2},
               {"max", 2},
               {"minPoint", 0},
               {"maxPoint", 1}}}},
            {"sensitivity",
             {{{"output", "value"},
               {"axis", "growth"},
               {"measure", "RangeOfMeans"},
               {"count", rows},
               {"low", 1},
               {"high", 2},
               {"lowAt", "0.02"},
               {"highAt", "0.04"}}}},
            {"tableRef",
             {{"configMaps", {config_map}}, {"sha256", packed->sha256}, {"bytes", packed->bytes}, {"rows", rows}}}};
  }

  // A run of the sweep that computes its points from `first` on, with the rows of so many of them in a ConfigMap, each
  // value ten times that of table_of(). Returns its name.
  std::string put_run_of(const std::string& sweep_uid, std::size_t first, const nlohmann::json& points,
                         std::size_t rows, const std::string& phase) {
    const auto name = fmt::format("s-run-{}", first);
    const auto run = this->server.put(
        kube::kModelRuns,
        {{"metadata", {{"namespace", "ns"}, {"name", name}, {"ownerReferences", owned_by("ModelSweep", sweep_uid)}}},
         {"spec", {{"project", "forecasts"}, {"points", points}}},
         {"status", {{"phase", phase}, {"points", {{"total", points.size()}, {"configMaps", {name + "-rows"}}}}}}});
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < rows; ++i) {
      api::PointRow row;
      row.point = static_cast<std::int64_t>(i);
      row.milliseconds = 250;
      row.outputs = api::JsonText(nlohmann::json{{"value", 10 * (first + i + 1)}});
      lines.push_back(api::encode_row(row));
    }
    this->server.put(kube::kConfigMaps,
                     {{"metadata",
                       {{"namespace", "ns"},
                        {"name", name + "-rows"},
                        {"ownerReferences", owned_by("ModelRun", run["metadata"]["uid"].template get<std::string>())}}},
                      {"binaryData", {{kube::row_key(1, 0), kube::pack_rows(lines)}}}});
    return name;
  }

  static nlohmann::json owned_by(const std::string& kind, const std::string& uid) {
    return nlohmann::json::array(
        {{{"apiVersion", "modelrun.dev/v1"}, {"kind", kind}, {"name", "s"}, {"uid", uid}, {"controller", true}}});
  }

  // A table of so many points; `value` of point i is i + 1, with a text of `filler` bytes beside it.
  static sweep::Table table_of(std::size_t points, std::size_t filler = 0) {
    sweep::Table table{.parameters = {"growth"}, .outputs = {"value"}, .rows = {}};
    if (filler > 0) table.outputs.emplace_back("text");
    for (std::size_t i = 0; i < points; ++i) {
      sweep::Row row{.index = i,
                     .parameters = {fmt::format("0.{:02}", 2 * (i + 1))},
                     .outputs = {std::to_string(i + 1)},
                     .phase = api::Phase::kSucceeded,
                     .seconds = 0.25,
                     .run = "growth-abc-0"};
      if (filler > 0) row.outputs.push_back('"' + std::string(filler, 'x') + '"');
      table.rows.push_back(std::move(row));
    }
    return table;
  }
};

}  // namespace modelrun::gateway
