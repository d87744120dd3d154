#include "gateway/tool_schemas.h"

#include <algorithm>

namespace modelrun::gateway::schema {
namespace {

using nlohmann::json;

json text(const char* description) {
  return {{"type", "string"}, {"description", description}};
}

json text_or_null(const char* description) {
  return {{"type", {"string", "null"}}, {"description", description}};
}

// An argument that may be left out; null means the same.
json optional_text(const char* description) {
  json property = text_or_null(description);
  property["default"] = nullptr;
  return property;
}

json of_type(const json& type, const char* description) {
  return {{"type", type}, {"description", description}};
}

json words(const char* description, std::initializer_list<const char*> values) {
  return {{"type", "string"},
          {"enum", std::vector<std::string>(values.begin(), values.end())},
          {"description", description}};
}

json status(const char* description) {
  return words(description, {"pending", "running", "success", "failed", "timed_out", "cancelled"});
}

json object(json properties, const std::vector<std::string>& required) {
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", required},
          {"additionalProperties", false}};
}

constexpr const char* kProject = "Name of the project; namespace/name for one outside of your own namespace.";
constexpr const char* kRunId = "UUID of the run, as `run` and list_runs answer it";
constexpr const char* kCommit = "The commit that is executed; null until it is pinned.";
constexpr const char* kNumber =
    "The run's number in its project, from 1; null until it has one, and for a run that took the result of another.";

bool is_of(const json& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "object") return value.is_object();
  if (type == "boolean") return value.is_boolean();
  return type == "null" && value.is_null();
}

std::string described(const json& property) {
  const auto& type = property["type"];
  std::string words = type.is_string() ? type.get<std::string>() : "";
  for (const auto& each : type.is_array() ? type : json::array()) {
    words += (words.empty() ? "" : " or ") + each.get<std::string>();
  }
  if (!property.contains("enum")) return words;
  words = "one of";
  for (const auto& each : property["enum"]) words += " " + each.dump();
  return words;
}

Result<void> check_value(const std::string& name, const json& property, const json& value) {
  const auto& type = property["type"];
  const bool fits = type.is_string() ? is_of(value, type)
                                     : std::ranges::any_of(type, [&](const json& each) { return is_of(value, each); });
  const bool listed = !property.contains("enum") || value.is_null() ||
                      std::ranges::find(property["enum"], value) != property["enum"].end();
  if (!fits || !listed) {
    return fail(ErrorKind::kInvalid, "{}: must be {}, not {}", name, described(property),
                value.is_string() ? value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 80)
                                  : std::string(value.type_name()));
  }
  if (value.is_number_integer() &&
      (value < property.value("minimum", value) || value > property.value("maximum", value))) {
    return fail(ErrorKind::kInvalid, "{}: must be from {} to {}", name, property["minimum"].dump(),
                property["maximum"].dump());
  }
  return {};
}

}  // namespace

json run_input() {
  json properties{
      {"scope", words("What is executed: 'project' runs run.py; 'model' runs the one model named by model_name.",
                      {"project", "model"})},
      {"mode", words("'sync' waits for the end and answers with the results; 'async' answers at once with a run_id for "
                     "get_run.",
                     {"sync", "async"})},
      {"project_name", text(kProject)},
      {"model_name", optional_text("The model, without .py. Required with scope 'model', ignored with 'project'.")},
      {"branch", optional_text("Branch whose newest commit is executed. Default: the project's.")},
      {"commit_sha", optional_text("The exact commit to execute, 40 or 64 hex digits. Default: the newest of branch.")},
      {"parameters", of_type({"object", "null"},
                             "JSON object that the code finds at /inputs/parameters.json, smaller than 64 KB. {} is "
                             "delivered too; null and absent mean no file.")}};
  properties["parameters"]["default"] = nullptr;
  return object(std::move(properties), {"scope", "mode", "project_name"});
}

