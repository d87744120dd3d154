#include "gateway/web/rest_views.h"

#include "gateway/runs/names.h"
#include "gateway/runs/run_details.h"
#include "gateway/runs/run_fields.h"
#include "gateway/runs/run_output.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/tools.h"
#include "gateway/web/answers.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

std::string query_value(const HttpRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

// The query as arguments of list_runs, checked against the tool's schema. Here project_name may be left out, and
// `namespace` is allowed in its place.
Result<json> list_arguments(const HttpRequest& request) {
  json arguments = json::object();
  for (const auto& [name, value] : request.query) arguments[name] = value;
  json schema = find_tool("list_runs")->input_schema;
  if (!arguments.contains("project_name")) {
    schema["required"] = json::array();
    schema["properties"]["namespace"] = {{"type", "string"}};
  }
  return schema::read(schema, std::move(arguments));
}

Result<json> project_list(WebContext& web, const Visit& visit) {
  const auto stop = visit.exchange.stop_token();
  const auto namespace_ = parse_namespace(query_value(visit.request, "namespace"), visit.caller.namespace_);
  RETURN_IF_ERROR(namespace_);
  const auto projects = web.runs.projects(visit.caller, *namespace_, stop);
  RETURN_IF_ERROR(projects);
  const auto rights = web.runs.rights(visit.caller, *namespace_, stop);
  RETURN_IF_ERROR(rights);
  json entries = json::array();
  for (const auto& each : *projects) {
    entries.push_back({{"project_name", display_project(*namespace_, each.name, visit.caller.namespace_)},
                       {"default_branch", or_null(each.default_branch)},
                       {"last_commit", or_null(each.last_commit)},
                       {"last_run_number", number_or_null(each.last_number)},
                       {"active_runs", each.active},
                       {"queued_runs", each.queued},
                       {"suspended", each.suspended}});
  }
  return json{{"namespace", *namespace_},
              {"may_run", rights->start},
              {"may_cancel", rights->cancel},
              {"total_returned", entries.size()},
              {"projects", std::move(entries)}};
}

Result<json> run_list(WebContext& web, const Visit& visit) {
  const auto stop = visit.exchange.stop_token();
  const auto arguments = list_arguments(visit.request);
  RETURN_IF_ERROR(arguments);
  const auto limit = static_cast<std::size_t>(arguments->value("limit", 10));
  std::optional<api::Phase> phase;
  if (const auto word = arguments->value("status", ""); !word.empty()) phase = parse_status_word(word);
  Result<std::vector<RunSummary>> runs;
  json shown = nullptr;
  if (arguments->contains("project_name")) {
    const auto project = parse_project(arguments->at("project_name").get<std::string>(), visit.caller.namespace_);
    RETURN_IF_ERROR(project);
    shown = display_project(project->namespace_, project->name, visit.caller.namespace_);
    runs = web.runs.list(visit.caller, *project, phase, limit, stop);
  } else {
    const auto namespace_ = parse_namespace(arguments->value("namespace", ""), visit.caller.namespace_);
    RETURN_IF_ERROR(namespace_);
    runs = web.runs.newest(visit.caller, *namespace_, phase, limit, stop);
  }
  RETURN_IF_ERROR(runs);
  json entries = json::array();
  for (const auto& run : *runs) {
    json entry = list_entry(run);
    entry["project_name"] = display_project(run.key.namespace_, run.project, visit.caller.namespace_);
    entry["model_name"] = or_null(run.model);
    entries.push_back(std::move(entry));
  }
  return json{{"project_name", std::move(shown)}, {"total_returned", entries.size()}, {"runs", std::move(entries)}};
}

Result<json> run_details(WebContext& web, const Visit& visit, const std::string& run_id) {
  const auto stop = visit.exchange.stop_token();
  const auto found = web.runs.find_summary(visit.caller, run_id, stop);
  RETURN_IF_ERROR(found);
  const auto run = web.runs.read_run(visit.caller, found->key, stop);
  RETURN_IF_ERROR(run);
  const auto rights = web.runs.rights(visit.caller, found->key.namespace_, stop);
  RETURN_IF_ERROR(rights);
  FramePtr frame;
  json result_error = nullptr;
  if (needs_payload(**run)) {
    // If the full result cannot be read, the answer has what status holds, and says why that is not all.
    auto payload = web.runs.payload(visit.caller, **run, stop);
    if (payload) {
      frame = std::move(*payload);
    } else {
      result_error = fmt::format("the full result cannot be read: {}", payload.error().message);
    }
  }
  json fields = detail_fields(**run, frame.get(),
                              display_project(found->key.namespace_, found->project, visit.caller.namespace_));
  fields["result_error"] = std::move(result_error);
  fields["may_cancel"] = rights->cancel;
  return fields;
}

// A Content-Disposition (RFC 6266) for the base name; characters that a header cannot hold are percent-encoded.
std::string attachment(const std::string& name) {
  const auto slash = name.rfind('/');
  const auto base = slash == std::string::npos ? name : name.substr(slash + 1);
  std::string encoded;
  for (const char c : base) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_';
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return "attachment; filename*=UTF-8''" + encoded;
}

Result<std::string> file_of(WebContext& web, const Visit& visit, const std::string& run_id, const std::string& name) {
  const auto stop = visit.exchange.stop_token();
  const auto found = web.runs.find_summary(visit.caller, run_id, stop);
  RETURN_IF_ERROR(found);
  const auto run = web.runs.read_run(visit.caller, found->key, stop);
  RETURN_IF_ERROR(run);
  if (!(*run)->status.result_ref) return file_bytes(**run, nullptr, name);
  const auto frame = web.runs.payload(visit.caller, **run, stop);
  RETURN_IF_ERROR(frame);
  return file_bytes(**run, frame->get(), name);
}

}  // namespace

void serve_project_list(WebContext& web, const Visit& visit) {
  answer_fields(visit, project_list(web, visit));
}

void serve_run_list(WebContext& web, const Visit& visit) {
  answer_fields(visit, run_list(web, visit));
}

void serve_details(WebContext& web, const Visit& visit, const std::string& run_id) {
  answer_fields(visit, run_details(web, visit, run_id));
}

// The headers keep browsers from showing what the model wrote as a page of this server.
void serve_artifact(WebContext& web, const Visit& visit, const std::string& run_id, const std::string& name) {
  auto bytes = file_of(web, visit, run_id, name);
  if (!bytes) return visit.exchange.answer(problem(bytes.error()));
  visit.exchange.answer({.content_type = "application/octet-stream",
                         .body = std::move(*bytes),
                         .headers = {{"Content-Disposition", attachment(name)},
                                     {"Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'"},
                                     {"Referrer-Policy", "no-referrer"}}});
}

}  // namespace modelrun::gateway
