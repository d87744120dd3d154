// The spans of requests, and what runs learn of them.
#include "api/trace_context.h"
#include "fakes/fake_tracer.h"
#include "unit/gateway/http/http_fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr std::string_view kTraceId = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kParent = "b7ad6b7169203331";

std::string traceparent(int flags) {
  return fmt::format("traceparent: 00-{}-{}-{:02x}\r\n", kTraceId, kParent, flags);
}

class TracedHttpTest : public HttpTest {
 protected:
  TracedHttpTest() {
    app_options.tracer = &tracer;
    times.pin_timeout = std::chrono::milliseconds(1);
  }
  ~TracedHttpTest() override { close(); }

  // The spans, once there are so many of them.
  std::vector<traces::Span> spans(std::size_t count) {
    EXPECT_TRUE(eventually([&] { return tracer.spans().size() >= count; }));
    EXPECT_TRUE(idle());
    EXPECT_EQ(tracer.spans().size(), count);
    return tracer.spans();
  }
  static std::map<std::string, std::string> texts(const traces::Span& span) {
    std::map<std::string, std::string> texts;
    for (const auto& [key, value] : span.attributes) {
      const auto* number = std::get_if<std::int64_t>(&value);
      texts[key] = number != nullptr ? std::to_string(*number) : std::get<std::string>(value);
    }
    return texts;
  }
  static std::string start_run(const std::string& more = {}) {
    return request("POST", "/v1/runs", R"({"project_name":"forecasts","scope":"project","mode":"async"})", more);
  }
  std::string annotation() { return wait_for_run()["metadata"]["annotations"].value("modelrun.dev/traceparent", ""); }

  fakes::FakeTracer tracer;
};

TEST_F(TracedHttpTest, ACallOfAToolIsASpanAndTheRunBelongsBelowIt) {
  const auto answer = ask(start_run(traceparent(1)));
  ASSERT_EQ(answer.status, 202) << answer.body;
  const auto span = spans(1).front();
  EXPECT_EQ(span.name, "POST /v1/runs");
  EXPECT_EQ(span.kind, traces::SpanKind::kServer);
  EXPECT_EQ(span.self.trace_id, kTraceId);
  EXPECT_EQ(span.parent, kParent);
  EXPECT_TRUE(span.remote_parent);
  EXPECT_FALSE(span.error);
  EXPECT_EQ(texts(span),
            (std::map<std::string, std::string>{{"http.request.method", "POST"},
                                                {"http.route", "/v1/runs"},
                                                {"http.response.status_code", "202"},
                                                {"gen_ai.tool.name", "run"},
                                                {"modelrun.run.uid", answer.json()["run_id"].get<std::string>()}}));
  EXPECT_EQ(annotation(), fmt::format("00-{}-{}-01", kTraceId, span.self.span_id));
}

TEST_F(TracedHttpTest, WithoutATraceparentATraceBeginsHere) {
  ask(start_run());
  const auto span = spans(1).front();
  EXPECT_TRUE(span.parent.empty());
  EXPECT_FALSE(span.remote_parent);
  EXPECT_EQ(api::parse_traceparent(annotation()), span.self);
  EXPECT_TRUE(span.self.sampled());
}

TEST_F(TracedHttpTest, ATraceThatIsNotSampledLeavesNoSpanAndIsHandedOnAllTheSame) {
  ask(start_run(traceparent(0)));
  EXPECT_TRUE(idle());
  const auto handed_on = api::parse_traceparent(annotation());
  ASSERT_TRUE(handed_on);
  EXPECT_EQ(handed_on->trace_id, kTraceId);
  EXPECT_FALSE(handed_on->sampled());
  EXPECT_TRUE(tracer.spans().empty());
}

TEST_F(TracedHttpTest, McpCallsAreNamedAfterTheirTool) {
  const auto uid = put_run("a", success());
  ask(mcp("tools/call", {{"name", "get_run"}, {"arguments", {{"run_id", uid}}}}, traceparent(1)));
  const auto from_memory = spans(1).front();
  EXPECT_EQ(from_memory.name, "tools/call get_run");
  auto expected = std::map<std::string, std::string>{
      {"http.request.method", "POST"},   {"http.route", "/mcp"},          {"http.response.status_code", "200"},
      {"mcp.method.name", "tools/call"}, {"gen_ai.tool.name", "get_run"}, {"modelrun.run.uid", uid}};
  EXPECT_EQ(texts(from_memory), expected);
  ask(mcp("tools/call", {{"name", "list_runs"}, {"arguments", {{"project_name", "forecasts"}}}}));
  EXPECT_EQ(spans(2).back().name, "tools/call list_runs");
}

