#include "gateway/web/mcp_endpoint.h"

#include "api/json_access.h"
#include "gateway/runs/names.h"
#include "gateway/tools/tools.h"
#include "gateway/web/answers.h"
#include "gateway/web/mcp.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

HttpAnswer message_answer(int status, const json& message) {
  return {.status = status, .body = answer_text(message)};
}

std::optional<std::string> text_of(std::optional<std::string_view> header) {
  return header ? std::optional<std::string>(*header) : std::nullopt;
}

// Where clients put the trace of a message, which has no head of its own.
std::string traceparent_in(const mcp::Request& request) {
  return api::text_at(api::member(request.params, "_meta"), "traceparent");
}

// Answers with the error, which is a result in MCP.
void refuse_call(const Visit& visit, const mcp::Request& request, const Error& error) {
  if (visit.span) visit.span->outcome(std::unexpected(error));
  visit.exchange.answer(message_answer(200, mcp::tool_answer(request, std::unexpected(error))));
}

std::string tick_text(const RunSummary& run) {
  std::string text =
      fmt::format("run_id {}: {}", run.key.uid, api::is_final(run.phase) ? "over" : to_string(run.phase));
  if (run.phase == api::Phase::kNone) text = fmt::format("run_id {}: Pending", run.key.uid);
  if (!run.message.empty()) text += ": " + run.message;
  return text;
}

std::string tick_text(const SweepSummary& sweep) {
  const auto& points = sweep.points;
  return fmt::format("sweep_id {}: {}, {} of {} points", sweep.key.uid, status_word(sweep.phase),
                     points.succeeded + points.failed, points.total);
}

// Sends signs of life in a call that is answered by a stream: a progress message with `text` if the client has asked
// for them, and else a comment, which keeps proxies from closing the connection.
class Ticker {
 public:
  Ticker(std::shared_ptr<const mcp::Request> request, std::shared_ptr<const Visit> visit)
      : request_(std::move(request)), visit_(std::move(visit)) {}
  // Never called by two threads at once.
  void tick(std::string_view text) {
    if (request_->progress_token.is_null()) {
      visit_->exchange.send_if_read(": alive\n\n");
    } else {
      visit_->exchange.send_if_read(event("message", api::json_text(mcp::progress(*request_, ++step_, text))));
    }
  }

 private:
  const std::shared_ptr<const mcp::Request> request_;
  const std::shared_ptr<const Visit> visit_;
  std::uint64_t step_ = 0;
};

void call(WebContext& web, const Visit& visit, mcp::Request given) {
  auto& exchange = visit.exchange;
  const auto tool = mcp::tool_of(given);
  if (!tool) return exchange.answer(message_answer(tool.error().http_status, tool.error().message));
  if ((*tool)->cheap) web.cheap(visit.caller);
  const auto trace = traceparent_in(given);
  if (visit.span) visit.span->call((*tool)->name, trace);
  // The call may wait for long, so it keeps neither the arguments nor the body.
  auto admitted = web.admit(**tool, mcp::take_arguments(given), visit.caller);
  exchange.release_body();
  const auto kept = std::make_shared<const mcp::Request>(std::move(given));
  const auto& request = *kept;
  if (!admitted) return refuse_call(visit, request, admitted.error());
  auto call = web.call_of(visit);
  if (call.traceparent.empty()) call.traceparent = handed_on(trace);
  const auto key = idempotency_key(visit.request);
  if (!key) return refuse_call(visit, request, key.error());
  call.idempotency_key = request.idempotency_key.empty() ? *key : request.idempotency_key;
  // In the stateless era a client cancels its request by closing the stream; in the stateful era it does not.
  const auto visitor = visit.shared_from_this();
  if (request.era == mcp::Era::kStateless) {
    call.cancel_on_stop = [visitor] { return visitor->exchange.client_left(); };
  }
  const bool stream = admitted->waits && accepts_events(visit.request);
  if (stream) {
    exchange.open_events();
    const auto ticker = std::make_shared<Ticker>(kept, visitor);
    call.on_tick = [ticker](const RunSummary& run) { ticker->tick(tick_text(run)); };
    call.on_sweep_tick = [ticker](const SweepSummary& sweep) { ticker->tick(tick_text(sweep)); };
  }
  (*tool)->call(admitted->arguments, std::make_shared<const Call>(std::move(call)),
                [kept, visitor, stream, places = std::move(admitted->places)](Result<json> fields) {
                  if (visitor->span) visitor->span->outcome(fields);
                  const auto answer = mcp::tool_answer(*kept, std::move(fields));
                  if (!stream) return visitor->exchange.answer(message_answer(200, answer));
                  visitor->exchange.send(event("message", answer_text(answer)));
                });
}

std::expected<mcp::Request, mcp::Refusal> read(const HttpRequest& request) {
  return mcp::read_request({.version = text_of(request.header("MCP-Protocol-Version")),
                            .method = text_of(request.header("Mcp-Method")),
                            .name = text_of(request.header("Mcp-Name"))},
                           request.body);
}

}  // namespace

std::optional<ToolAnswer> recall_mcp(WebContext& web, const HttpRequest& request, const Identity& caller) {
  if (request.method != "POST" || !is_json(request)) return std::nullopt;
  const auto parsed = read(request);
  if (!parsed || parsed->notification || parsed->method != "tools/call") return std::nullopt;
  const auto tool = mcp::tool_of(*parsed);
  if (!tool) return std::nullopt;
  auto fields = recall_tool(**tool, mcp::arguments_of(*parsed), caller, web.runs);
  if (!fields) return std::nullopt;
  auto run_uid = api::text_at(*fields, "run_id");
  return ToolAnswer{.tool = (*tool)->name,
                    .meta = traceparent_in(*parsed),
                    .run_uid = std::move(run_uid),
                    .answer = message_answer(200, mcp::tool_answer(*parsed, std::move(*fields)))};
}

void serve_mcp(WebContext& web, const Visit& visit) {
  const auto& request = visit.request;
  if (request.method != "POST") {
    auto answer = problem(405, "MCP is spoken by POST here: there are no sessions and no stream of the server's own");
    answer.headers.emplace_back("Allow", "POST");
    return visit.exchange.answer(std::move(answer));
  }
  // A web page of another origin cannot send this content type without a CORS preflight request.
  if (!is_json(request)) {
    return visit.exchange.answer(problem(415, "the body must be application/json"));
  }
  auto parsed = read(request);
  if (!parsed) return visit.exchange.answer(message_answer(parsed.error().http_status, parsed.error().message));
  if (!parsed->notification && parsed->method == "tools/call") return call(web, visit, std::move(*parsed));
  web.cheap(visit.caller);
  if (parsed->notification) return visit.exchange.answer({.status = 202});
  const auto answer = mcp::answer(*parsed);
  visit.exchange.answer(message_answer(answer.http_status, answer.message));
}

}  // namespace modelrun::gateway
