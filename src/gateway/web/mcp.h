// The Model Context Protocol (MCP) over Streamable HTTP, without the HTTP: parses requests and builds JSON-RPC
// messages. mcp_endpoint.h connects it to HTTP and to the tools. Pure.
//
// Clients speak one of two kinds of protocol versions, called eras here:
//   stateful   2025-11-25 and older (back to 2024-11-05). `initialize` is answered, but there are no sessions: every
//              request is handled on its own.
//   stateless  2026-07-28. Each request names its version in params._meta; HTTP headers repeat version, method and
//              name, and must agree with the body.
// Source: https://modelcontextprotocol.io/specification
//
//   auto request = read_request(head, body);           // a Refusal: answer with it
//   if (request->notification) ...                     // answer 202 without a body
//   if (request->method != "tools/call") ...           // answer with answer(*request)
//   auto tool = tool_of(*request);                     // an Answer: answer with it
//   auto arguments = read_arguments(**tool, take_arguments(*request));
//   (*tool)->call(*arguments, call,                    // answer with tool_answer(*request, fields)
//                 [...](Result<json> fields) { ... });
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "gateway/tools/tools.h"

namespace modelrun::gateway::mcp {

// JSON-RPC and MCP error codes.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;
inline constexpr int kResourceNotFound = -32002;  // in the stateful era only
inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kUnsupportedVersion = -32022;

enum class Era { kStateful, kStateless };

// The HTTP headers that MCP defines; nullopt for a header that the request does not have.
struct Head {
  std::optional<std::string> version;  // MCP-Protocol-Version
  std::optional<std::string> method;   // Mcp-Method
  std::optional<std::string> name;     // Mcp-Name
};

struct Request {
  Era era = Era::kStateful;
  std::string method;
  nlohmann::json id;  // a string of at most kMaxIdBytes (message_head.h) or an integer; null for a notification
  nlohmann::json params = nlohmann::json::object();
  nlohmann::json progress_token;  // as id; null: the client wants no progress messages
  std::string idempotency_key;    // from params._meta["modelrun.dev/idempotency-key"]; empty: none
  bool notification = false;      // or a response that the client sent: answer 202 without a body
};

// The answer to a request that cannot be handled: an HTTP status and a JSON-RPC message. The message is an error; for a
// tools/call that is too large, or whose JSON holds what cannot be kept, such as 2^64, it is a result with isError, and
// the status is 200.
struct Refusal {
  int http_status = 400;
  nlohmann::json message;
};

// Of a larger message only the id and the method are looked at, to refuse it.
inline constexpr std::size_t kMaxMessageBytes = std::size_t{1} << 20U;

// Parses one message and checks it, the protocol version, and, in the stateless era, the headers. A message that is
// no JSON, no JSON-RPC 2.0 (batches are not supported), too large, of an unknown version, or in conflict with its
// headers is refused. The refusal has the id of the message wherever that can be found.
std::expected<Request, Refusal> read_request(const Head& head, std::string_view body);

// A JSON-RPC message and its HTTP status.
struct Answer {
  int http_status = 200;
  nlohmann::json message;
};

// Answers any request but tools/call; an unknown method gives a JSON-RPC error. REQUIRES: no notification.
Answer answer(const Request& request);

// The tool that a request calls, or the error message for an unknown one. REQUIRES: the method is "tools/call".
std::expected<const Tool*, Answer> tool_of(const Request& request);
// params.arguments; an empty object if they are missing or null. Not checked: they may be of any JSON type.
nlohmann::json arguments_of(const Request& request);
// As arguments_of(), and leaves of `request.params` only what tool_answer() needs, for a call that lasts.
nlohmann::json take_arguments(Request& request);

// The answer to a tools/call whose outcome is `outcome`. An error becomes a result with isError and the error's
// message as text. A run that did not succeed is no error but a result, whose status says so: many agents end their
// work at isError.
nlohmann::json tool_answer(const Request& request, Result<nlohmann::json> outcome);

// A progress notification for the request. REQUIRES: it has a progress_token. `step` must increase with each message.
nlohmann::json progress(const Request& request, std::uint64_t step, std::string_view message);

}  // namespace modelrun::gateway::mcp
