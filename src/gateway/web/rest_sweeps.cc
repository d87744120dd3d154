#include "gateway/web/rest_sweeps.h"

#include "gateway/runs/names.h"
#include "gateway/tools/schema.h"
#include "gateway/web/answers.h"
#include "gateway/web/rest_tools.h"
#include "gateway/web/view_schemas.h"
#include "sweep/table.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr std::string_view kSweeps = "/v1/sweeps";

struct SweepPath {
  std::string id;
  std::string action;  // "", "table", "cancel"
};

// Parses "/v1/sweeps/{id}[/table | /cancel]"; nullopt for other paths.
std::optional<SweepPath> parse_sweep_path(const std::string& path) {
  if (!path.starts_with("/v1/sweeps/")) return std::nullopt;
  const auto rest = path.substr(kSweeps.size() + 1);
  const auto slash = rest.find('/');
  SweepPath parsed{rest.substr(0, slash), slash == std::string::npos ? "" : rest.substr(slash + 1)};
  const bool known = parsed.action == "table" || parsed.action == "cancel";
  if (parsed.id.empty() || (slash != std::string::npos && !known)) return std::nullopt;
  return parsed;
}

// 200 with the whole result if the sweep is over, else 202.
void answer_sweep_started(const Visit& visit, const Result<json>& fields) {
  if (!fields) return visit.exchange.answer(problem(fields.error()));
  const auto phase = parse_status_word(fields->at("status").get_ref<const std::string&>());
  visit.exchange.answer(
      {.status = api::is_final(phase) ? 200 : 202,
       .body = answer_text(*fields),
       .headers = {{"Location", fmt::format("{}/{}", kSweeps, fields->at("sweep_id").get<std::string>())}}});
}

void create_sweep(WebContext& web, const Visit& visit) {
  auto post = read_post(web, visit, "sweep");
  if (!post) return visit.exchange.answer(std::move(post.error()));
  call_posted(std::move(*post),
              [kept = visit.shared_from_this()](const Result<json>& fields) { answer_sweep_started(*kept, fields); });
}

void cancel_sweep_by_path(WebContext& web, const Visit& visit, const std::string& id) {
  const auto found = web.sweeps.find_summary(visit.caller, id, visit.exchange.stop_token());
  if (!found) return visit.exchange.answer(problem(found.error()));
  use_tool(web, visit, "cancel_sweep",
           {{"project_name", display_project(found->key.namespace_, found->project, visit.caller.namespace_)},
            {"sweep_id", id}});
}

struct Download {
  std::string content_type;
  std::string extension;
  std::string text;
};

Result<Download> table_of(WebContext& web, const Visit& visit, const std::string& id) {
  const auto arguments = schema::read(schema::table_query(), query_arguments(visit.request));
  RETURN_IF_ERROR(arguments);
  const auto stop = visit.exchange.stop_token();
  const auto found = web.sweeps.find_summary(visit.caller, id, stop);
  RETURN_IF_ERROR(found);
  const auto sweep = web.sweeps.read_sweep(visit.caller, found->key, stop);
  RETURN_IF_ERROR(sweep);
  const bool partial = arguments->value("partial", "false") == "true";
  if (!(*sweep)->status.table_ref && !(partial && has_rows(**sweep))) {
    return fail(ErrorKind::kConflict, "sweep {} is {} and has no table{}", found->key.uid,
                status_word((*sweep)->status.phase),
                has_rows(**sweep) ? " yet: ask again when it is over, or with partial=true for the rows so far" : "");
  }
  const auto table = web.sweeps.table(visit.caller, **sweep, stop);
  RETURN_IF_ERROR(table);
  if (arguments->value("format", "csv") == "csv") {
    return Download{"text/csv; charset=utf-8", "csv", sweep::to_csv(**table)};
  }
  return Download{"application/jsonl", "jsonl", sweep::to_json_lines(**table)};
}

// The headers keep browsers from showing what a model wrote as a page of this server.
void serve_table(WebContext& web, const Visit& visit, const std::string& id) {
  auto download = table_of(web, visit, id);
  if (!download) return visit.exchange.answer(problem(download.error()));
  visit.exchange.answer(
      {.content_type = download->content_type,
       .body = std::move(download->text),
       .headers = attachment_headers(fmt::format("sweep-{}.{}", id.substr(0, 8), download->extension))});
}

void serve_sweep(WebContext& web, const Visit& visit, const SweepPath& path) {
  const bool cancel = path.action == "cancel";
  if (visit.request.method != (cancel ? "POST" : "GET")) return not_allowed(visit, cancel ? "POST" : "GET");
  if (cancel) return cancel_sweep_by_path(web, visit, path.id);
  if (path.action == "table") return serve_table(web, visit, path.id);
  json arguments = query_arguments(visit.request);
  arguments["sweep_id"] = path.id;
  use_tool(web, visit, "get_sweep", arguments);
}

}  // namespace

bool serve_sweeps(WebContext& web, const Visit& visit) {
  const auto& request = visit.request;
  if (request.path == kSweeps) {
    if (request.method == "POST") {
      create_sweep(web, visit);
    } else if (request.method == "GET") {
      use_tool(web, visit, "list_sweeps", query_arguments(request));
    } else {
      not_allowed(visit, "GET, POST");
    }
    return true;
  }
  const auto path = parse_sweep_path(request.path);
  if (path) serve_sweep(web, visit, *path);
  return path.has_value();
}

}  // namespace modelrun::gateway
