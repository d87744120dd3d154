#include "gateway/web/rest_comparisons.h"

#include "gateway/web/answers.h"
#include "gateway/web/rest_tools.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

// 202 if the runs go on.
void answer_compared(const Visit& visit, const Result<json>& fields) {
  if (!fields) return visit.exchange.answer(problem(fields.error()));
  visit.exchange.answer({.status = fields->at("status") == "running" ? 202 : 200, .body = answer_text(*fields)});
}

void call_tool(WebContext& web, const Visit& visit, std::string_view tool) {
  auto post = read_post(web, visit, tool);
  if (!post) return visit.exchange.answer(std::move(post.error()));
  call_posted(std::move(*post),
              [kept = visit.shared_from_this()](const Result<json>& fields) { answer_compared(*kept, fields); });
}

}  // namespace

bool serve_comparisons(WebContext& web, const Visit& visit) {
  const bool explains = visit.request.path == "/v1/explanations";
  if (!explains && visit.request.path != "/v1/comparisons") return false;
  if (visit.request.method == "POST") {
    call_tool(web, visit, explains ? "explain_runs" : "compare_branches");
  } else if (visit.request.method == "GET" && !explains) {
    use_tool(web, visit, "compare_runs", query_arguments(visit.request));
  } else {
    not_allowed(visit, explains ? "POST" : "GET, POST");
  }
  return true;
}

}  // namespace modelrun::gateway
