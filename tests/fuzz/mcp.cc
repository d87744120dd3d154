// Bodies of MCP requests. The input is the three headers, a line each (an empty one is absent), and the body.
#include "fuzz/fuzz.h"

#include "api/json_access.h"
#include "api/strict_json.h"
#include "gateway/web/mcp.h"

namespace {

using namespace modelrun;
namespace mcp = gateway::mcp;

void check_message(const nlohmann::json& message, std::size_t size) {
  const auto text = api::json_text(message);
  fuzz::expect(api::parse_strict(text).has_value(), "an answer is strict JSON");
  fuzz::expect(api::text_at(message, "jsonrpc") == "2.0", "an answer is JSON-RPC");
  fuzz::expect(text.size() <= (64U << 10U) + 8 * size, "an answer is bounded by its request");
}

std::optional<std::string> take_header(std::string_view& rest) {
  const auto line = fuzz::take_until(rest, '\n');
  return line.empty() ? std::nullopt : std::optional<std::string>(line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto body = fuzz::text_of(data, size);
  mcp::Head head;
  head.version = take_header(body);
  head.method = take_header(body);
  head.name = take_header(body);
  auto request = mcp::read_request(head, body);
  if (!request) {
    const auto& [status, message] = request.error();
    // 200: a request that is refused for what it holds, and that is answered by its id.
    const auto& id = message.at("id");
    fuzz::expect((status >= 400 && status < 500) || (status == 200 && (id.is_string() || id.is_number_integer())),
                 "a refusal is the client's");
    check_message(message, size);
    return 0;
  }
  if (request->notification) return 0;
  fuzz::expect(request->id.is_string() || request->id.is_number_integer(), "an id is a string or an integer");
  if (request->method != "tools/call") {
    check_message(mcp::answer(*request).message, size);
    return 0;
  }
  const auto tool = mcp::tool_of(*request);
  if (!tool) {
    check_message(tool.error().message, size);
    return 0;
  }
  const auto arguments = mcp::arguments_of(*request);
  fuzz::expect(mcp::take_arguments(*request) == arguments, "both readers of arguments agree");
  check_message(mcp::tool_answer(*request, arguments), size);
  check_message(mcp::tool_answer(*request, fail(ErrorKind::kInvalid, "no")), size);
  if (!request->progress_token.is_null()) check_message(mcp::progress(*request, 1, "step"), size);
  return 0;
}
