#include "gateway/web/mcp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace modelrun::gateway::mcp {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kModern = "2026-07-28";
const json kMeta{{"io.modelcontextprotocol/protocolVersion", kModern},
                 {"io.modelcontextprotocol/clientCapabilities", json::object()}};

std::string body(const std::string& method, json params = nullptr, json id = 1) {
  json message{{"jsonrpc", "2.0"}, {"id", std::move(id)}, {"method", method}};
  if (!params.is_null()) message["params"] = std::move(params);
  return message.dump();
}

struct Refused {
  int http = 0;
  int code = 0;
  friend bool operator==(const Refused&, const Refused&) = default;
  friend void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.http << " " << refused.code; }
};

Refused refused(const Head& head, const std::string& text) {
  const auto request = read_request(head, text);
  if (request) return {};
  return {request.error().http_status, request.error().message["error"]["code"]};
}

json ask(const Head& head, const std::string& text, int expected_status = 200) {
  const auto request = read_request(head, text);
  EXPECT_TRUE(request) << request.error().message;
  const auto answered = answer(*request);
  EXPECT_EQ(answered.http_status, expected_status);
  return answered.message;
}

json ask_modern(const std::string& method, int expected_status = 200) {
  return ask({.version = kModern, .method = method}, body(method, {{"_meta", kMeta}}), expected_status);
}

TEST(Mcp, EraFollowsTheBodyAndTheVersionHeader) {
  const auto era = [](const Head& head, const std::string& text) {
    const auto request = read_request(head, text);
    EXPECT_TRUE(request) << request.error().message;
    return request ? request->era : Era::kStateful;
  };
  EXPECT_EQ(era({}, body("tools/list")), Era::kStateful);
  EXPECT_EQ(era({.version = "2025-11-25"}, body("tools/list")), Era::kStateful);
  // Real clients of the older era send the new header.
  EXPECT_EQ(era({.version = "2025-06-18", .method = "tools/list"}, body("tools/list")), Era::kStateful);
  EXPECT_EQ(era({.version = kModern, .method = "tools/list"}, body("tools/list", {{"_meta", kMeta}})), Era::kStateless);
}

