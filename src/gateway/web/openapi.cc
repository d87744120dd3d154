#include "gateway/web/openapi.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gateway/runs/cursor.h"
#include "gateway/runs/run_page.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/tools.h"
#include "gateway/web/answers.h"
#include "gateway/web/view_schemas.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

// Of ids and names. Only here: the schemas of the tools have none, as some MCP clients drop a tool for a keyword that
// they do not know.
constexpr const char* kUuid = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
constexpr const char* kUuidOrPrefix = "^[0-9A-Fa-f-]{8,36}$";
constexpr const char* kNamespace = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
constexpr const char* kNamespaceOrAll = "^(\\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$";
constexpr const char* kProject = "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
constexpr const char* kCursor = "^[A-Za-z0-9_-]+$";

// Adds the patterns to the properties of an object's schema that are known by their names, at any depth.
json patterned(json schema, const char* run_id_pattern) {
  if (!schema.is_object()) return schema;
  if (auto properties = schema.find("properties"); properties != schema.end()) {
    for (auto& [name, property] : properties->items()) {
      if (name == "run_id" || name == "sweep_id") property["pattern"] = run_id_pattern;
      if (name == "project_name" || name == "project") property["pattern"] = kProject;
      if (name == "next_cursor") property["pattern"] = kCursor;
      property = patterned(std::move(property), run_id_pattern);
    }
  }
  if (auto items = schema.find("items"); items != schema.end()) *items = patterned(std::move(*items), run_id_pattern);
  return schema;
}

json content(const char* type, json schema) {
  return {{type, {{"schema", std::move(schema)}}}};
}

json answer(const char* description, const json& schema) {
  return {{"description", description}, {"content", content("application/json", schema)}};
}

json named(const char* schema) {
  return {{"$ref", fmt::format("#/components/schemas/{}", schema)}};
}

json with_problems(json responses) {
  responses["default"] = {{"description", "What went wrong and what to do about it (RFC 9457)."},
                          {"content", content("application/problem+json", named("Problem"))}};
  return responses;
}

json parameter(const char* in, const std::string& name, json schema, bool required) {
  return {{"name", name}, {"in", in}, {"required", required}, {"schema", std::move(schema)}};
}

const json& input(std::string_view tool) {
  return find_tool(tool)->input_schema["properties"];
}

json operation(std::string_view tool, json parameters, json responses) {
  return {{"operationId", tool},
          {"summary", find_tool(tool)->title},
          {"description", find_tool(tool)->description},
          {"parameters", std::move(parameters)},
          {"responses", with_problems(std::move(responses))}};
}

json run_id() {
  json schema = input("get_run")["run_id"];
  schema["pattern"] = kUuidOrPrefix;
  return parameter("path", "run_id", std::move(schema), true);
}

json view(const char* id, const char* summary, json parameters, json response) {
  return {{"get",
           {{"operationId", id},
            {"summary", summary},
            {"parameters", std::move(parameters)},
            {"responses", with_problems({{"200", std::move(response)}})}}}};
}

json sweep_id() {
  json schema = input("get_sweep")["sweep_id"];
  schema["pattern"] = kUuidOrPrefix;
  return parameter("path", "sweep_id", std::move(schema), true);
}

json artifact_path() {
  json name = parameter("path", "name", {{"type", "string"}}, true);
  name["description"] = "As details has it; it may hold slashes.";
  json bytes{{"description", "The file, as an attachment."},
             {"content", content("application/octet-stream", {{"type", "string"}, {"format", "binary"}})}};
  return view("get_artifact", "Get a file that a run left", json::array({run_id(), std::move(name)}), std::move(bytes));
}

// The properties of a tool's arguments as parameters of a query, without those that stand in the path. `everywhere`:
// `namespace` may be "*".
json query_of(const json& properties, const std::vector<std::string>& in_path, bool everywhere = false) {
  json parameters = json::array();
  for (const auto& [name, schema] : properties.items()) {
    if (std::ranges::find(in_path, name) != in_path.end()) continue;
    json plain = schema;  // a query has no null: a parameter is left out
    if (plain["type"].is_array()) plain["type"] = plain["type"][0];
    if (plain.contains("enum")) std::erase(plain["enum"].get_ref<json::array_t&>(), json(nullptr));
    if (plain.contains("default") && plain["default"].is_null()) plain.erase("default");
    if (name == "project_name") plain["pattern"] = kProject;
    if (name == "namespace") plain["pattern"] = everywhere ? kNamespaceOrAll : kNamespace;
    if (name == "search") plain["maxLength"] = kMaxSearchBytes;
    if (name == "cursor") plain.update({{"pattern", kCursor}, {"maxLength", kMaxCursorBytes}});
    // An empty value counts as none.
    if (plain.contains("pattern")) plain["pattern"] = "^$|" + plain["pattern"].get<std::string>();
    parameters.push_back(parameter("query", name, std::move(plain), false));
  }
  return parameters;
}

