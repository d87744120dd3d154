// Sweeps in the API server in memory.
#pragma once

#include <gtest/gtest.h>

#include "fixture.h"
#include "kube/point_rows.h"
#include "sweep/table.h"

namespace modelrun::cli {

class SweepProgram : public Program {
 public:
  // The sweep that was made last.
  nlohmann::json created() { return server.all(kube::kModelSweeps).back(); }

  // Stores a table of three points and gives the status of the sweep that it belongs to.
  // Each of `parameters` has the values 0.1, 0.2 and 0.3.
  nlohmann::json status_with_table(const std::string& phase = "Succeeded",
                                   const std::vector<std::string>& parameters = {"growth"}) {
    sweep::Table table{parameters, {"value"}, {}};
    for (std::size_t i = 0; i < 3; ++i) {
      table.rows.push_back({.index = i,
                            .parameters = std::vector(parameters.size(), fmt::format("0.{}", i + 1)),
                            .outputs = {i == 2 ? "" : fmt::format("{}0.50", i + 1)},
                            .phase = i == 2 ? api::Phase::kFailed : api::Phase::kSucceeded,
                            .reason = i == 2 ? "NonZeroExit" : "",
                            .message = i == 2 ? "no rate" : "",
                            .run = "s-1"});
    }
    const auto packed = sweep::pack_table(table);
    EXPECT_TRUE(packed);
    nlohmann::json names = nlohmann::json::array();
    for (const auto& part : packed->parts) {
      const auto name = fmt::format("table-{}", names.size());
      names.push_back(name);
      server.put(kube::kConfigMaps,
                 {{"metadata", {{"namespace", "ns"}, {"name", name}}}, {"binaryData", {{"table.jsonl.gz", part}}}});
    }
    return {{"observedGeneration", 1},
            {"phase", phase},
            {"points", {{"total", 3}, {"succeeded", 2}, {"failed", 1}, {"running", 0}}},
            {"tableRef", {{"configMaps", names}, {"sha256", packed->sha256}, {"bytes", packed->bytes}, {"rows", 3}}}};
  }
  // The rows of a run with points, whose status names the ConfigMap "rows".
  void put_rows(const nlohmann::json& run, const std::vector<std::string>& rows) {
    const nlohmann::json owner = {
        {"kind", "ModelRun"}, {"name", run["metadata"]["name"]}, {"uid", run["metadata"]["uid"]}, {"controller", true}};
    server.put(kube::kConfigMaps, {{"metadata", {{"namespace", "ns"}, {"name", "rows"}, {"ownerReferences", {owner}}}},
                                   {"binaryData", {{kube::row_key(1, 0), kube::pack_rows(rows)}}}});
  }
  void put_sweep(const std::string& name, nlohmann::json status,
                 const nlohmann::json& parameters = nlohmann::json::object()) {
    server.put(kube::kModelSweeps, {{"metadata", {{"namespace", "ns"}, {"name", name}}},
                                    {"spec",
                                     {{"project", "p"},
                                      {"scope", "project"},
                                      {"parameters", parameters},
                                      {"space", {{"grid", nlohmann::json::array()}}}}},
                                    {"status", std::move(status)}});
  }
  void change_sweep(nlohmann::json status) {
    auto object = created();
    object["status"] = std::move(status);
    server.put(kube::kModelSweeps, object);
  }
};

}  // namespace modelrun::cli
