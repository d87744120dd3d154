#include "gateway/web/rest_tools.h"

#include <utility>

#include "api/strict_json.h"
#include "gateway/web/answers.h"

namespace modelrun::gateway {

using nlohmann::json;

void not_allowed(const Visit& visit, const char* allowed) {
  auto answer = problem(405, fmt::format("only {} is allowed here", allowed));
  answer.headers.emplace_back("Allow", allowed);
  visit.exchange.answer(std::move(answer));
}

void use_tool(WebContext& web, const Visit& visit, std::string_view name, const json& arguments) {
  const Tool& tool = *find_tool(name);
  if (tool.cheap) web.cheap(visit.caller);
  if (visit.span) visit.span->call(name);
  auto admitted = web.admit(tool, arguments, visit.caller);
  if (!admitted) return visit.exchange.answer(problem(admitted.error()));
  tool.call(admitted->arguments, std::make_shared<const Call>(web.call_of(visit)),
            [kept = visit.shared_from_this(), places = std::move(admitted->places)](const Result<json>& fields) {
              if (kept->span) kept->span->outcome(fields);
              answer_fields(*kept, fields);
            });
}

std::expected<Posted, HttpAnswer> read_post(WebContext& web, const Visit& visit, std::string_view name) {
  if (visit.span) visit.span->call(name);
  if (!is_json(visit.request)) return std::unexpected(problem(415, "the body must be application/json"));
  auto arguments = api::parse_strict(visit.request.body);
  visit.exchange.release_body();
  if (!arguments) return std::unexpected(problem(400, "the body is not JSON: " + arguments.error().message));
  const auto key = idempotency_key(visit.request);
  if (!key) return std::unexpected(problem(key.error()));
  const Tool& tool = *find_tool(name);
  auto admitted = web.admit(tool, std::move(*arguments), visit.caller);
  if (!admitted) return std::unexpected(problem(admitted.error()));
  auto call = web.call_of(visit);
  call.idempotency_key = *key;
  return Posted{.tool = tool, .call = std::move(call), .admitted = std::move(*admitted), .span = visit.span};
}

void call_posted(Posted posted, Done done) {
  posted.tool.call(posted.admitted.arguments, std::make_shared<const Call>(std::move(posted.call)),
                   [places = std::move(posted.admitted.places), span = std::move(posted.span),
                    done = std::move(done)](Result<json> fields) {
                     if (span) span->outcome(fields);
                     done(std::move(fields));
                   });
}

}  // namespace modelrun::gateway
