#include "gateway/web/view_schemas.h"

#include "gateway/runs/run_page.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/tools.h"

namespace modelrun::gateway::schema {
namespace {

using nlohmann::json;

json of(const json& type, const char* description = "") {
  json property{{"type", type}};
  if (*description != '\0') property["description"] = description;
  return property;
}

json nullable_text(const char* description = "") {
  return of({"string", "null"}, description);
}

// An object in which every property is required, and to which others may be added.
json complete_object(json properties) {
  json required = json::array();
  for (const auto& [name, unused] : properties.items()) required.push_back(name);
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
}

json timeline() {
  json steps = json::object();
  for (const char* step : {"accepted", "resumed", "resolved", "queued", "job_created", "job_resumed", "adopted",
                           "scheduled", "started", "finished", "recorded"}) {
    steps[step] = nullable_text();
  }
  return complete_object(std::move(steps));
}

json provenance() {
  return complete_object({{"image", nullable_text("As the project names it.")},
                          {"image_id", nullable_text("With the digest that was run.")},
                          {"source_digest", nullable_text("Of the commit's files as they were delivered.")},
                          {"parameters_digest", nullable_text()},
                          {"outputs_digest", nullable_text()},
                          {"start", nullable_text("Warm: in a sandbox that stood ready; Cold: in a pod of its own.")},
                          {"cold_reason", nullable_text()},
                          {"data_snapshot_ref", nullable_text()}});
}

json artifact() {
  return complete_object({{"name", of("string", "Its path below /outputs.")},
                          {"size_bytes", of("integer")},
                          {"sha256", of("string")},
                          {"media_type", nullable_text()},
                          {"stored", of("boolean", "Its bytes can be fetched.")}});
}

}  // namespace

json details() {
  const auto& run = find_tool("run")->output_schema["properties"];
  json properties{{"name", of("string", "Of the ModelRun.")},
                  {"namespace", of("string")},
                  {"branch", nullable_text("The branch that was looked up.")},
                  {"parameters", of({"object", "null"}, "null: none were given.")},
                  {"created_by", nullable_text("gateway, cli, or null.")},
                  {"requested_by", nullable_text("The caller of the gateway who asked for it.")},
                  {"created_at", of("string", "ISO 8601, as all times.")},
                  {"started_at", nullable_text()},
                  {"finished_at", nullable_text()},
                  {"cancelling", of("boolean", "Its end has been asked for.")},
                  {"message", nullable_text("What it waits for, or how it ended.")},
                  {"error", {{"type", {"object", "null"}}, {"description", "reason and message."}}},
                  {"attempts", of("integer")},
                  {"reused_from",
                   {{"type", {"object", "null"}},
                    {"description", "The run whose result this is, or is waited for: run_id, name, run_number."}}},
                  {"node_name", nullable_text()},
                  {"timeline", timeline()},
                  {"provenance", provenance()},
                  {"artifacts", list_of(artifact(), "Files that are no outputs.")},
                  {"result_error", nullable_text("Why outputs, stdout and stderr are not whole here.")},
                  {"may_cancel", of("boolean", "Whether the caller may cancel it.")}};
  for (const char* same :
       {"run_id", "project_name", "run_number", "model_name", "status", "commit_sha", "exit_code", "stdout", "stderr",
        "stdout_truncated", "stderr_truncated", "outputs", "duration_seconds", "warning"}) {
    properties[same] = run[same];
  }
  return complete_object(std::move(properties));
}

json projects() {
  auto schema = find_tool("list_projects")->output_schema;
  auto& properties = schema["properties"];
  properties["namespace"] = nullable_text("Whose projects these are; null: of all namespaces.");
  properties["may_run"] = of({"boolean", "null"}, "Whether the caller may start runs there; null: of all namespaces.");
  properties["may_cancel"] = of({"boolean", "null"}, "Whether the caller may cancel runs there.");
  for (const char* name : {"namespace", "may_run", "may_cancel"}) schema["required"].push_back(name);
  return schema;
}

json run_list_query() {
  auto schema = find_tool("list_runs")->input_schema;
  schema["required"] = json::array();
  auto& properties = schema["properties"];
  properties["namespace"] =
      of("string", "Default: your own. Not together with project_name, which can hold one itself.");
  properties["search"] =
      of("string",
         "Only runs in which each of these words occurs: in the project, model, branch, status, commit, run_id or "
         "number (#12). At most 100 bytes.");
  properties["sort"] = {{"type", "string"},
                        {"enum", sort_words()},
                        {"default", sort_words().front()},
                        {"description", "- is descending. The cursor keeps search and sort, too."}};
  return schema;
}

json runs() {
  auto schema = find_tool("list_runs")->output_schema;
  auto& item = schema["properties"]["runs"]["items"];
  item["properties"]["project_name"] = of("string");
  item["properties"]["model_name"] = nullable_text("null for the whole project.");
  item["properties"]["branch"] = nullable_text("null: a commit was named, or the default branch is not looked up yet.");
  schema["properties"]["project_name"] = nullable_text("null: the runs of all projects in a namespace.");
  return schema;
}

json table_query() {
  json format =
      words("csv: RFC 4180, for spreadsheets; jsonl: JSON Lines. Numbers keep all their digits.", {"csv", "jsonl"});
  format["default"] = "csv";
  json partial = words("true: of a sweep that goes on, the rows of the points that have ended.", {"true", "false"});
  partial["default"] = "false";
  return object({{"format", std::move(format)}, {"partial", std::move(partial)}}, {});
}

}  // namespace modelrun::gateway::schema
