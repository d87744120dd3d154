#include "api/json_access.h"
#include "gateway/runs/names.h"
#include "gateway/runs/run_fields.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/tool.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using namespace schema;
using api::text_at;

json list_runs_input() {
  json limit{
      {"type", "integer"}, {"minimum", 1}, {"maximum", 50}, {"default", 10}, {"description", "At most so many."}};
  json filter = status("Only runs with this status.");
  filter["type"] = {"string", "null"};
  filter["enum"].push_back(nullptr);
  filter["default"] = nullptr;
  return object({{"project_name", text(kProject)}, {"limit", std::move(limit)}, {"status", std::move(filter)}},
                {"project_name"});
}

json list_runs_result() {
  const json run = object({{"run_id", text(kRunId)},
                           {"run_number", of_type({"integer", "null"}, kNumber)},
                           {"status", status("")},
                           {"commit_sha", text_or_null(kCommit)},
                           {"started_at", text_or_null("ISO 8601.")},
                           {"finished_at", text_or_null("ISO 8601.")},
                           {"created_at", text("ISO 8601.")}},
                          {"run_id", "run_number", "status", "commit_sha", "started_at", "finished_at", "created_at"});
  return object({{"project_name", text(kProject)},
                 {"runs", {{"type", "array"}, {"items", run}, {"description", "Newest first."}}},
                 {"total_returned", of_type("integer", "How many runs this answer holds.")}},
                {"project_name", "runs", "total_returned"});
}

Result<json> list_runs(const json& arguments, const Call& call) {
  const auto project = parse_project(text_at(arguments, "project_name"), call.caller.namespace_);
  RETURN_IF_ERROR(project);
  std::optional<api::Phase> phase;
  if (const auto word = text_at(arguments, "status"); !word.empty()) phase = parse_status_word(word);
  const auto limit = static_cast<std::size_t>(api::int_at(arguments, "limit").value_or(10));
  const auto runs = call.runs.list(call.caller, *project, phase, limit, call.stop);
  RETURN_IF_ERROR(runs);
  json entries = json::array();
  for (const auto& each : *runs) entries.push_back(list_entry(each));
  return json{{"project_name", display_project(project->namespace_, project->name, call.caller.namespace_)},
              {"total_returned", entries.size()},
              {"runs", std::move(entries)}};
}

}  // namespace

Tool make_list_runs_tool() {
  return Tool{.name = "list_runs",
              .title = "List runs",
              .description = "The newest runs of a project, at most 50, with a status if you name one.",
              .read_only = true,
              .idempotent = true,
              .input_schema = list_runs_input(),
              .output_schema = list_runs_result(),
              .call = answer_directly<list_runs>};
}

}  // namespace modelrun::gateway
