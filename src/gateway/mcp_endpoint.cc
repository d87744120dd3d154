#include "gateway/app_impl.h"
#include "gateway/mcp.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

HttpAnswer message_answer(int status, const json& message) {
  return {.status = status, .body = dump(message)};
}

std::optional<std::string> text_of(std::optional<std::string_view> header) {
  return header ? std::optional<std::string>(*header) : std::nullopt;
}

std::string tick_text(const RunSummary& run) {
  std::string text =
      fmt::format("run_id {}: {}", run.key.uid, api::is_final(run.phase) ? "over" : to_string(run.phase));
  if (run.phase == api::Phase::kNone) text = fmt::format("run_id {}: Pending", run.key.uid);
  if (!run.message.empty()) text += ": " + run.message;
  return text;
}

// On a stream each tick is a progress message, where the client asked for them, or a comment that keeps proxies awake.
std::function<void(const RunSummary&)> ticker(std::shared_ptr<const mcp::Request> request,
                                              std::shared_ptr<const Visit> visit) {
  return
      [request = std::move(request), visit = std::move(visit), step = std::uint64_t{0}](const RunSummary& run) mutable {
        if (request->progress_token.is_null()) {
          visit->exchange.send(": alive\n\n");
        } else {
          visit->exchange.send(event("message", dump(mcp::progress(*request, ++step, tick_text(run)))));
        }
      };
}

void call(App::Impl& app, const Visit& visit, mcp::Request given) {
  auto& exchange = visit.exchange;
  const auto kept = std::make_shared<const mcp::Request>(std::move(given));
  const auto& request = *kept;
  const auto tool = mcp::tool_of(request);
  if (!tool) return exchange.answer(message_answer(tool.error().http_status, tool.error().message));
  const auto arguments = mcp::arguments_of(request);
  const bool waits = may_wait((*tool)->name, arguments);
  const auto place = waits ? app.waiting.take() : nullptr;
  if (waits && place == nullptr) {
    return exchange.answer(message_answer(200, mcp::tool_answer(request, std::unexpected(too_many_waiting()))));
  }
  auto tool_call = app.tool_call(visit);
  const auto key = idempotency_key(visit.request);
  if (!key) return exchange.answer(message_answer(200, mcp::tool_answer(request, std::unexpected(key.error()))));
  tool_call.idempotency_key = request.idempotency_key.empty() ? *key : request.idempotency_key;
  // By the later specification a client that closes the stream cancels its request; by the earlier one it does not.
  const auto visitor = visit.shared_from_this();
  if (request.era == mcp::Era::kStateless) {
    tool_call.cancel_on_stop = [visitor] { return visitor->exchange.client_left(); };
  }
  const bool stream = waits && accepts_events(visit.request);
  if (stream) {
    exchange.open_events();
    tool_call.on_tick = ticker(kept, visitor);
  }
  call_tool(**tool, arguments, std::make_shared<const ToolCall>(std::move(tool_call)),
            [kept, visitor, stream, place](Result<json> fields) {
              const auto answer = mcp::tool_answer(*kept, std::move(fields));
              if (!stream) return visitor->exchange.answer(message_answer(200, answer));
              visitor->exchange.send(event("message", dump(answer)));
            });
}

bool is_json(const HttpRequest& request) {
  return request.header("Content-Type").value_or("").starts_with("application/json");
}

std::expected<mcp::Request, mcp::Refusal> read(const HttpRequest& request) {
  return mcp::read_request({.version = text_of(request.header("MCP-Protocol-Version")),
                            .method = text_of(request.header("Mcp-Method")),
                            .name = text_of(request.header("Mcp-Name"))},
                           request.body);
}

}  // namespace

std::optional<HttpAnswer> recall_mcp(App::Impl& app, const HttpRequest& request, const Identity& caller) {
  if (request.method != "POST" || !is_json(request)) return std::nullopt;
  const auto parsed = read(request);
  if (!parsed || parsed->notification || parsed->method != "tools/call") return std::nullopt;
  const auto tool = mcp::tool_of(*parsed);
  if (!tool) return std::nullopt;
  auto fields = recall_tool(**tool, mcp::arguments_of(*parsed), caller, app.runs);
  if (!fields) return std::nullopt;
  return message_answer(200, mcp::tool_answer(*parsed, std::move(*fields)));
}

void serve_mcp(App::Impl& app, const Visit& visit) {
  const auto& request = visit.request;
  if (request.method != "POST") {
    auto answer = problem(405, "MCP is spoken by POST here: there are no sessions and no stream of the server's own");
    answer.headers.emplace_back("Allow", "POST");
    return visit.exchange.answer(std::move(answer));
  }
  // A page of another origin cannot send this type without asking first.
  if (!is_json(request)) {
    return visit.exchange.answer(problem(415, "the body must be application/json"));
  }
  auto parsed = read(request);
  if (!parsed) return visit.exchange.answer(message_answer(parsed.error().http_status, parsed.error().message));
  if (parsed->notification) return visit.exchange.answer({.status = 202});
  if (parsed->method == "tools/call") return call(app, visit, std::move(*parsed));
  const auto answer = mcp::answer(*parsed);
  visit.exchange.answer(message_answer(answer.http_status, answer.message));
}

}  // namespace modelrun::gateway
