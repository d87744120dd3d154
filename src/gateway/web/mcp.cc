#include "gateway/web/mcp.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/encoding.h"
#include "gateway/runs/run_fields.h"
#include "gateway/web/answers.h"
#include "gateway/web/message_head.h"

namespace modelrun::gateway::mcp {
namespace {

using api::member;
using api::text_at;
using nlohmann::json;

constexpr std::string_view kStatelessVersion = "2026-07-28";
constexpr std::array<std::string_view, 4> kStatefulVersions{"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};
constexpr const char* kMetaVersion = "io.modelcontextprotocol/protocolVersion";
constexpr const char* kMetaCapabilities = "io.modelcontextprotocol/clientCapabilities";
constexpr const char* kMetaServer = "io.modelcontextprotocol/serverInfo";
constexpr const char* kMetaIdempotency = "modelrun.dev/idempotency-key";
constexpr int kTtlMs = 300'000;  // how long clients may keep lists, which change only with the program
constexpr std::string_view kInstructions =
    "Runs models from git repositories in a sandbox. Call run with mode 'sync' to get the result at once, or with mode "
    "'async' and then get_run. list_projects finds projects and list_runs earlier runs; get_run_log reads what a run "
    "prints, and get_run_output one output or file. To vary parameters call sweep instead of many runs; get_sweep has "
    "its table. compare_runs and compare_branches say what differs, explain_runs says why.";

bool is_stateful_version(std::string_view version) {
  return std::ranges::find(kStatefulVersions, version) != kStatefulVersions.end();
}

json server_info() {
  return {{"name", "modelrun-gateway"}, {"title", "ModelRun"}, {"version", MODELRUN_VERSION}};
}

// Prompts and resources are declared although there are none. Their lists are answered, empty, which costs a client
// one request; some clients give up when a method is unknown.
json capabilities() {
  return {{"tools", {{"listChanged", false}}}, {"prompts", json::object()}, {"resources", json::object()}};
}

json error_message(const json& id, int code, const std::string& text, json data = nullptr) {
  json error{{"code", code}, {"message", text}};
  if (!data.is_null()) error["data"] = std::move(data);
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(error)}};
}

std::unexpected<Refusal> refuse(int http_status, const json& id, int code, const std::string& text,
                                json data = nullptr) {
  return std::unexpected(Refusal{http_status, error_message(id, code, text, std::move(data))});
}

// The versions of both eras: a client that speaks only the stateful one learns from them that it can try `initialize`.
json supported_versions() {
  json versions = json::array({kStatelessVersion});
  for (const auto version : kStatefulVersions) versions.push_back(version);
  return versions;
}

std::unexpected<Refusal> refuse_version(const json& id, std::string_view asked) {
  return refuse(400, id, kUnsupportedVersion, "unsupported protocol version",
                {{"supported", supported_versions()}, {"requested", asked.substr(0, 64)}});
}

json result_message(const Request& request, json result) {
  if (request.era == Era::kStateless) {
    result["resultType"] = "complete";
    result["_meta"][kMetaServer] = server_info();
  }
  return {{"jsonrpc", "2.0"}, {"id", request.id}, {"result", std::move(result)}};
}

json cacheable(const Request& request, json result) {
  if (request.era == Era::kStateless) {
    result["ttlMs"] = kTtlMs;
    result["cacheScope"] = "public";  // the same for every caller
  }
  return result_message(request, std::move(result));
}

// Decodes Mcp-Name: a name that cannot stand in a header is sent as "=?base64?...?=". nullopt if that is malformed.
std::optional<std::string> decoded_header(const std::string& value) {
  constexpr std::string_view kBegin = "=?base64?";
  if (!value.starts_with(kBegin) || !value.ends_with("?=") || value.size() < kBegin.size() + 2) return value;
  const auto bytes = base64_decode(std::string_view(value).substr(kBegin.size(), value.size() - kBegin.size() - 2));
  return bytes ? std::optional(*bytes) : std::nullopt;
}

bool is_id(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().size() <= kMaxIdBytes;
  return value.is_number_integer();
}

// The text that Mcp-Name must repeat; nullopt if requests of this method name nothing.
std::optional<std::string> named_by(const Request& request) {
  if (request.method == "tools/call" || request.method == "prompts/get") return text_at(request.params, "name");
  if (request.method == "resources/read") return text_at(request.params, "uri");
  return std::nullopt;
}

std::expected<void, Refusal> check_stateless(const Head& head, const Request& request, const std::string& version) {
  const auto& meta = member(request.params, "_meta");
  if (version.empty() || !member(meta, kMetaCapabilities).is_object()) {
    return refuse(400, request.id, kInvalidParams,
                  fmt::format("params._meta must hold {} and {}", kMetaVersion, kMetaCapabilities));
  }
  // This comes before the check of the version itself: if the two differ, it is unknown which one the client means.
  if (head.version != version) {
    return refuse(400, request.id, kHeaderMismatch, "MCP-Protocol-Version must repeat the version in params._meta");
  }
  if (version != kStatelessVersion) return refuse_version(request.id, version);
  if (head.method != request.method) {
    return refuse(400, request.id, kHeaderMismatch, "Mcp-Method must repeat the method of the body");
  }
  const auto name = named_by(request);
  if (name && (!head.name || decoded_header(*head.name) != name)) {
    return refuse(400, request.id, kHeaderMismatch, "Mcp-Name must repeat the name in params");
  }
  return {};
}

std::expected<void, Refusal> decide_era(const Head& head, Request& request) {
  const auto version = text_at(member(request.params, "_meta"), kMetaVersion);
  // An Mcp-Method header does not decide: clients of the stateful era send it, too.
  const bool stateless = !version.empty() || head.version == kStatelessVersion || request.method == "server/discover";
  if (stateless) {
    request.era = Era::kStateless;
    // Nothing is done for a notification, so its headers need no check.
    if (request.notification) return {};
    return check_stateless(head, request, version);
  }
  if (head.version && !is_stateful_version(*head.version)) return refuse_version(request.id, *head.version);
  return {};
}

// Only the stateless era has an HTTP status of its own for wrong params.
int invalid_params_status(const Request& request) {
  return request.era == Era::kStateless ? 400 : 200;
}

json text_content(std::string words) {
  return json::array({{{"type", "text"}, {"text", std::move(words)}}});
}

// A body that is refused, since it is too large or has JSON such as 2^64, is one request of a client that may have
// others under way. It has to learn which one: some clients end their session at an error without an id. `unknown` is
// the answer if there is none to be found.
Refusal refuse_body(const Head& head, std::string_view body, const std::string& reason, Refusal unknown) {
  auto found = find_message_head(body);
  Request request;
  request.id = std::move(found.id);
  if (request.id.is_null()) return unknown;
  request.era = head.version == kStatelessVersion ? Era::kStateless : Era::kStateful;
  const auto words = "the request is refused: " + reason;
  if (found.method == "tools/call")
    return {200, result_message(request, {{"content", text_content(words)}, {"isError", true}})};
  return {invalid_params_status(request), error_message(request.id, kInvalidParams, words)};
}

Answer initialize(const Request& request) {
  const auto asked = text_at(request.params, "protocolVersion");
  if (asked.empty()) return {200, error_message(request.id, kInvalidParams, "params.protocolVersion is missing")};
  return {200, result_message(request, {{"protocolVersion", is_stateful_version(asked) ? asked : kStatefulVersions[0]},
                                        {"capabilities", capabilities()},
                                        {"serverInfo", server_info()},
                                        {"instructions", kInstructions}})};
}

json list_tools() {
  json list = json::array();
  for (const auto& tool : tools()) {
    list.push_back({{"name", tool.name},
                    {"title", tool.title},
                    {"description", tool.description},
                    {"inputSchema", tool.input_schema},
                    {"outputSchema", tool.output_schema},
                    {"annotations",
                     {{"title", tool.title},
                      {"readOnlyHint", tool.read_only},
                      {"destructiveHint", tool.destructive},
                      {"idempotentHint", tool.idempotent},
                      {"openWorldHint", false}}}});
  }
  return {{"tools", std::move(list)}};
}

Answer no_such(const char* what, const Request& request) {
  const auto name = text_at(request.params, "name").substr(0, 100);
  return {invalid_params_status(request),
          error_message(request.id, kInvalidParams, fmt::format("there is no {} '{}'", what, name))};
}

Answer no_such_method(const Request& request) {
  return {request.era == Era::kStateless ? 404 : 200,
          error_message(request.id, kMethodNotFound, "there is no method " + request.method.substr(0, 100))};
}

Answer stateless_answer(const Request& request) {
  if (request.method == "server/discover") {
    return {200, cacheable(request, {{"supportedVersions", supported_versions()},
                                     {"capabilities", capabilities()},
                                     {"instructions", kInstructions}})};
  }
  return no_such_method(request);
}

Answer stateful_answer(const Request& request) {
  if (request.method == "initialize") return initialize(request);
  if (request.method == "ping") return {200, result_message(request, json::object())};
  return no_such_method(request);
}

}  // namespace