// A client that has several requests under way must learn which one is meant.
TEST(Mcp, ARefusedBodyIsAnsweredToItsRequest) {
  const auto ask_raw = [](const std::string& text, const Head& head = {}) {
    const auto refused = read_request(head, text);
    EXPECT_FALSE(refused) << text;
    return refused ? json() : json{{"status", refused.error().http_status}, {"answer", refused.error().message}};
  };
  const std::string call =
      R"({"method":"tools/call","params":{"name":"run","id":9,"arguments":{"parameters":{"id":1,"n":18446744073709551615}}},"jsonrpc":"2.0","id":"a"})";
  const auto told = ask_raw(call);
  EXPECT_EQ(told["status"], 200);
  EXPECT_EQ(told["answer"]["id"], "a");
  EXPECT_EQ(told["answer"]["result"]["isError"], true);
  EXPECT_THAT(told["answer"]["result"]["content"][0]["text"].get<std::string>(),
              HasSubstr("/params/arguments/parameters/n"));
  for (const char* number : {"1e400", "-1e400", "123456789012345678901234567890"}) {
    const auto refused = ask_raw(
        R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"run","arguments":{"parameters":{"deep":[{"n":)" +
        std::string(number) + "}]}}}}");
    EXPECT_EQ(refused["answer"]["id"], 3);
    EXPECT_EQ(refused["answer"]["result"]["isError"], true) << number;
    EXPECT_THAT(refused["answer"]["result"]["content"][0]["text"].get<std::string>(),
                HasSubstr("/params/arguments/parameters/deep/0/n"))
        << number;
  }
  EXPECT_EQ(ask_raw(call, {.version = kModern})["answer"]["result"]["resultType"], "complete");
  const auto other = ask_raw(R"({"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":1,"a":2}})");
  EXPECT_EQ(other["answer"]["id"], 7);
  EXPECT_EQ(other["answer"]["error"]["code"], kInvalidParams);
  for (const char* without :
       {R"({"jsonrpc":"2.0","id":18446744073709551615,"method":"ping"})",
        R"({"jsonrpc":"2.0","id":{"id":1},"method":"ping","a":1e999})", R"([{"id":1}])", "{\"id", ""}) {
    EXPECT_EQ(ask_raw(without)["answer"]["id"], nullptr) << without;
  }
}

TEST(Mcp, ABodyThatIsTooLargeIsAnsweredToItsRequest) {
  const std::string much(kMaxMessageBytes, 'x');
  // Clients write the id last.
  const auto text = [&](const std::string& method, const std::string& id) {
    return R"({"method":")" + method + R"(","params":{"name":"run","arguments":{"id":5,"text":")" + much + R"("}},)" +
           id + R"("jsonrpc":"2.0"})";
  };
  const auto call = read_request({}, text("tools/call", R"("id":"a",)")).error();
  EXPECT_EQ(call.http_status, 200);
  EXPECT_EQ(call.message["id"], "a");
  EXPECT_EQ(call.message["result"]["isError"], true);
  EXPECT_THAT(call.message["result"]["content"][0]["text"].get<std::string>(), HasSubstr("at most 1048576 are taken"));
  const auto ping = read_request({}, text("ping", R"("id":7,)")).error();
  EXPECT_EQ(ping.message["id"], 7);
  EXPECT_EQ(ping.message["error"]["code"], kInvalidParams);
  const auto none = read_request({}, text("ping", "")).error();
  EXPECT_EQ(none.http_status, 413);
  EXPECT_EQ(none.message["error"]["code"], kInvalidRequest);
}

TEST(Mcp, MalformedRequestsAreRefused) {
  const json named{{"_meta", kMeta}, {"name", "run"}};
  struct Row {
    const char* what;
    Head head;
    std::string text;
    Refused expected;
  };
  const std::vector<Row> rows{
      {"no JSON", {}, "{", {400, kParseError}},
      {"doubled key", {}, R"({"jsonrpc":"2.0","id":1,"id":2,"method":"ping"})", {400, kParseError}},
      {"batch", {}, "[" + body("ping") + "]", {400, kInvalidRequest}},
      {"no version of JSON-RPC", {}, R"({"id":1,"method":"ping"})", {400, kInvalidRequest}},
      {"no method", {}, R"({"jsonrpc":"2.0","id":1})", {400, kInvalidRequest}},
      {"null id", {}, R"({"jsonrpc":"2.0","id":null,"method":"ping"})", {400, kInvalidRequest}},
      {"params no object", {}, body("ping", json::array({1})), {400, kInvalidParams}},
      {"unknown version", {.version = "1999-01-01"}, body("ping"), {400, kUnsupportedVersion}},
      {"version without _meta",
       {.version = kModern, .method = "tools/list"},
       body("tools/list"),
       {400, kInvalidParams}},
      {"no capabilities",
       {.version = kModern, .method = "tools/list"},
       body("tools/list", {{"_meta", {{"io.modelcontextprotocol/protocolVersion", kModern}}}}),
       {400, kInvalidParams}},
      {"other version in header",
       {.version = "2025-11-25", .method = "tools/list"},
       body("tools/list", {{"_meta", kMeta}}),
       {400, kHeaderMismatch}},
      {"unknown version, other in header",
       {.version = kModern, .method = "tools/list"},
       body("tools/list", {{"_meta",
                            {{"io.modelcontextprotocol/protocolVersion", "2030-01-01"},
                             {"io.modelcontextprotocol/clientCapabilities", json::object()}}}}),
       {400, kHeaderMismatch}},
      {"no method header", {.version = kModern}, body("tools/list", {{"_meta", kMeta}}), {400, kHeaderMismatch}},
      {"other method in header",
       {.version = kModern, .method = "ping"},
       body("tools/list", {{"_meta", kMeta}}),
       {400, kHeaderMismatch}},
      {"no name", {.version = kModern, .method = "tools/call"}, body("tools/call", named), {400, kHeaderMismatch}},
      {"other name",
       {.version = kModern, .method = "tools/call", .name = "cancel_run"},
       body("tools/call", named),
       {400, kHeaderMismatch}},
      {"bad base64 name",
       {.version = kModern, .method = "tools/call", .name = "=?base64?!?="},
       body("tools/call", named),
       {400, kHeaderMismatch}},
      {"plain name", {.version = kModern, .method = "tools/call", .name = "run"}, body("tools/call", named), {}},
      {"base64 name",
       {.version = kModern, .method = "tools/call", .name = "=?base64?cnVu?="},
       body("tools/call", named),
       {}},
  };
  for (const auto& row : rows) EXPECT_EQ(refused(row.head, row.text), row.expected) << row.what;
  const json future{{"io.modelcontextprotocol/protocolVersion", "2030-01-01"},
                    {"io.modelcontextprotocol/clientCapabilities", json::object()}};
  const auto late = read_request({.version = "2030-01-01"}, body("server/discover", {{"_meta", future}}));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message["error"]["code"], kUnsupportedVersion);
  EXPECT_EQ(late.error().message["error"]["data"]["supported"],
            ask_modern("server/discover")["result"]["supportedVersions"]);
}

TEST(Mcp, InitializeNegotiates) {
  const auto version = [](const char* asked) {
    return ask({}, body("initialize", {{"protocolVersion", asked}}))["result"]["protocolVersion"];
  };
  EXPECT_EQ(version("2025-06-18"), "2025-06-18");
  EXPECT_EQ(version("2024-11-05"), "2024-11-05");
  EXPECT_EQ(version("2026-07-28"), "2025-11-25");
  EXPECT_EQ(version("nonsense"), "2025-11-25");
  EXPECT_EQ(ask({}, body("ping", nullptr, "an id"))["id"], "an id");
  EXPECT_EQ(ask({}, body("ping"))["result"], json::object());
  EXPECT_EQ(ask({}, body("logging/setLevel"))["error"]["code"], kMethodNotFound);
  EXPECT_FALSE(ask({}, body("tools/list"))["result"].contains("resultType"));
  EXPECT_EQ(ask({}, body("resources/read", {{"uri", "x:y"}}))["error"]["code"], kResourceNotFound);
}

TEST(Mcp, StatelessResultsCarryTheirTypeAndLifetime) {
  const auto discovered = ask_modern("server/discover")["result"];
  EXPECT_EQ(discovered["supportedVersions"], (json{kModern, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"}));
  // What answers is declared.
  for (const char* what : {"tools", "prompts", "resources"}) {
    EXPECT_TRUE(discovered["capabilities"][what].is_object()) << what;
  }
  EXPECT_EQ(discovered["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "modelrun-gateway");
  for (const char* method :
       {"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list"}) {
    const auto result = ask_modern(method)["result"];
    EXPECT_EQ(result["resultType"], "complete") << method;
    EXPECT_TRUE(result["ttlMs"].is_number_integer()) << method;
    EXPECT_EQ(result["cacheScope"], "public") << method;
  }
  EXPECT_EQ(ask({.version = kModern, .method = "resources/read", .name = "x:y"},
                body("resources/read", {{"_meta", kMeta}, {"uri", "x:y"}}), 400)["error"]["code"],
            kInvalidParams);
  EXPECT_EQ(ask({.version = kModern, .method = "prompts/get", .name = "p"},
                body("prompts/get", {{"_meta", kMeta}, {"name", "p"}}), 400)["error"]["code"],
            kInvalidParams);
  for (const char* gone : {"initialize", "ping", "logging/setLevel", "resources/subscribe"}) {
    EXPECT_EQ(ask_modern(gone, 404)["error"]["code"], kMethodNotFound) << gone;
  }
}

TEST(Mcp, ToolsAreListedInOneOrderWithFlatSchemas) {
  const auto list = ask({}, body("tools/list"))["result"]["tools"];
  std::vector<std::string> names;
  for (const auto& tool : list) {
    names.push_back(tool["name"]);
    for (const char* which : {"inputSchema", "outputSchema"}) {
      EXPECT_EQ(tool[which]["type"], "object");
      for (const char* root : {"oneOf", "anyOf", "allOf", "if", "not"}) EXPECT_FALSE(tool[which].contains(root));
    }
  }
  EXPECT_EQ(names, (std::vector<std::string>{"run", "get_run", "list_runs", "get_run_output", "cancel_run",
                                             "list_projects", "get_run_log", "sweep", "get_sweep", "list_sweeps",
                                             "cancel_sweep", "compare_runs", "compare_branches", "explain_runs"}));
  EXPECT_EQ(list[1]["annotations"]["readOnlyHint"], true);
  EXPECT_EQ(list[1]["annotations"]["idempotentHint"], true);
  EXPECT_EQ(list[0]["annotations"]["readOnlyHint"], false);
}

TEST(Mcp, UnknownToolIsAProtocolErrorAndFailedWorkIsNot) {
  const auto request = read_request({}, body("tools/call", {{"name", "test_simple_text"}}));
  ASSERT_TRUE(request);
  const auto tool = tool_of(*request);
  ASSERT_FALSE(tool);
  EXPECT_EQ(tool.error().message["error"]["code"], kInvalidParams);
  EXPECT_EQ(tool.error().http_status, 200);
  const auto failed = tool_answer(*request, fail(ErrorKind::kNotFound, "there is no run"))["result"];
  EXPECT_EQ(failed["isError"], true);
  EXPECT_EQ(failed["content"][0]["text"], "there is no run");
  const auto done = tool_answer(*request, json{{"a", 1}})["result"];
  EXPECT_EQ(done["structuredContent"], (json{{"a", 1}}));
  EXPECT_EQ(json::parse(done["content"][0]["text"].get<std::string>()), done["structuredContent"]);
}

// A client gives the text to a language model, and refuses what is too long for one.
TEST(Mcp, TheTextOfALargeAnswerHasBothEndsOfLongTexts) {
  const auto request = read_request({}, body("tools/call", {{"name", "run"}}));
  const std::string out = "first " + std::string(500000, 'x') + " last";
  const json fields{{"exit_code", 0},
                    {"outputs", {{"a", std::vector<int>(100000, 7)}}},
                    {"run_id", "u"},
                    {"status", "success"},
                    {"stdout", out}};
  const auto result = tool_answer(*request, fields)["result"];
  EXPECT_EQ(result["structuredContent"], fields);
  const auto text = result["content"][0]["text"].get<std::string>();
  EXPECT_LT(text.size(), 64U << 10U);
  EXPECT_TRUE(text.starts_with(R"({"run_id":"u","status":"success",)")) << text.substr(0, 80);
  const auto shown = json::parse(text);
  EXPECT_TRUE(shown["stdout"].get<std::string>().starts_with("first "));
  EXPECT_TRUE(shown["stdout"].get<std::string>().ends_with(" last"));
  EXPECT_THAT(shown["outputs"].get<std::string>(), HasSubstr("in structuredContent"));
}

// Agents end their work at isError.
TEST(Mcp, ARunThatFailedIsAResult) {
  const auto told = [](const char* tool, const json& fields) {
    const auto request = read_request({}, body("tools/call", {{"name", tool}}));
    const auto result = tool_answer(*request, fields)["result"];
    EXPECT_EQ(result["structuredContent"], fields);
    EXPECT_EQ(json::parse(result["content"][0]["text"].get<std::string>()), fields);
    return result["isError"];
  };
  for (const char* status : {"failed", "timed_out", "cancelled"}) {
    EXPECT_EQ(told("run", {{"status", status}, {"exit_code", nullptr}, {"stdout", "so far"}}), false) << status;
    EXPECT_EQ(told("get_run", {{"status", status}, {"output", nullptr}}), false) << status;
    EXPECT_EQ(told("cancel_run", {{"status", status}}), false) << status;
  }
  EXPECT_EQ(told("run", {{"status", "success"}, {"exit_code", 0}}), false);
  EXPECT_EQ(told("run", {{"status", "failed"}, {"message", "ask get_run"}}), false) << "async: the start succeeded";
}

TEST(Mcp, NotificationsAndResponsesWantNoAnswer) {
  EXPECT_TRUE(read_request({}, R"({"jsonrpc":"2.0","method":"notifications/initialized"})")->notification);
  EXPECT_TRUE(read_request({}, R"({"jsonrpc":"2.0","id":4,"result":{}})")->notification);
  EXPECT_TRUE(
      read_request({.version = kModern}, R"({"jsonrpc":"2.0","method":"notifications/cancelled"})")->notification);
}

TEST(Mcp, ProgressTokenAndIdempotencyKeyComeFromMeta) {
  const auto request = read_request(
      {},
      body("tools/call", {{"name", "run"}, {"_meta", {{"progressToken", 9}, {"modelrun.dev/idempotency-key", "k"}}}}));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->idempotency_key, "k");
  EXPECT_EQ(progress(*request, 2, "m")["params"], (json{{"progressToken", 9}, {"progress", 2}, {"message", "m"}}));
}

}  // namespace
}  // namespace modelrun::gateway::mcp
