// How requests of plain HTTP become calls of tools. Internal to gateway/web.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string_view>

#include "gateway/runs/call.h"
#include "gateway/tools/tools.h"
#include "gateway/web/context.h"
#include "gateway/web/visit.h"

namespace modelrun::gateway {

// Answers 405; `allowed` lists the methods that the path has.
void not_allowed(const Visit& visit, const char* allowed);

// Calls the tool and answers the visit with its fields, or with a problem document.
void use_tool(WebContext& web, const Visit& visit, std::string_view name, const nlohmann::json& arguments);

// A POST whose body is the arguments of a tool, read and admitted.
struct Posted {
  const Tool& tool;
  Call call;  // with the idempotency key of the request
  Admitted admitted;
  std::shared_ptr<ServerSpan> span;  // of the visit
};
// Reads the body, which is released then, since the call may wait for long. The error is the answer to the request.
std::expected<Posted, HttpAnswer> read_post(WebContext& web, const Visit& visit, std::string_view tool);
// Calls the tool; `done` is called once, as Tool::call says. Of `posted` only the call and its place live until then.
void call_posted(Posted posted, Done done);

}  // namespace modelrun::gateway
