#include "api/json_access.h"
#include "gateway/runs/names.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/sweep_shared.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;

json list_sweeps_result() {
  return complete({{"project_name", text(kProject)},
                   {"sweeps", list_of(schema::sweep_entry(), "Newest first, by created_at.")},
                   {"total_returned", of_type("integer", "How many sweeps this answer holds.")},
                   {"total", of_type("integer", "How many sweeps there are in all, with the status that was named.")},
                   {"next_cursor", text_or_null("For the sweeps after these; null: these are the last.")}});
}

Result<json> list_sweeps(const json& arguments, const Call& call) {
  const auto project = parse_project(api::text_at(arguments, "project_name"), call.caller.namespace_);
  RETURN_IF_ERROR(project);
  const auto list = fmt::format("{}/{}", project->namespace_, project->name);
  const auto query = sweep_query(arguments, list);
  RETURN_IF_ERROR(query);
  const auto page = call.sweeps.list(call.caller, *project, *query, call.stop);
  RETURN_IF_ERROR(page);
  json entries = json::array();
  for (const auto& sweep : page->sweeps) entries.push_back(gateway::sweep_entry(sweep, shown_project(call, sweep)));
  return json{{"project_name", display_project(project->namespace_, project->name, call.caller.namespace_)},
              {"total_returned", entries.size()},
              {"total", page->total},
              {"sweeps", std::move(entries)},
              {"next_cursor", next_cursor(*page, *query, list)}};
}

}  // namespace

Tool make_list_sweeps_tool() {
  return Tool{.name = "list_sweeps",
              .title = "List sweeps",
              .description =
                  "The sweeps of a project, newest first, at most 50 in an answer, with a status if you name one. "
                  "next_cursor leads to older ones.",
              .read_only = true,
              .idempotent = true,
              .cheap = true,
              .input_schema = list_query(kSweepIds),
              .output_schema = list_sweeps_result(),
              .call = answer_directly<list_sweeps>};
}

}  // namespace modelrun::gateway
