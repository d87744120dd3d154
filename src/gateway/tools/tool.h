// What a tool is: its name, its schemas, and the functions that do its work. Each tool has a file of its own here.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "gateway/runs/call.h"
#include "gateway/runs/run_service.h"

namespace modelrun::gateway {

// Receives the answer of a call: the fields of the tool's output schema, or the error. Called once.
using Done = std::function<void(Result<nlohmann::json>)>;

struct Tool {
  std::string_view name;
  std::string_view title;
  std::string_view description;
  // Hints for MCP clients (ToolAnnotations in the MCP specification).
  bool read_only = false;
  bool idempotent = false;
  bool destructive = false;
  // Answered from memory as a rule: a call counts for a fifth of a request against the caller's rate.
  bool cheap = false;
  // Reads the log of a pod that runs, which comes from its node: a worker waits for as long as the node takes.
  bool reads_node = false;
  // Reads the results of many runs, and may make as many: such a call takes a place of its own while it lasts, besides
  // the one of a call that waits.
  bool reads_many = false;
  nlohmann::json input_schema;
  nlohmann::json output_schema;
  // Does the work. REQUIRES: `arguments` come from read_arguments(). Calls `done` once: before it returns or, if the
  // tool waits for a run or a sweep, later on a thread of call->later; no thread is held while it waits, and of the
  // arguments, which may be large, only what the answer needs is kept. Blocks for as long as the tool asks Kubernetes.
  // The errors are those of RunService and SweepService, and kConflict about what is not over yet. Never null.
  void (*call)(const nlohmann::json& arguments, const CallPtr& call, const Done& done) = nullptr;
  // Returns the answer if it can be given without blocking, else nullopt. REQUIRES: `arguments` fit the input schema.
  // Null: it never can.
  std::optional<nlohmann::json> (*recall)(const nlohmann::json& arguments, const Identity& caller,
                                          RunService& runs) = nullptr;
  // True if a call with these arguments waits for a run or a sweep. Such a call is worth a stream of events and takes a
  // place among the calls that wait. REQUIRES: `arguments` fit the input schema. Null: no call waits.
  bool (*may_wait)(const nlohmann::json& arguments) = nullptr;
};

// One function for each tool; tools.h has the list of all tools and finds a tool by its name.
Tool make_run_tool();
Tool make_get_run_tool();
Tool make_list_runs_tool();
Tool make_get_run_output_tool();
Tool make_cancel_run_tool();
Tool make_list_projects_tool();
Tool make_get_run_log_tool();
Tool make_sweep_tool();
Tool make_get_sweep_tool();
Tool make_list_sweeps_tool();
Tool make_cancel_sweep_tool();
Tool make_compare_runs_tool();
Tool make_compare_branches_tool();
Tool make_explain_runs_tool();

// A Tool::call for a tool that never waits: it answers with what `Work` returns.
template <Result<nlohmann::json> (*Work)(const nlohmann::json& arguments, const Call& call)>
void answer_directly(const nlohmann::json& arguments, const CallPtr& call, const Done& done) {
  done(Work(arguments, *call));
}

}  // namespace modelrun::gateway
