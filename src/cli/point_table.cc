#include "cli/point_table.h"

#include <map>
#include <utility>

#include "sweep/exact_json.h"
#include "sweep/outputs.h"
#include "sweep/rows.h"
#include "sweep/space.h"

namespace modelrun::cli {
namespace {

using Parameters = std::map<std::string, std::string>;  // exact texts by name

std::vector<Parameters> parameters_of(const std::string& points) {
  std::vector<Parameters> all;
  for (const auto point : sweep::elements_of(points)) {
    auto& parameters = all.emplace_back();
    for (auto& member : sweep::members_of(point)) parameters.emplace(std::move(member.name), member.value);
  }
  return all;
}

const std::string& value_of(const Parameters& parameters, const std::string& name) {
  static const std::string kNone;
  const auto found = parameters.find(name);
  return found == parameters.end() ? kNone : found->second;
}

// The first kMaxNames of those that do not have one value in all points, by the bytes of their names.
std::vector<std::string> varying(const std::vector<Parameters>& points) {
  struct Seen {
    const std::string* first = nullptr;
    std::size_t count = 0;
    bool differs = false;
  };
  std::map<std::string, Seen> seen;
  for (const auto& point : points) {
    for (const auto& [name, value] : point) {
      auto& each = seen[name];
      if (each.first == nullptr) each.first = &value;
      ++each.count;
      each.differs |= *each.first != value;
    }
  }
  std::vector<std::string> found;
  for (const auto& [name, each] : seen) {
    if (found.size() == sweep::kMaxNames) break;
    if (each.differs || each.count < points.size()) found.push_back(name);
  }
  return found;
}

}  // namespace

sweep::Table point_table(const api::ModelRun& run, const std::vector<api::PointRow>& rows) {
  const auto points = parameters_of(run.spec.points->text());
  sweep::Table table;
  table.parameters = varying(points);
  std::vector<sweep::PointOutputs> outputs;
  outputs.reserve(rows.size());
  for (const auto& row : rows) {
    outputs.push_back(row.outputs ? sweep::outputs_of(*row.outputs, {}) : sweep::PointOutputs{});
  }
  table.outputs = sweep::columns_of(outputs, {}).names;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto made = sweep::row_of(rows[i], static_cast<std::size_t>(rows[i].point), run.meta.name);
    for (const auto& name : table.parameters) {
      made.parameters.push_back(made.index < points.size() ? value_of(points[made.index], name) : "");
    }
    made.outputs = sweep::cells_of(std::move(outputs[i]), table.outputs);
    table.rows.push_back(std::move(made));
  }
  return table;
}

}  // namespace modelrun::cli
