#include <array>
#include <map>

#include "sweep/cells.h"
#include "sweep/exact_json.h"
#include "sweep/table.h"

namespace modelrun::sweep {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::array<std::string_view, 6> kOwnColumns = {"index",   "phase",           "reason",
                                                         "message", "durationSeconds", "run"};

void add_line(std::string& out, const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    out += cells[i];
  }
  out += kLineEnd;
}

std::vector<std::string> header_of(const Table& table) {
  std::map<std::string_view, int> uses;
  for (const auto name : kOwnColumns) ++uses[name];
  for (const auto& name : table.parameters) ++uses[name];
  for (const auto& name : table.outputs) ++uses[name];
  std::vector<std::string> cells = {"index"};
  const auto add = [&](const std::string& name, std::string_view kind) {
    cells.push_back(text_cell(uses[name] > 1 ? fmt::format("{} {}", kind, name) : name));
  };
  for (const auto& name : table.parameters) add(name, "parameter");
  for (const auto& name : table.outputs) add(name, "output");
  cells.insert(cells.end(), kOwnColumns.begin() + 1, kOwnColumns.end());
  return cells;
}

}  // namespace

std::string to_csv(const Table& table) {
  std::string out;
  add_line(out, header_of(table));
  for (const auto& row : table.rows) {
    std::vector<std::string> cells = {std::to_string(row.index)};
    for (const auto& value : row.parameters) cells.push_back(value_cell(value));
    for (const auto& value : row.outputs) cells.push_back(value_cell(value));
    cells.emplace_back(api::to_string(row.phase));
    cells.push_back(text_cell(row.reason));
    cells.push_back(text_cell(row.message));
    cells.push_back(row.seconds ? number_text(*row.seconds) : "");
    cells.push_back(text_cell(row.run));
    add_line(out, cells);
  }
  return out;
}

}  // namespace modelrun::sweep
