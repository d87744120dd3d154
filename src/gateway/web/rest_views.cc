#include "gateway/web/rest_views.h"

#include "gateway/runs/names.h"
#include "gateway/runs/run_details.h"
#include "gateway/runs/run_fields.h"
#include "gateway/runs/run_output.h"
#include "gateway/tools/schema.h"
#include "gateway/tools/shared.h"
#include "gateway/tools/tools.h"
#include "gateway/web/answers.h"
#include "gateway/web/view_schemas.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr int kProjectsShown = 500;  // in an answer, unless the request says otherwise: the page shows all at once

// The query as arguments of list_runs, checked. Either project_name or `namespace` is allowed.
Result<json> list_arguments(const HttpRequest& request) {
  json arguments = query_arguments(request);
  json schema = schema::run_list_query();
  if (arguments.contains("project_name")) schema["properties"].erase("namespace");
  return schema::read(schema, std::move(arguments));
}

// list_projects, and what the caller may do in the namespace that is listed.
Result<json> project_list(WebContext& web, const Visit& visit) {
  if (visit.span) visit.span->call("list_projects");
  json arguments = query_arguments(visit.request);
  if (!arguments.contains("limit")) arguments["limit"] = kProjectsShown;
  const auto meant = schema::read(find_tool("list_projects")->input_schema, std::move(arguments));
  RETURN_IF_ERROR(meant);
  const auto call = web.call_of(visit);
  auto fields = list_of_projects(*meant, call);
  RETURN_IF_ERROR(fields);
  auto namespace_ = meant->value("namespace", visit.caller.namespace_);
  if (const auto name = meant->value("project_name", ""); !name.empty()) {
    namespace_ = parse_project(name, visit.caller.namespace_)->namespace_;  // list_of_projects() has parsed it, too
  }
  if (namespace_.empty()) namespace_ = visit.caller.namespace_;
  const bool everywhere = namespace_ == "*";
  const auto rights = everywhere ? Result<Rights>() : web.runs.rights(visit.caller, namespace_, call.stop);
  RETURN_IF_ERROR(rights);
  fields->update({{"namespace", everywhere ? json(nullptr) : json(namespace_)},
                  {"may_run", everywhere ? json(nullptr) : json(rights->start)},
                  {"may_cancel", everywhere ? json(nullptr) : json(rights->cancel)}});
  return fields;
}

json run_entry(const RunSummary& run, const Call& call) {
  json entry = list_entry(run);
  entry["project_name"] = shown_project(call, run);
  entry["model_name"] = or_null(run.model);
  entry["branch"] = or_null(run.branch);
  return entry;
}

Result<json> run_list(WebContext& web, const Visit& visit) {
  if (visit.span) visit.span->call("list_runs");
  const auto arguments = list_arguments(visit.request);
  RETURN_IF_ERROR(arguments);
  return list_of_runs(*arguments, web.call_of(visit), run_entry);
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

void serve_artifact(WebContext& web, const Visit& visit, const std::string& run_id, const std::string& name) {
  auto bytes = file_of(web, visit, run_id, name);
  if (!bytes) return visit.exchange.answer(problem(bytes.error()));
  visit.exchange.answer(
      {.content_type = "application/octet-stream", .body = std::move(*bytes), .headers = attachment_headers(name)});
}

}  // namespace modelrun::gateway
