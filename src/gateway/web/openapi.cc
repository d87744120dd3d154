#include "gateway/web/openapi.h"

#include "gateway/tools/tools.h"
#include "gateway/web/answers.h"
#include "gateway/web/view_schemas.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

json content(const char* type, json schema) {
  return {{type, {{"schema", std::move(schema)}}}};
}

json answer(const char* description, const json& schema) {
  return {{"description", description}, {"content", content("application/json", schema)}};
}

json with_problems(json responses) {
  responses["default"] = {{"description", "What went wrong and what to do about it (RFC 9457)."},
                          {"content", content("application/problem+json", {{"$ref", "#/components/schemas/Problem"}})}};
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
  return parameter("path", "run_id", input("get_run")["run_id"], true);
}

json in_namespace() {
  auto where = parameter("query", "namespace", {{"type", "string"}}, false);
  where["description"] = "Default: your own. Not together with project_name, which can hold one itself.";
  return where;
}

json view(const char* id, const char* summary, json parameters, json response) {
  return {{"get",
           {{"operationId", id},
            {"summary", summary},
            {"parameters", std::move(parameters)},
            {"responses", with_problems({{"200", std::move(response)}})}}}};
}

json artifact_path() {
  json name = parameter("path", "name", {{"type", "string"}}, true);
  name["description"] = "As details has it; it may hold slashes.";
  json bytes{{"description", "The file, as an attachment."},
             {"content", content("application/octet-stream", {{"type", "string"}, {"format", "binary"}})}};
  return view("get_artifact", "Get a file that a run left", json::array({run_id(), std::move(name)}), std::move(bytes));
}

json runs_path() {
  const auto& output = find_tool("run")->output_schema;
  json post = operation(
      "run", json::array({parameter("header", "Idempotency-Key", {{"type", "string"}, {"maxLength", 255}}, false)}),
      {{"200", answer("mode 'sync': the end of the run. As server-sent events (progress, result, "
                      "error) when the client accepts them.",
                      output)},
       {"202", answer("mode 'async': the run that was started.", output)}});
  post["requestBody"] = {{"required", true}, {"content", content("application/json", find_tool("run")->input_schema)}};
  json parameters = json::array();
  for (const auto& [name, schema] : input("list_runs").items()) {
    parameters.push_back(parameter("query", name, schema, false));
  }
  parameters.push_back(in_namespace());
  json get = operation("list_runs", parameters, {{"200", answer("The runs.", schema::runs())}});
  get["description"] =
      "The newest runs of a project or, without project_name, of a namespace; at most 50, with a status if you name "
      "one.";
  return {{"post", std::move(post)}, {"get", std::move(get)}};
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

}  // namespace

json openapi_document() {
  const auto result = [](std::string_view tool, const char* words) {
    return json{{"200", answer(words, find_tool(tool)->output_schema)}};
  };
  const json output_parameters =
      json::array({run_id(), parameter("path", "output_name", input("get_run_output")["output_name"], true),
                   parameter("query", "encoding", input("get_run_output")["encoding"], false)});
  json paths{
      {"/v1/projects", view("list_projects", "List the projects of a namespace, and what you may do there",
                            json::array({in_namespace()}), answer("The projects.", schema::projects()))},
      {"/v1/runs", runs_path()},
      {"/v1/runs/{run_id}/details",
       view("get_details", "Get everything about a run", json::array({run_id()}),
            answer("Status, result, parameters, provenance and files.", schema::details()))},
      {"/v1/runs/{run_id}/artifacts/{name}", artifact_path()},
      {"/v1/runs/{run_id}", {{"get", operation("get_run", json::array({run_id()}), result("get_run", "The run."))}}},
      {"/v1/runs/{run_id}/outputs/{output_name}",
       {{"get", operation("get_run_output", output_parameters, result("get_run_output", "The output."))}}},
      {"/v1/runs/{run_id}/logs", logs_path()},
      {"/v1/runs/{run_id}/cancel",
       {{"post", operation("cancel_run", json::array({run_id()}), result("cancel_run", "What happens next."))}}}};
  json problem_schema{{"type", "object"},
                      {"properties",
                       {{"type", {{"type", "string"}}},
                        {"title", {{"type", "string"}}},
                        {"status", {{"type", "integer"}}},
                        {"detail", {{"type", "string"}}}}}};
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "ModelRun gateway"},
            {"version", MODELRUN_VERSION},
            {"description", "Runs models from git in a sandbox. MCP clients use /mcp instead."}}},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", {{"Problem", std::move(problem_schema)}}},
            {"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}}}}},
          {"security", json::array({{{"bearer", json::array()}}})}};
}

}  // namespace modelrun::gateway
