// The list of tools, and how to call one. Independent of any protocol: arguments in, fields out. MCP and plain HTTP
// both use it. Thread-safe.
//
//   const Tool* tool = find_tool("get_run");
//   call_tool(*tool, {{"run_id", id}}, call, [](Result<json> fields) { ... });
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "gateway/tools/tool.h"

namespace modelrun::gateway {

// All tools, always in the same order, which is also their order in the answer to MCP's tools/list. Valid for ever.
std::span<const Tool> tools();
// Null if there is no tool of that name.
const Tool* find_tool(std::string_view name);

// See the member of Tool with this name.
bool may_wait(const Tool& tool, const nlohmann::json& arguments);

// Reads the arguments by the tool's input schema (schema::read()), then calls the tool. `done` is called once: before
// call_tool() returns or, if the tool waits for a run, later on a thread of call->later; no thread is held while it
// waits. Blocks for as long as the tool asks Kubernetes. kInvalid says which argument is wrong and what it must be;
// the other errors are those of RunService, and kConflict from get_run_output if the run is not over yet.
void call_tool(const Tool& tool, nlohmann::json arguments, const CallPtr& call, const Done& done);

// Returns the answer of call_tool() if it can be given without blocking. Returns nullopt if the call would block or
// fail; use call_tool() then.
std::optional<nlohmann::json> recall_tool(const Tool& tool, const nlohmann::json& arguments, const Identity& caller,
                                          RunService& runs);

}  // namespace modelrun::gateway
