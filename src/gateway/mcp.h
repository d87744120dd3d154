// MCP over Streamable HTTP, both eras, apart from HTTP and from the tools: requests in, JSON-RPC messages out. Pure.
//
// stateful: 2025-11-25 and older. `initialize` is answered, but there are no sessions: every request stands alone.
// stateless: 2026-07-28. Each request says its version in params._meta; headers repeat method and name and are checked.
// Source: https://modelcontextprotocol.io/specification
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "gateway/tools.h"

namespace modelrun::gateway::mcp {

// JSON-RPC and MCP error codes.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;
inline constexpr int kResourceNotFound = -32002;  // stateful era only
inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kUnsupportedVersion = -32022;

enum class Era { kStateful, kStateless };

// The header fields that MCP looks at; nothing for one that did not come.
struct Head {
  std::optional<std::string> version;  // MCP-Protocol-Version
  std::optional<std::string> method;   // Mcp-Method
  std::optional<std::string> name;     // Mcp-Name
};

struct Request {
  Era era = Era::kStateful;
  std::string method;
  nlohmann::json id;  // null for a notification
  nlohmann::json params = nlohmann::json::object();
  nlohmann::json progress_token;  // null: the client wants no progress
  std::string idempotency_key;
  bool notification = false;  // also a response of the client's: to be answered 202 without a body
};

// What is answered instead of doing anything.
struct Refusal {
  int http_status = 400;
  nlohmann::json message;
};

std::expected<Request, Refusal> read_request(const Head& head, std::string_view body);

// A message and the HTTP status that goes with it.
struct Answer {
  int http_status = 200;
  nlohmann::json message;
};

// Every method but tools/call and notifications.
Answer answer(const Request& request);

// REQUIRES: method "tools/call". The tool, or the refusal of an unknown one.
std::expected<const Tool*, Answer> tool_of(const Request& request);
// Null when they are missing: no arguments.
nlohmann::json arguments_of(const Request& request);

// What a call came to. A failure is isError, in words that say what to do; so is a sync run whose model failed, with
// all of its fields.
nlohmann::json tool_answer(const Request& request, Result<nlohmann::json> outcome);

// REQUIRES: a progress_token. `step` must rise from message to message.
nlohmann::json progress(const Request& request, std::uint64_t step, std::string_view message);

}  // namespace modelrun::gateway::mcp