TEST_F(TracedHttpTest, TheTraceOfAnMcpMessageCountsWithoutAHeader) {
  const json call{{"name", "list_projects"},
                  {"arguments", json::object()},
                  {"_meta", {{"traceparent", fmt::format("00-{}-{}-01", kTraceId, kParent)}}}};
  ask(mcp("tools/call", call));
  EXPECT_EQ(spans(1).back().self.trace_id, kTraceId);
  EXPECT_EQ(spans(1).back().parent, kParent);
  ask(mcp("tools/call", call, "traceparent: 00-11111111111111111111111111111111-2222222222222222-01\r\n"));
  EXPECT_EQ(spans(2).back().parent, "2222222222222222");
}

TEST_F(TracedHttpTest, WhatFailsIsMarked) {
  ask(mcp("tools/call", {{"name", "get_run"}, {"arguments", {{"run_id", "77777777"}}}}));
  auto span = spans(1).back();
  EXPECT_TRUE(span.error);
  EXPECT_TRUE(span.error_message.empty());  // what went wrong with whose model is for those who may read the run
  EXPECT_EQ(texts(span).at("error.type"), "tool_error");
  ask(mcp("tools/call", {{"name", "run"}, {"arguments", json::object()}}));  // its arguments are refused
  EXPECT_TRUE(spans(2).back().error);
  ask(request("GET", "/v1/runs/77777777"));
  span = spans(3).back();
  EXPECT_FALSE(span.error);  // a client's mistake
  EXPECT_EQ(texts(span).at("error.type"), "404");
  ask(request("POST", "/v1/runs", "{"));
  span = spans(4).back();
  EXPECT_EQ(texts(span).at("error.type"), "400");
  EXPECT_FALSE(span.error);
}

TEST_F(TracedHttpTest, ListsByPlainHttpAreCallsOfTheirTools) {
  ask(request("GET", "/v1/runs?project_name=forecasts"));
  EXPECT_EQ(texts(spans(1).back()).at("gen_ai.tool.name"), "list_runs");
  ask(request("GET", "/v1/projects"));
  EXPECT_EQ(texts(spans(2).back()).at("gen_ai.tool.name"), "list_projects");
}

TEST_F(TracedHttpTest, WhatCallsNoToolLeavesNoSpan) {
  ask(request("GET", "/healthz", {}, {}, ""));
  ask(request("GET", "/openapi.json"));
  ask(request("GET", "/openapi.json", {}, {}, "wrong"));
  ask(mcp("tools/list"));
  ask(mcp("tools/call", {{"name", "no such tool"}, {"arguments", json::object()}}));
  EXPECT_TRUE(idle());
  EXPECT_TRUE(tracer.spans().empty());
}

TEST_F(TracedHttpTest, AWaitingCallEndsWithItsAnswer) {
  Client connection(port());
  connection.send(
      mcp("tools/call",
          {{"name", "run"}, {"arguments", {{"project_name", "forecasts"}, {"scope", "project"}, {"mode", "sync"}}}},
          "Accept: application/json, text/event-stream\r\n"));
  const auto run = wait_for_run();
  connection.read_until(": alive");
  EXPECT_TRUE(tracer.spans().empty());
  clock.advance(std::chrono::seconds(3));
  set_status(success());
  connection.receive();
  const auto span = spans(1).front();
  EXPECT_EQ(span.end - span.begin, std::chrono::seconds(3));
  EXPECT_EQ(texts(span).at("modelrun.run.uid"), run["metadata"]["uid"].get<std::string>());
}

TEST_F(HttpTest, WithoutTracingTheTraceparentIsHandedOnAsItCame) {
  times.pin_timeout = std::chrono::milliseconds(1);
  ask(request("POST", "/v1/runs", R"({"project_name":"forecasts","scope":"project","mode":"async"})", traceparent(1)));
  EXPECT_EQ(wait_for_run()["metadata"]["annotations"]["modelrun.dev/traceparent"],
            fmt::format("00-{}-{}-01", kTraceId, kParent));
}

TEST_F(HttpTest, WithoutTracingTheTraceOfAnMcpMessageIsHandedOnToo) {
  times.pin_timeout = std::chrono::milliseconds(1);
  ask(mcp("tools/call", {{"name", "run"},
                         {"arguments", {{"project_name", "forecasts"}, {"scope", "project"}, {"mode", "async"}}},
                         {"_meta", {{"traceparent", fmt::format("00-{}-{}-01", kTraceId, kParent)}}}}));
  EXPECT_EQ(wait_for_run()["metadata"]["annotations"]["modelrun.dev/traceparent"],
            fmt::format("00-{}-{}-01", kTraceId, kParent));
}

}  // namespace
}  // namespace modelrun::gateway
