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
std::function<void(const RunSummary&)> ticker(const mcp::Request& request, Exchange& exchange) {
  return [&request, &exchange, step = std::uint64_t{0}](const RunSummary& run) mutable {
    if (request.progress_token.is_null()) {
      exchange.send(": alive\n\n");
    } else {
      exchange.send(event("message", dump(mcp::progress(request, ++step, tick_text(run)))));
    }
  };
}

void call(App::Impl& app, const Visit& visit, const mcp::Request& request) {
  auto& exchange = visit.exchange;
  const auto tool = mcp::tool_of(request);
  if (!tool) return exchange.answer(message_answer(tool.error().http_status, tool.error().message));
  const auto arguments = mcp::arguments_of(request);
  const bool waits = may_wait((*tool)->name, arguments);
  std::optional<WaitingPlace> place;
  if (waits) place.emplace(app.waiting, app.options.max_waiting);
  if (place && !place->taken()) {
    return exchange.answer(message_answer(200, mcp::tool_answer(request, std::unexpected(too_many_waiting()))));
  }
  auto tool_call = app.tool_call(visit);
  const auto key = idempotency_key(visit.request);
  if (!key) return exchange.answer(message_answer(200, mcp::tool_answer(request, std::unexpected(key.error()))));
  tool_call.idempotency_key = request.idempotency_key.empty() ? *key : request.idempotency_key;
  // By the later specification a client that closes the stream cancels its request; by the earlier one it does not.
  if (request.era == mcp::Era::kStateless) tool_call.cancel_on_stop = [&exchange] { return exchange.client_left(); };
  const bool stream = waits && accepts_events(visit.request);
  if (stream) {
    exchange.open_events();
    tool_call.on_tick = ticker(request, exchange);
  }
  const auto answer = mcp::tool_answer(request, call_tool(**tool, arguments, tool_call));
  if (stream) {
    exchange.send(event("message", dump(answer)));
  } else {
    exchange.answer(message_answer(200, answer));
  }
}

}  // namespace

void serve_mcp(App::Impl& app, const Visit& visit) {
  const auto& request = visit.request;
  if (request.method != "POST") {
    auto answer = problem(405, "MCP is spoken by POST here: there are no sessions and no stream of the server's own");
    answer.headers.emplace_back("Allow", "POST");
    return visit.exchange.answer(std::move(answer));
  }
  // A page of another origin cannot send this type without asking first.
  if (!request.header("Content-Type").value_or("").starts_with("application/json")) {
    return visit.exchange.answer(problem(415, "the body must be application/json"));
  }
  const auto parsed = mcp::read_request({.version = text_of(request.header("MCP-Protocol-Version")),
                                         .method = text_of(request.header("Mcp-Method")),
                                         .name = text_of(request.header("Mcp-Name"))},
                                        request.body);
  if (!parsed) return visit.exchange.answer(message_answer(parsed.error().http_status, parsed.error().message));
  if (parsed->notification) return visit.exchange.answer({.status = 202});
  if (parsed->method == "tools/call") return call(app, visit, *parsed);
  const auto answer = mcp::answer(*parsed);
  visit.exchange.answer(message_answer(answer.http_status, answer.message));
}

}  // namespace modelrun::gateway