json idempotency_header() {
  return parameter("header", "Idempotency-Key", {{"type", "string"}, {"maxLength", 255}}, false);
}

// A POST whose body is the arguments of a tool.
json post_of(std::string_view tool, json responses) {
  json post = operation(tool, json::array({idempotency_header()}), std::move(responses));
  post["requestBody"] = {{"required", true},
                         {"content", content("application/json", patterned(find_tool(tool)->input_schema, kUuid))}};
  return post;
}

json runs_path() {
  json post =
      post_of("run", {{"200", answer("mode 'sync': the end of the run. As server-sent events (progress, result, "
                                     "error) when the client accepts them.",
                                     named("RunResult"))},
                      {"202", answer("mode 'async': the run that was started.", named("StartedRun"))}});
  json get = operation("list_runs", query_of(schema::run_list_query()["properties"], {}),
                       {{"200", answer("The runs.", named("Runs"))}});
  get["description"] =
      "The runs of a project or, without project_name, of a namespace, newest first unless `sort` says otherwise; at "
      "most 50 in an answer, with a status if you name one.";
  return {{"post", std::move(post)}, {"get", std::move(get)}};
}

json sweeps_path() {
  return {{"post", post_of("sweep", {{"200", answer("The sweep is over.", named("Sweep"))},
                                     {"202", answer("The sweep goes on.", named("Sweep"))}})},
          {"get", operation("list_sweeps", query_of(input("list_sweeps"), {}),
                            {{"200", answer("The sweeps.", named("Sweeps"))}})}};
}

json comparisons_path() {
  json parameters = query_of(input("compare_runs"), {"base_run_id", "other_run_id"});
  for (const char* name : {"base_run_id", "other_run_id"}) {
    json schema = input("compare_runs")[name];
    schema["pattern"] = kUuidOrPrefix;
    parameters.push_back(parameter("query", name, std::move(schema), true));
  }
  return {{"get", operation("compare_runs", std::move(parameters),
                            {{"200", answer("What differs.", named("RunComparison"))}})},
          {"post", post_of("compare_branches", {{"200", answer("What differs.", named("BranchComparison"))},
                                                {"202", answer("The runs go on.", named("BranchComparison"))}})}};
}

json explanations_path() {
  return {{"post", post_of("explain_runs", {{"200", answer("Why they differ.", named("RunExplanation"))},
                                            {"202", answer("Runs in between go on.", named("RunExplanation"))}})}};
}

json table_path() {
  json parameters = query_of(schema::table_query()["properties"], {});
  parameters.push_back(sweep_id());
  json table{{"description", "The table of the sweep, as an attachment."},
             {"content",
              {{"text/csv; charset=utf-8", {{"schema", {{"type", "string"}}}}},
               {"application/jsonl", {{"schema", {{"type", "string"}}}}}}}};
  return view("get_sweep_table", "Get the table of a sweep", std::move(parameters), std::move(table));
}

json sweep_path() {
  json parameters = query_of(input("get_sweep"), {"sweep_id"});
  parameters.push_back(sweep_id());
  return {{"get", operation("get_sweep", std::move(parameters), {{"200", answer("The sweep.", named("Sweep"))}})}};
}

json logs_path() {
  json get{
      {"operationId", "get_logs"},
      {"summary", "Follow a run's log"},
      {"description", "Server-sent events with JSON data: log (while it runs), status, then stdout, stderr and end."},
      {"parameters", json::array({run_id()})},
      {"responses",
       with_problems(
           {{"200", {{"description", "The log."}, {"content", content("text/event-stream", {{"type", "string"}})}}}})}};
  return {{"get", std::move(get)}};
}