std::expected<Request, Refusal> read_request(const Head& head, std::string_view body) {
  if (body.size() > kMaxMessageBytes) {
    const auto reason = fmt::format(
        "it has {} bytes, and at most {} are taken; large inputs belong into the repository or the project's data",
        body.size(), kMaxMessageBytes);
    return std::unexpected(refuse_body(
        head, body, reason, {413, error_message(nullptr, kInvalidRequest, "the message is refused: " + reason)}));
  }
  auto message = api::parse_strict(body);
  if (!message) {
    const auto& reason = message.error().message;
    return std::unexpected(
        refuse_body(head, body, reason, {400, error_message(nullptr, kParseError, "the body is not JSON: " + reason)}));
  }
  if (!message->is_object() || text_at(*message, "jsonrpc") != "2.0") {
    return refuse(400, nullptr, kInvalidRequest,
                  "the body must be one JSON-RPC 2.0 message; send each message of a batch in a request of its own");
  }
  Request request;
  const auto id = message->find("id");
  const bool with_id = id != message->end();
  if (with_id && is_id(*id)) request.id = *id;
  request.method = text_at(*message, "method");
  if (request.method.empty()) {
    if (with_id && (message->contains("result") || message->contains("error"))) {
      request.notification = true;  // a response; the gateway sends no requests, so nothing waits for it
      return request;
    }
    return refuse(400, request.id, kInvalidRequest, "the message has no method");
  }
  if (with_id && request.id.is_null()) {
    return refuse(400, nullptr, kInvalidRequest,
                  fmt::format("id must be a string of at most {} bytes or an integer", kMaxIdBytes));
  }
  request.notification = !with_id;
  if (const auto params = message->find("params"); params != message->end() && !params->is_null()) {
    if (!params->is_object()) return refuse(400, request.id, kInvalidParams, "params must be an object");
    request.params = std::move(*params);
  }
  RETURN_IF_ERROR(decide_era(head, request));
  const auto& meta = member(request.params, "_meta");
  const auto& token = member(meta, "progressToken");
  if (is_id(token)) {
    request.progress_token = token;
  } else if (token.is_string()) {
    return refuse(400, request.id, kInvalidParams,
                  fmt::format("progressToken in params._meta: at most {} bytes", kMaxIdBytes));
  }
  request.idempotency_key = text_at(meta, kMetaIdempotency);
  if (request.idempotency_key.size() > kMaxIdempotencyKey) {
    return refuse(400, request.id, kInvalidParams,
                  fmt::format("{} in params._meta: at most {} bytes", kMetaIdempotency, kMaxIdempotencyKey));
  }
  return request;
}

