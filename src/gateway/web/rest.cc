#include "gateway/web/rest.h"

#include "api/json_access.h"
#include "api/strict_json.h"
#include "gateway/runs/names.h"
#include "gateway/tools/tools.h"
#include "gateway/web/answers.h"
#include "gateway/web/logs.h"
#include "gateway/web/rest_comparisons.h"
#include "gateway/web/rest_sweeps.h"
#include "gateway/web/rest_tools.h"
#include "gateway/web/rest_views.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr std::string_view kProjects = "/v1/projects";
constexpr std::string_view kRuns = "/v1/runs";

struct Path {
  std::string id;
  std::string action;  // "", "outputs", "artifacts", "details", "log", "logs", "cancel"
  std::string name;    // of the output or artifact; may hold slashes
};

// Parses "/v1/runs/{id}[/details | /log | /logs | /cancel | /outputs/{name} | /artifacts/{name}]"; nullopt for other
// paths.
std::optional<Path> parse_path(const std::string& path) {
  if (!path.starts_with("/v1/runs/")) return std::nullopt;
  const auto rest = path.substr(kRuns.size() + 1);
  const auto slash = rest.find('/');
  Path parsed{rest.substr(0, slash), {}, {}};
  if (parsed.id.empty()) return std::nullopt;
  if (slash == std::string::npos) return parsed;
  const auto tail = rest.substr(slash + 1);
  if (tail == "details" || tail == "log" || tail == "logs" || tail == "cancel") {
    parsed.action = tail;
    return parsed;
  }
  const auto end = tail.find('/');
  parsed.action = tail.substr(0, end);
  if (parsed.action != "outputs" && parsed.action != "artifacts") return std::nullopt;
  if (end == std::string::npos || end + 1 == tail.size()) return std::nullopt;
  parsed.name = tail.substr(end + 1);
  return parsed;
}

void answer_started(const Visit& visit, const Result<json>& fields) {
  if (!fields) return visit.exchange.answer(problem(fields.error()));
  visit.exchange.answer(
      {.status = 202,
       .body = answer_text(*fields),
       .headers = {{"Location", fmt::format("{}/{}", kRuns, fields->at("run_id").get<std::string>())}}});
}

void send_progress(const Visit& visit, const RunSummary& run) {
  const json fields{{"run_id", run.key.uid}, {"status", status_word(run.phase)}, {"message", run.message}};
  visit.exchange.send_if_read(event("progress", answer_text(fields)));
}

void send_last(const Visit& visit, const Result<json>& fields) {
  visit.exchange.send(fields ? event("result", answer_text(*fields))
                             : event("error", api::json_text(problem_fields(fields.error()))));
}

void create_run(WebContext& web, const Visit& visit) {
  auto post = read_post(web, visit, "run");
  if (!post) return visit.exchange.answer(std::move(post.error()));
  const auto kept = visit.shared_from_this();
  const bool waits = post->admitted.waits;
  auto answer = waits ? answer_fields : answer_started;
  if (waits && accepts_events(visit.request)) {
    visit.exchange.open_events();
    post->call.on_tick = [kept](const RunSummary& run) { send_progress(*kept, run); };
    answer = send_last;
  }
  call_posted(std::move(*post), [kept, answer](const Result<json>& fields) { answer(*kept, fields); });
}

void cancel(WebContext& web, const Visit& visit, const std::string& id) {
  const auto found = web.runs.find_summary(visit.caller, id, visit.exchange.stop_token());
  if (!found) return visit.exchange.answer(problem(found.error()));
  const json arguments{
      {"project_name", display_project(found->key.namespace_, found->project, visit.caller.namespace_)},
      {"run_id", id}};
  use_tool(web, visit, "cancel_run", arguments);
}

void serve_run(WebContext& web, const Visit& visit, const Path& path) {
  const bool get = visit.request.method == "GET";
  if (path.action == "cancel") {
    if (visit.request.method != "POST") return not_allowed(visit, "POST");
    return cancel(web, visit, path.id);
  }
  if (!get) return not_allowed(visit, "GET");
  if (path.action == "logs") return serve_logs(web, visit, path.id);
  if (path.action == "details") return serve_details(web, visit, path.id);
  if (path.action == "artifacts") return serve_artifact(web, visit, path.id, path.name);
  if (path.action.empty()) return use_tool(web, visit, "get_run", {{"run_id", path.id}});
  json arguments = query_arguments(visit.request);
  arguments["run_id"] = path.id;
  if (path.action == "log") return use_tool(web, visit, "get_run_log", arguments);
  arguments["output_name"] = path.name;
  use_tool(web, visit, "get_run_output", arguments);
}

}  // namespace

std::optional<ToolAnswer> recall_rest(WebContext& web, const HttpRequest& request, const Identity& caller) {
  const auto path = request.method == "GET" ? parse_path(request.path) : std::nullopt;
  if (!path || !path->action.empty()) return std::nullopt;
  const Tool& tool = *find_tool("get_run");
  const auto fields = recall_tool(tool, {{"run_id", path->id}}, caller, web.runs);
  if (!fields) return std::nullopt;
  return ToolAnswer{.tool = tool.name, .meta = {}, .run_uid = path->id, .answer = {.body = answer_text(*fields)}};
}

bool serve_rest(WebContext& web, const Visit& visit) {
  if (visit.request.path == kProjects) {
    if (visit.request.method == "GET") {
      serve_project_list(web, visit);
    } else {
      not_allowed(visit, "GET");
    }
    return true;
  }
  if (visit.request.path == kRuns) {
    if (visit.request.method == "POST") {
      create_run(web, visit);
    } else if (visit.request.method == "GET") {
      web.cheap(visit.caller);
      serve_run_list(web, visit);
    } else {
      not_allowed(visit, "GET, POST");
    }
    return true;
  }
  const auto path = parse_path(visit.request.path);
  if (path) serve_run(web, visit, *path);
  return path.has_value() || serve_sweeps(web, visit) || serve_comparisons(web, visit);
}

}  // namespace modelrun::gateway
