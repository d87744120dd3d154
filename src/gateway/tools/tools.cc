#include "gateway/tools/tools.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/tools/schema.h"

namespace modelrun::gateway {

using nlohmann::json;

std::span<const Tool> tools() {
  static const std::array all{make_run_tool(),
                              make_get_run_tool(),
                              make_list_runs_tool(),
                              make_get_run_output_tool(),
                              make_cancel_run_tool(),
                              make_list_projects_tool(),
                              make_get_run_log_tool(),
                              make_sweep_tool(),
                              make_get_sweep_tool(),
                              make_list_sweeps_tool(),
                              make_cancel_sweep_tool(),
                              make_compare_runs_tool(),
                              make_compare_branches_tool(),
                              make_explain_runs_tool()};
  return all;
}

const Tool* find_tool(std::string_view name) {
  const auto all = tools();
  const auto found = std::ranges::find(all, name, &Tool::name);
  return found == all.end() ? nullptr : &*found;
}

bool may_wait(const Tool& tool, const json& arguments) {
  return tool.may_wait != nullptr && tool.may_wait(arguments);
}

Result<json> read_arguments(const Tool& tool, json arguments) {
  return schema::read(tool.input_schema, std::move(arguments));
}

std::optional<json> recall_tool(const Tool& tool, const json& arguments, const Identity& caller, RunService& runs) {
  if (tool.recall == nullptr) return std::nullopt;
  const auto meant = read_arguments(tool, arguments);
  return meant ? tool.recall(*meant, caller, runs) : std::nullopt;
}

}  // namespace modelrun::gateway