json problem_schema() {
  return {{"type", "object"},
          {"properties",
           {{"type", {{"type", "string"}}},
            {"title", {{"type", "string"}}},
            {"status", {{"type", "integer"}, {"minimum", 400}, {"maximum", 599}}},
            {"detail", {{"type", "string"}}}}},
          {"required", {"type", "title", "status", "detail"}}};
}

// The answers of `run` in one mode: the schema of the tool, which MCP wants to be one for both, has the fields of both.
json run_answer(const std::vector<std::string>& names) {
  const auto& all = find_tool("run")->output_schema;
  json properties = json::object();
  for (const auto& name : names) properties[name] = all["properties"].at(name);
  return schema::object(std::move(properties), names);
}

json schemas() {
  const auto of = [](std::string_view tool) { return find_tool(tool)->output_schema; };
  json all{{"Problem", problem_schema()},
           {"RunResult", run_answer({"run_id", "project", "branch", "commit_sha", "status", "exit_code", "stdout",
                                     "stderr", "stdout_truncated", "stderr_truncated", "outputs", "duration_seconds",
                                     "data_snapshot_ref", "error"})},
           {"StartedRun", run_answer({"run_id", "run_number", "status", "project_name", "model_name", "commit_sha",
                                      "message", "warning"})},
           {"Run", of("get_run")},
           {"Runs", schema::runs()},
           {"RunDetails", schema::details()},
           {"Projects", schema::projects()},
           {"Output", of("get_run_output")},
           {"Log", of("get_run_log")},
           {"CancelledRun", of("cancel_run")},
           {"Sweep", of("get_sweep")},
           {"Sweeps", of("list_sweeps")},
           {"CancelledSweep", of("cancel_sweep")},
           {"RunComparison", of("compare_runs")},
           {"BranchComparison", of("compare_branches")},
           {"RunExplanation", of("explain_runs")}};
  for (auto& [name, schema] : all.items()) schema = patterned(std::move(schema), kUuid);
  return all;
}

}  // namespace

json openapi_document() {
  const auto result = [](const char* words, const char* schema) { return json{{"200", answer(words, named(schema))}}; };
  json output_parameters = query_of(input("get_run_output"), {"run_id", "output_name"});
  output_parameters.push_back(run_id());
  output_parameters.push_back(parameter("path", "output_name", input("get_run_output")["output_name"], true));
  json log_parameters = query_of(input("get_run_log"), {"run_id"});
  log_parameters.push_back(run_id());
  json paths{
      {"/v1/projects",
       {{"get", operation("list_projects", query_of(input("list_projects"), {}, /*everywhere=*/true),
                          result("The projects, and what you may do in their namespace.", "Projects"))}}},
      {"/v1/runs", runs_path()},
      {"/v1/runs/{run_id}/details",
       view("get_details", "Get everything about a run", json::array({run_id()}),
            answer("Status, result, parameters, provenance and files.", named("RunDetails")))},
      {"/v1/runs/{run_id}/artifacts/{name}", artifact_path()},
      {"/v1/runs/{run_id}", {{"get", operation("get_run", json::array({run_id()}), result("The run.", "Run"))}}},
      {"/v1/runs/{run_id}/outputs/{output_name}",
       {{"get",
         operation("get_run_output", std::move(output_parameters), result("The output, or a part of it.", "Output"))}}},
      {"/v1/runs/{run_id}/log",
       {{"get", operation("get_run_log", std::move(log_parameters), result("A part of the log.", "Log"))}}},
      {"/v1/runs/{run_id}/logs", logs_path()},
      {"/v1/runs/{run_id}/cancel",
       {{"post", operation("cancel_run", json::array({run_id()}), result("What happens next.", "CancelledRun"))}}},
      {"/v1/comparisons", comparisons_path()},
      {"/v1/explanations", explanations_path()},
      {"/v1/sweeps", sweeps_path()},
      {"/v1/sweeps/{sweep_id}", sweep_path()},
      {"/v1/sweeps/{sweep_id}/table", table_path()},
      {"/v1/sweeps/{sweep_id}/cancel",
       {{"post",
         operation("cancel_sweep", json::array({sweep_id()}), result("What happens next.", "CancelledSweep"))}}}};
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "ModelRun gateway"},
            {"version", MODELRUN_VERSION},
            {"description", "Runs models from git in a sandbox. MCP clients use /mcp instead."}}},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", schemas()}, {"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}}}}},
          {"security", json::array({{{"bearer", json::array()}}})}};
}

}  // namespace modelrun::gateway