// Both modes in one flat schema: fields of the other mode are absent.
json run_output() {
  json properties{
      {"run_id", text(kRunId)},
      {"status", status("How it ended: in MCP a sync run without success is isError. Async: pending or running.")},
      {"commit_sha", text_or_null(kCommit)},
      {"project", text("sync: the project.")},
      {"branch", text_or_null("sync: the branch that was asked for; null for the default.")},
      {"exit_code", of_type({"integer", "null"}, "sync: the process's; 128+n after signal n; null if it never ran.")},
      {"stdout", text("sync: what was printed.")},
      {"stderr", text("sync: what was printed to standard error.")},
      {"stdout_truncated", of_type("boolean", "sync: a part of stdout was not kept.")},
      {"stderr_truncated", of_type("boolean", "sync: a part of stderr was not kept.")},
      {"outputs", of_type("object", "sync: the outputs by name; {} when it left none.")},
      {"duration_seconds", of_type({"number", "null"}, "sync: null if it never ran.")},
      {"data_snapshot_ref", text_or_null("sync: the data snapshot it ran on.")},
      {"error", text_or_null("sync: REASON: message; null on success.")},
      {"run_number", of_type({"integer", "null"}, "async: the run's number in its project; null until it has one.")},
      {"project_name", text("async: the project.")},
      {"model_name", text_or_null("async: the model; null for the whole project.")},
      {"message", text("async: what to do next.")},
      {"warning", text_or_null("async: something that is worth knowing.")}};
  return object(std::move(properties), {"run_id", "status", "commit_sha"});
}

json get_run_input() {
  return object({{"run_id", text("UUID of the run, or its first eight or more digits.")}}, {"run_id"});
}

json get_run_output_fields() {
  json output =
      of_type({"object", "null"},
              "On success the payload, at most 1 MiB: status, exit_code, stdout, stderr, outputs; else null.");
  return object(
      {{"run_id", text(kRunId)},
       {"run_number", of_type({"integer", "null"}, kNumber)},
       {"project_name", text(kProject)},
       {"status", status("success, failed, timed_out and cancelled are final.")},
       {"commit_sha", text_or_null(kCommit)},
       {"started_at", text_or_null("ISO 8601.")},
       {"finished_at", text_or_null("ISO 8601.")},
       {"error_message", text_or_null("Why it failed, with the end of stderr.")},
       {"output", std::move(output)},
       {"truncated",
        of_type("boolean", "A part of the payload is missing: it was larger than 1 MiB, or a stream was cut before.")}},
      {"run_id", "run_number", "project_name", "status", "commit_sha", "started_at", "finished_at", "error_message",
       "output", "truncated"});
}

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

json list_runs_output() {
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

json get_run_output_input() {
  json encoding = words("'auto': text where it is one, JSON for other outputs, base64 for other files.",
                        {"auto", "json", "text", "base64"});
  encoding["default"] = "auto";
  return object({{"run_id", text("UUID of the run, or its first eight or more digits.")},
                 {"output_name", text("An output's name, or a file that the run left under /outputs.")},
                 {"encoding", std::move(encoding)}},
                {"run_id", "output_name"});
}

json get_run_output_output() {
  return object(
      {{"run_id", text(kRunId)},
       {"project_name", text(kProject)},
       {"output_name", text("As it was asked for.")},
       {"resolved_output_name", text("What it was found as.")},
       {"content", text("In `encoding`.")},
       {"encoding", words("", {"json", "text", "base64"})},
       {"size_bytes", of_type("integer", "Of the content before it was encoded.")},
       {"truncated", of_type("boolean", "Always false: what is too large is an error.")},
       {"resolution_path", words("Where it was found.", {"output", "output_without_json", "file", "file_stem"})}},
      {"run_id", "project_name", "output_name", "resolved_output_name", "content", "encoding", "size_bytes",
       "truncated", "resolution_path"});
}

json cancel_run_input() {
  return object({{"project_name", text(kProject)}, {"run_id", text("The run's full UUID.")}},
                {"project_name", "run_id"});
}

json cancel_run_output() {
  return object({{"run_id", text(kRunId)},
                 {"status", status("As it stands now; the end takes some seconds.")},
                 {"project_name", text(kProject)},
                 {"message", text("What happens next.")}},
                {"run_id", "status", "project_name", "message"});
}

Result<void> check(const json& schema, const json& arguments) {
  if (!arguments.is_object()) return fail(ErrorKind::kInvalid, "the arguments must be a JSON object");
  const auto& properties = schema["properties"];
  for (const auto& name : schema["required"]) {
    if (!arguments.contains(name.get_ref<const std::string&>())) {
      return fail(ErrorKind::kInvalid, "{}: is required: {}", name.get<std::string>(),
                  described(properties[name.get_ref<const std::string&>()]));
    }
  }
  for (const auto& [name, value] : arguments.items()) {
    const auto property = properties.find(name);
    if (property == properties.end()) {
      std::string known;
      for (const auto& [each, unused] : properties.items()) known += (known.empty() ? "" : ", ") + each;
      return fail(ErrorKind::kInvalid, "there is no argument '{}': there are {}", name.substr(0, 80), known);
    }
    if (auto checked = check_value(name, *property, value); !checked) return checked;
  }
  return {};
}

}  // namespace modelrun::gateway::schema