Answer answer(const Request& request) {
  if (request.method == "tools/list") return {200, cacheable(request, list_tools())};
  if (request.method == "prompts/list") return {200, cacheable(request, {{"prompts", json::array()}})};
  if (request.method == "resources/list") return {200, cacheable(request, {{"resources", json::array()}})};
  if (request.method == "resources/templates/list") {
    return {200, cacheable(request, {{"resourceTemplates", json::array()}})};
  }
  if (request.method == "prompts/get") return no_such("prompt", request);
  if (request.method == "resources/read") {
    const bool stateless = request.era == Era::kStateless;
    return {invalid_params_status(request),
            error_message(request.id, stateless ? kInvalidParams : kResourceNotFound, "resource not found",
                          {{"uri", text_at(request.params, "uri").substr(0, 1000)}})};
  }
  return request.era == Era::kStateless ? stateless_answer(request) : stateful_answer(request);
}

std::expected<const Tool*, Answer> tool_of(const Request& request) {
  const auto name = text_at(request.params, "name");
  if (const Tool* tool = find_tool(name)) return tool;
  return std::unexpected(no_such("tool", request));
}

json arguments_of(const Request& request) {
  const auto& arguments = member(request.params, "arguments");
  return arguments.is_null() ? json::object() : arguments;
}

json take_arguments(Request& request) {
  auto& params = request.params;
  auto arguments = json::object();
  if (const auto found = params.find("arguments"); found != params.end() && !found->is_null()) {
    arguments = std::move(*found);
  }
  params = {{"name", text_at(params, "name")}};
  return arguments;
}

namespace {

// A long value, as a text that is short: the beginning and the end of a text, and of another value its size.
std::string short_form(const json& value, std::size_t most, std::size_t size) {
  if (!value.is_string()) return fmt::format("[{} bytes, in structuredContent]", size);
  const auto& whole = value.get_ref<const std::string&>();
  if (whole.size() <= most) return whole;
  const auto gap = fmt::format("\n[... the {} bytes between are in structuredContent ...]\n", whole.size() - most);
  return cut_middle(whole, most, gap);
}

// The fields as JSON text, which is what language models read. It begins with run_id and status. Clients refuse answers
// of more than some 25,000 tokens, and a token of numbers has two or three bytes; so the text of a large result has
// only the beginning and the end of long texts, and leaves out other long fields.
std::string text_block(const json& fields) {
  constexpr std::size_t kWhole = std::size_t{64} << 10U;
  constexpr std::size_t kLong = std::size_t{8} << 10U;
  auto shown = answer_members(fields);
  auto text = object_text(shown);
  if (text.size() <= kWhole) return text;
  for (auto& [name, value] : shown) {
    if (value.size() > kLong) value = api::json_text(short_form(fields.at(name), kLong, value.size()));
  }
  return object_text(shown);
}

}  // namespace

json tool_answer(const Request& request, Result<json> outcome) {
  if (!outcome) {
    return result_message(request, {{"content", text_content(std::move(outcome.error().message))}, {"isError", true}});
  }
  auto words = text_block(*outcome);
  return result_message(
      request,
      {{"content", text_content(std::move(words))}, {"structuredContent", std::move(*outcome)}, {"isError", false}});
}

json progress(const Request& request, std::uint64_t step, std::string_view message) {
  return {{"jsonrpc", "2.0"},
          {"method", "notifications/progress"},
          {"params", {{"progressToken", request.progress_token}, {"progress", step}, {"message", message}}}};
}

}  // namespace modelrun::gateway::mcp
