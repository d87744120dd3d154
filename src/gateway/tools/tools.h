// The list of tools, and how to call one. Independent of any protocol: arguments in, fields out. MCP and plain HTTP
// both use it. Thread-safe.
//
//   const Tool* tool = find_tool("get_run");
//   const auto arguments = read_arguments(*tool, {{"run_id", id}});
//   if (!arguments) return answer(arguments.error());
//   tool->call(*arguments, call, [](Result<json> fields) { ... });
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

// The arguments of a call as they are meant (schema::read()), by the tool's input schema: the same for every protocol,
// and before anything is decided by them. kInvalid says which argument is wrong and what it must be.
Result<nlohmann::json> read_arguments(const Tool& tool, nlohmann::json arguments);

// Returns the answer to a call with these arguments, which have not been read yet, if it can be given without blocking.
// Returns nullopt if the call would block or fail; call the tool then.
std::optional<nlohmann::json> recall_tool(const Tool& tool, const nlohmann::json& arguments, const Identity& caller,
                                          RunService& runs);

}  // namespace modelrun::gateway
