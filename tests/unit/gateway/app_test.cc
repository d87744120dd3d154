// What the gateway answers, over real sockets.
#include <latch>

#include "gateway/auth/origin.h"
#include "unit/gateway/http/http_fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const json kSync{{"scope", "project"}, {"mode", "sync"}, {"project_name", "forecasts"}};
const json kAsync{{"scope", "project"}, {"mode", "async"}, {"project_name", "forecasts"}};
const std::string kEvents = "Accept: application/json, text/event-stream\r\n";

TEST_F(HttpTest, GuardsStandBeforeEverything) {
  struct Row {
    const char* what;
    std::string bytes;
    int status;
  };
  const auto get = [](const std::string& head) { return "GET /v1/runs HTTP/1.1\r\n" + head + "\r\n"; };
  const std::string bearer = "Authorization: Bearer good\r\n";
  const std::vector<Row> rows{
      {"no token", request("GET", "/openapi.json", {}, {}, ""), 401},
      {"bad token", request("GET", "/openapi.json", {}, {}, "wrong"), 401},
      {"Bearer nothing", get("Host: localhost\r\nAuthorization: Bearer \r\n"), 401},
      {"basic", get("Host: localhost\r\nAuthorization: Basic Z29vZA==\r\n"), 401},
      {"two tokens", get("Host: localhost\r\n" + bearer + bearer), 401},
      {"token in the query", "GET /v1/runs?access_token=good HTTP/1.1\r\nHost: localhost\r\n\r\n", 401},
      {"cannot be checked", request("GET", "/openapi.json", {}, {}, "down"), 503},
      {"rebound name", get("Host: evil.example\r\n" + bearer), 403},
      {"rebound name, no token", get("Host: evil.example\r\n"), 403},
      {"no host", get(bearer), 400},
      {"two hosts", get("Host: localhost\r\nHost: evil.example\r\n" + bearer), 400},
      {"foreign origin", get("Host: localhost\r\nOrigin: https://evil.example\r\n" + bearer), 403},
      {"null origin", get("Host: localhost\r\nOrigin: null\r\n" + bearer), 403},
      {"own origin",
       "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:9\r\n" + bearer + "\r\n", 200},
      {"nothing here", request("GET", "/nothing"), 404},
      {"dots", request("GET", "/v1/runs/../../mcp"), 404},
      {"bad escape", request("GET", "/v1/runs/%zz"), 400},
      {"MCP by GET", request("GET", "/mcp"), 405},
      {"MCP by DELETE", request("DELETE", "/mcp"), 405},
      {"form post",
       "POST /mcp HTTP/1.1\r\nHost: localhost\r\n" + bearer + "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
       415},
      {"health", request("GET", "/healthz", {}, {}, ""), 200},
      {"readiness", request("GET", "/readyz", {}, {}, ""), 200},
      {"health by address", "GET /healthz HTTP/1.1\r\nHost: 10.1.2.3:8443\r\n\r\n", 200},
  };
  for (const auto& row : rows) {
    const auto answer = ask(row.bytes);
    EXPECT_EQ(answer.status, row.status) << row.what << ": " << answer.body;
    EXPECT_EQ(answer.body.find("good"), std::string::npos) << row.what;
  }
}

TEST_F(HttpTest, RefusalSaysWhereToGetAToken) {
  app_options.public_url = "https://models.example";
  app_options.authorization_servers = {"https://login.example"};
  const auto refused = ask(request("POST", "/mcp", "{}", {}, ""));
  EXPECT_EQ(refused.headers.at("www-authenticate"),
            "Bearer resource_metadata=\"https://models.example/.well-known/oauth-protected-resource/mcp\"");
  EXPECT_THAT(ask(request("POST", "/mcp", "{}", {}, "wrong")).headers.at("www-authenticate"),
              HasSubstr("invalid_token"));
  const auto metadata = ask(request("GET", "/.well-known/oauth-protected-resource/mcp", {}, {}, "")).json();
  EXPECT_EQ(metadata["resource"], "https://models.example/mcp");
  EXPECT_EQ(metadata["authorization_servers"], json::array({"https://login.example"}));
}

TEST_F(HttpTest, BothErasSpeak) {
  EXPECT_EQ(ask(mcp("initialize", {{"protocolVersion", "2025-11-25"}})).json()["result"]["protocolVersion"],
            "2025-11-25");
  EXPECT_EQ(ask(mcp("tools/list")).json()["result"]["tools"].size(), tools().size());
  EXPECT_EQ(ask(modern("server/discover")).json()["result"]["resultType"], "complete");
  EXPECT_EQ(ask(modern("ping")).status, 404);
  EXPECT_EQ(ask(request("POST", "/mcp", R"({"jsonrpc":"2.0","method":"notifications/initialized"})")).status, 202);
  EXPECT_EQ(ask(mcp("tools/list", json::object(), "MCP-Protocol-Version: 1999-01-01\r\n")).status, 400);
  const auto uid = put_run("a", success());
  const auto call = ask(modern("tools/call", {{"name", "get_run"}, {"arguments", {{"run_id", uid}}}})).json();
  EXPECT_EQ(call["result"]["structuredContent"]["run_number"], 7);
  EXPECT_EQ(call["result"]["isError"], false);
}

TEST_F(HttpTest, SyncRunStreamsProgressHeartbeatsAndTheResult) {
  Client connection(port());
  connection.send(
      mcp("tools/call", {{"name", "run"}, {"arguments", kSync}, {"_meta", {{"progressToken", "t"}}}}, kEvents));
  const auto run = wait_for_run();
  const auto first = connection.read_until("notifications/progress");
  EXPECT_THAT(first, HasSubstr("X-Accel-Buffering: no"));
  EXPECT_THAT(connection.read_until("\"progress\":3"), HasSubstr(run["metadata"]["uid"].get<std::string>()));
  set_status(success());
  const auto answer = connection.receive();
  EXPECT_EQ(answer.headers.at("content-type"), "text/event-stream");
  std::vector<json> messages;
  for (auto at = answer.body.find("data: "); at != std::string::npos; at = answer.body.find("data: ", at + 1)) {
    messages.push_back(json::parse(answer.body.substr(at + 6, answer.body.find('\n', at) - at - 6)));
  }
  ASSERT_GE(messages.size(), 4U);
  EXPECT_THAT(messages[0]["params"]["message"].get<std::string>(),
              HasSubstr(run["metadata"]["uid"].get<std::string>()));
  for (std::size_t i = 1; i + 1 < messages.size(); ++i) {
    EXPECT_GT(messages[i]["params"]["progress"], messages[i - 1]["params"]["progress"]);
  }
  EXPECT_EQ(messages.back()["result"]["structuredContent"]["status"], "success");
  // The connection is good for the next request.
  connection.send(mcp("ping"));
  EXPECT_EQ(connection.receive().status, 200);
}

TEST_F(HttpTest, SyncRunWithoutTokenOrStreamStillAnswers) {
  Client streaming(port());
  streaming.send(mcp("tools/call", {{"name", "run"}, {"arguments", kSync}}, kEvents));
  wait_for_run();
  EXPECT_THAT(streaming.read_until(": alive"), testing::Not(HasSubstr("notifications/progress")));
  set_status(success());
  EXPECT_THAT(streaming.receive().body, HasSubstr("\"status\":\"success\""));
  server.erase(kube::kModelRuns, "ns", server.all(kube::kModelRuns).front()["metadata"]["name"].get<std::string>());
  Client plain(port());
  plain.send(mcp("tools/call", {{"name", "run"}, {"arguments", kSync}}));
  wait_for_run();
  set_status(success());
  EXPECT_EQ(plain.receive().json()["result"]["structuredContent"]["exit_code"], 0);
}

// Whichever way a result is asked for, it begins with what the reader looks for first.
TEST_F(HttpTest, AnswersBeginWithRunIdAndStatus) {
  const auto expect = [](const std::string& text, std::string_view before) {
    EXPECT_THAT(text, HasSubstr(std::string(before) + "{\"run_id\":\""));
    const auto at = text.find("{\"run_id\":\"");
    EXPECT_TRUE(text.substr(text.find(',', at)).starts_with(",\"status\":\"")) << text;
  };
  const std::vector<std::pair<std::string, std::string>> rows{
      {mcp("tools/call", {{"name", "run"}, {"arguments", kSync}}), "\"structuredContent\":"},
      {mcp("tools/call", {{"name", "run"}, {"arguments", kSync}}, kEvents), "\"structuredContent\":"},
      {request("POST", "/v1/runs", kSync.dump()), ""},
      {request("POST", "/v1/runs", kSync.dump(), kEvents), "event: result\ndata: "}};
  for (const auto& [bytes, before] : rows) {
    Client connection(port());
    connection.send(bytes);
    wait_for_run();
    set_status(success());
    expect(connection.receive().body, before);
    server.erase(kube::kModelRuns, "ns", server.all(kube::kModelRuns).front()["metadata"]["name"].get<std::string>());
  }
}

TEST_F(HttpTest, LeavingCancelsInTheLaterEraOnly) {
  struct Row {
    std::string bytes;
    bool cancels;
  };
  const json call{{"name", "run"}, {"arguments", kSync}};
  json keyed = call;
  keyed["_meta"]["modelrun.dev/idempotency-key"] = "k";
  const std::vector<Row> rows{{mcp("tools/call", call, kEvents), false},
                              {modern("tools/call", call, kEvents), true},
                              {modern("tools/call", keyed, kEvents), false},
                              {modern("tools/call", call, kEvents + "Idempotency-Key: k2\r\n"), false},
                              {request("POST", "/v1/runs", kSync.dump()), false}};
  for (const auto& row : rows) {
    Client connection(port());
    connection.send(row.bytes);
    wait_for_run();
    EXPECT_TRUE(eventually([&] { return http->stats().requests == 1; }));
    connection.leave();
    EXPECT_TRUE(idle());
    EXPECT_EQ(cancelled(), row.cancels) << row.bytes;
    server.erase(kube::kModelRuns, "ns", server.all(kube::kModelRuns).front()["metadata"]["name"].get<std::string>());
  }
}

// The server's end is not the client's leaving.
TEST_F(HttpTest, StoppingAnswersWaitingCallsAndCancelsNothing) {
  server_options.stop_grace = std::chrono::milliseconds(1);
  Client connection(port());
  connection.send(modern("tools/call", {{"name", "run"}, {"arguments", kSync}}, kEvents));
  wait_for_run();
  connection.read_until(": alive");
  close();
  EXPECT_THAT(connection.receive().body, HasSubstr("goes on: ask get_run"));
  EXPECT_FALSE(cancelled());
}

TEST_F(HttpTest, PlainHttp) {
  times.pin_timeout = std::chrono::milliseconds(1);
  const auto started = ask(request("POST", "/v1/runs", kAsync.dump(),
                                   "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
  EXPECT_EQ(started.status, 202);
  const std::string id = started.json()["run_id"];
  EXPECT_EQ(started.headers.at("location"), "/v1/runs/" + id);
  EXPECT_EQ(wait_for_run()["metadata"]["annotations"]["modelrun.dev/traceparent"],
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  set_status(success());
  EXPECT_EQ(ask(request("GET", "/v1/runs/" + id)).json()["output"]["exit_code"], 0);
  EXPECT_EQ(ask(request("GET", "/v1/runs?project_name=forecasts&limit=5")).json()["total_returned"], 1);
  EXPECT_EQ(ask(request("GET", "/v1/runs?project_name=forecasts&limit=x")).status, 422);
  EXPECT_EQ(ask(request("GET", "/v1/runs/" + id + "/outputs/revenue")).json()["content"], "[100,110,121]");
  EXPECT_EQ(ask(request("GET", "/v1/runs/" + id + "/outputs/none")).status, 404);
  EXPECT_EQ(ask(request("POST", "/v1/runs/" + id + "/cancel")).json()["status"], "success");
  const auto missing = ask(request("GET", "/v1/runs/77777777"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(missing.json()["status"], 404);
  EXPECT_EQ(ask(request("POST", "/v1/runs", "{")).status, 400);
  EXPECT_EQ(ask(request("POST", "/v1/runs", "{}")).status, 422);
  for (const char* number : {"1e400", "123456789012345678901234567890", "18446744073709551615"}) {
    const auto text = fmt::format(R"({{"project_name": "p", "scope": "project", "parameters": {{"n": {}}}}})", number);
    const auto refused = ask(request("POST", "/v1/runs", text));
    EXPECT_EQ(refused.status, 400) << number;
    EXPECT_THAT(refused.body, ::testing::HasSubstr("/parameters/n")) << number;
  }
  EXPECT_EQ(ask(request("PUT", "/v1/runs", "{}")).status, 405);
  EXPECT_EQ(ask(request("POST", "/v1/runs", kAsync.dump(), "Idempotency-Key: k\r\n")).status, 202);
  EXPECT_EQ(
      ask(request("POST", "/v1/runs",
                  json{{"scope", "project"}, {"mode", "async"}, {"project_name", "forecasts"}, {"branch", "b"}}.dump(),
                  "Idempotency-Key: k\r\n"))
          .status,
      422);
}

TEST_F(HttpTest, OpenApiDocumentHasEveryOperation) {
  const auto document = ask(request("GET", "/openapi.json")).json();
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::string> operations;
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) operations.insert(operation["operationId"]);
  }
  for (const auto& tool : tools()) EXPECT_TRUE(operations.contains(std::string(tool.name))) << tool.name;
}

TEST_F(HttpTest, LogsOfARunThatIsOver) {
  const auto uid = put_run("a", success());
  const auto answer = ask(request("GET", "/v1/runs/" + uid + "/logs"));
  EXPECT_THAT(answer.body,
              HasSubstr("event: stdout\ndata: {\"text\":\"Run completed in 1.42s\\n\",\"truncated\":false}"));
  EXPECT_THAT(answer.body, HasSubstr("event: end\ndata: {\"exit_code\":0,\"status\":\"success\"}"));
  EXPECT_EQ(ask(request("GET", "/v1/runs/77777777/logs")).status, 404);
}

TEST_F(HttpTest, LogsOfARunThatIsUnderWay) {
  access.grant("get ns");
  const auto uid = put_run("a", {{"phase", "Pending"}});
  Client connection(port());
  connection.send(request("GET", "/v1/runs/" + uid + "/logs"));
  connection.read_until("\"status\":\"pending\"");
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "p"}}}});
  server.set_pod_log("ns", "p", "model", "line one\n");
  set_status({{"phase", "Running"}, {"podName", "p"}});
  connection.read_until("event: log\ndata: {\"text\":\"line one\\n\"}");
  set_status(success());
  EXPECT_THAT(connection.receive().body, HasSubstr("event: end"));
}

// The client has to know in what state the run is, however slowly it reads.
TEST_F(HttpTest, LogsLeaveNoStatusOut) {
  server_options.max_unsent_bytes = 1;
  server_options.send_buffer_bytes = 16 << 10;
  server_options.write_timeout = std::chrono::minutes(5);
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "p"}}}});
  server.set_pod_log("ns", "p", "model", std::string(std::size_t{7} << 20U, 'x'));
  const auto uid = put_run("a", {{"phase", "Running"}, {"podName", "p"}});
  Client connection(port());
  connection.send(request("GET", "/v1/runs/" + uid + "/logs"));
  connection.read_until("event: log");
  // The first of these ticks leaves something that waits behind what is being written.
  const auto ticks = [&](int more) {
    const int before = access.asked;
    return eventually([&] { return access.asked >= before + more; });
  };
  ASSERT_TRUE(ticks(3));
  set_status({{"phase", "Pending"}});
  ASSERT_TRUE(ticks(3));
  set_status(success());
  EXPECT_THAT(connection.receive().body, HasSubstr("\"status\":\"pending\""));
}

// The operator hears of a run's start from its pod, the kubelet only when it looks again.
TEST_F(HttpTest, LogsThatTheKubeletDoesNotHaveYet) {
  nlohmann::json pod{{"metadata", {{"namespace", "ns"}, {"name", "p"}}}};
  pod["status"]["containerStatuses"] = {{{"name", "model"}, {"state", {{"waiting", nlohmann::json::object()}}}}};
  server.put(kube::kPods, pod);
  server.set_pod_log("ns", "p", "model", "line one\n");
  const auto uid = put_run("a", {{"phase", "Running"}, {"podName", "p"}});
  Client connection(port());
  connection.send(request("GET", "/v1/runs/" + uid + "/logs"));
  const auto asked = [&] {
    return std::ranges::count_if(server.requests(), [](const auto& each) { return each.path.contains("/p/log?"); });
  };
  ASSERT_TRUE(eventually([&] { return asked() >= 2; }));
  pod["status"]["containerStatuses"][0]["state"] = {{"running", nlohmann::json::object()}};
  server.put(kube::kPods, pod);
  connection.read_until("event: log\ndata: {\"text\":\"line one\\n\"}");
  set_status(success());
  EXPECT_THAT(connection.receive().body, HasSubstr("event: end"));
}

TEST_F(HttpTest, EachCallerHasARateOfItsOwn) {
  app_options.rate = {.per_second = 0.001, .burst = 2, .max_names = 10};
  EXPECT_EQ(ask(request("GET", "/openapi.json")).status, 200);
  EXPECT_EQ(ask(request("GET", "/openapi.json")).status, 200);
  const auto slowed = ask(request("GET", "/openapi.json"));
  EXPECT_EQ(slowed.status, 429);
  EXPECT_EQ(slowed.headers.at("retry-after"), "1");
  EXPECT_EQ(ask(request("GET", "/openapi.json", {}, {}, "ben")).status, 200);
}

// Whoever may make one service account in a namespace may make many.
TEST_F(HttpTest, TheServiceAccountsOfANamespaceHaveOneRate) {
  app_options.rate = {.per_second = 1e-6, .burst = 2, .max_names = 10};
  EXPECT_EQ(ask(request("GET", "/openapi.json", {}, {}, "bot1")).status, 200);
  EXPECT_EQ(ask(request("GET", "/openapi.json", {}, {}, "bot2")).status, 200);
  for (const bool early : {true, false}) {
    at_once = early;
    EXPECT_EQ(ask(request("GET", "/openapi.json", {}, {}, "bot1")).status, 429);
    EXPECT_EQ(ask(request("GET", "/openapi.json", {}, {}, "bot2")).status, 429);
  }
  EXPECT_EQ(ask(request("GET", "/openapi.json")).status, 200);
}

TEST_F(HttpTest, TheLogSaysWhoIsSlowedDown) {
  app_options.rate = {.per_second = 1e-6, .burst = 1, .max_names = 10};
  EXPECT_EQ(ask(mcp("ping")).status, 200);
  testing::internal::CaptureStderr();
  for (const bool early : {true, false}) {
    at_once = early;
    EXPECT_EQ(ask(mcp("ping")).status, 429);
  }
  EXPECT_EQ(ask(request("POST", "/mcp", std::string(100'000, 'x'))).status, 429);
  close();
  const auto log = testing::internal::GetCapturedStderr();
  int lines = 0;
  for (auto at = log.find("status=\"429\""); at != std::string::npos; at = log.find("status=\"429\"", at + 1)) {
    EXPECT_THAT(log.substr(at, log.find('\n', at) - at), HasSubstr("user=\"ana\""));
    ++lines;
  }
  EXPECT_EQ(lines, 3);
}

// Whether it is remembered or looked up, the answer is the same.
TEST_F(HttpTest, RememberedAnswerIsThatOfTheLookUp) {
  const auto id = put_run("a", success());
  const json call{{"name", "get_run"}, {"arguments", {{"run_id", id}}}};
  const std::vector<std::string> requests{mcp("tools/call", call), modern("tools/call", call),
                                          request("GET", "/v1/runs/" + id.substr(0, 8))};
  std::vector<std::string> looked_up;
  at_once = false;
  for (const auto& each : requests) looked_up.push_back(ask(each).body);
  at_once = true;
  for (std::size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(ask(requests[i]).body, looked_up[i]);
  EXPECT_THAT(looked_up[0], HasSubstr("Run completed"));
}

TEST_F(HttpTest, WhatIsRememberedNeedsNoWorker) {
  const auto id = put_run("a", success());
  ASSERT_EQ(ask(request("GET", "/v1/runs/" + id)).status, 200);
  std::vector<std::unique_ptr<Client>> stuck;
  for (int i = 0; i < server_options.workers; ++i) {
    stuck.push_back(std::make_unique<Client>(port()));
    stuck.back()->send(request("GET", "/openapi.json", {}, {}, "stuck"));
  }
  ASSERT_TRUE(eventually([&] { return authenticator.stuck == server_options.workers; }));
  EXPECT_EQ(ask(request("GET", "/v1/runs/" + id)).json()["status"], "success");
  EXPECT_EQ(ask(mcp("tools/call", {{"name", "get_run"}, {"arguments", {{"run_id", id}}}})).json()["result"]["isError"],
            false);
  EXPECT_EQ(ask(request("GET", "/healthz", {}, {}, {})).status, 200);
  EXPECT_EQ(ask(request("GET", "/", {}, {}, {})).status, 200);
}

TEST_F(HttpTest, RememberedAnswersCountAgainstTheRate) {
  app_options.rate = {.per_second = 0.001, .burst = 1.2, .max_names = 10};
  const auto id = put_run("a", success());
  EXPECT_EQ(ask(request("GET", "/v1/runs/" + id)).status, 200);
  EXPECT_EQ(ask(request("GET", "/v1/runs/" + id)).status, 200);
  EXPECT_EQ(ask(request("GET", "/v1/runs/" + id)).status, 429);
}

TEST_F(HttpTest, GuessingTokensIsSlowedDown) {
  app_options.stranger_rate = {.per_second = 0.001, .burst = 1, .max_names = 10};
  EXPECT_EQ(ask(request("GET", "/openapi.json", {}, {}, "wrong")).status, 401);
  EXPECT_EQ(ask(request("GET", "/openapi.json", {}, {}, "wronger")).status, 429);
  EXPECT_EQ(ask(request("GET", "/openapi.json")).status, 200);
}

// Otherwise random tokens make as many requests to the API server as the guesser likes.
TEST_F(HttpTest, TheRateOfAnAddressIsAskedBeforeATokenIsLookedUp) {
  app_options.stranger_rate = {.per_second = 1e-6, .burst = 2, .max_names = 10};
  for (const bool early : {true, false}) {
    at_once = early;
    for (int i = 0; i < 10; ++i) ask(request("GET", "/openapi.json", {}, {}, fmt::format("wrong{}", i)));
    EXPECT_EQ(authenticator.asked, 2);
    EXPECT_EQ(ask(request("POST", "/mcp", std::string(50'000, 'x'), {}, "wrong")).status, 429);
  }
  EXPECT_EQ(authenticator.asked, 2);
  EXPECT_THAT(metrics.text(), HasSubstr("modelrun_gateway_refused_total{reason=\"tokens\"}"));
  Client other(port(), "127.0.0.2");
  other.send(request("GET", "/openapi.json", {}, {}, "fresh"));
  EXPECT_EQ(other.receive().status, 200);
}

// Behind a proxy, all clients have one address.
TEST_F(HttpTest, GuessingTokensLocksNobodyOutWhoWasAccepted) {
  app_options.stranger_rate = {.per_second = 1e-6, .burst = 2, .max_names = 10};
  // An accepted token gives back what it took.
  for (const char* token : {"fresh", "fresh1", "fresh2", "fresh3"}) {
    EXPECT_EQ(ask(request("GET", "/openapi.json", {}, {}, token)).status, 200);
  }
  for (int i = 0; i < 5; ++i) ask(request("GET", "/openapi.json", {}, {}, fmt::format("wrong{}", i)));
  EXPECT_EQ(ask(request("GET", "/openapi.json", {}, {}, "fresh")).status, 200);
}

TEST_F(HttpTest, TheTokenIsLookedAtBeforeABodyIsAccepted) {
  const auto head = [](const std::string& token) {
    auto text = request("POST", "/mcp", std::string(100'000, 'x'), {}, token);
    return text.substr(0, text.find("\r\n\r\n") + 4);
  };
  EXPECT_EQ(ask(head("")).status, 401);
  EXPECT_EQ(ask(head("wrong")).status, 401);
  EXPECT_EQ(ask(head("down")).status, 503);
  Client good(port());
  good.send(head("fresh"));
  good.send(std::string(100'000, 'x'));
  EXPECT_EQ(good.receive().status, 400);  // it is not JSON
  EXPECT_THAT(metrics.text(), HasSubstr("code=\"401\",route=\"/mcp\"} 2"));
}

// The gate answers on the io thread what it can.
TEST_F(HttpTest, ABodyOfAKnownCallerNeedsNoWorkerToBePermitted) {
  std::vector<std::unique_ptr<Client>> stuck;
  for (int i = 0; i < 4; ++i) {
    stuck.push_back(std::make_unique<Client>(port()));
    stuck.back()->send(request("GET", "/openapi.json", {}, {}, "stuck"));
  }
  ASSERT_TRUE(eventually([&] { return authenticator.stuck == server_options.workers; }));
  const auto head = [](const std::string& token) {
    auto text = request("POST", "/mcp", std::string(100'000, 'x'), "Expect: 100-continue\r\n", token);
    return text.substr(0, text.find("\r\n\r\n") + 4);
  };
  EXPECT_EQ(ask(head("good")).status, 100);
  EXPECT_EQ(ask(head("")).status, 401);
}

TEST_F(HttpTest, OneCallerTakesAShareOfTheCallsThatWait) {
  app_options.waiting = {.total = 3, .per_caller = 1};
  const auto sync = [](const std::string& token) { return request("POST", "/v1/runs", kSync.dump(), {}, token); };
  Client first(port());
  first.send(sync("good"));
  wait_for_run();
  const auto second = ask(sync("good"));
  EXPECT_EQ(second.status, 429);
  EXPECT_EQ(second.headers.at("retry-after"), "1");
  EXPECT_THAT(second.json()["detail"].get<std::string>(), HasSubstr("--max-waiting-per-caller"));
  EXPECT_THAT(metrics.text(), HasSubstr("modelrun_gateway_refused_total{reason=\"waiting\"} 1"));
  Client other(port());
  other.send(sync("ben"));
  EXPECT_TRUE(eventually([&] { return server.all(kube::kModelRuns).size() == 2; }));
}

TEST_F(HttpTest, OneCallerTakesAShareOfTheLogs) {
  app_options.logs = {.total = 3, .per_caller = 1};
  const auto path = "/v1/runs/" + put_run("a", {{"phase", "Pending"}}) + "/logs";
  Client first(port());
  first.send(request("GET", path));
  first.read_until("pending");
  EXPECT_EQ(ask(request("GET", path)).status, 429);
  Client other(port());
  other.send(request("GET", path, {}, {}, "ben"));
  other.read_until("pending");
}

TEST_F(HttpTest, OneCallerTakesAShareOfTheLogsThatAreRead) {
  app_options.log_reads = {.total = 3, .per_caller = 1};
  std::latch asked(1), go(1);
  server.set_hook([&](const kube::Request& request, int) {
    if (!request.path.contains("/p/log?")) return fakes::Fault::kNone;
    asked.count_down();
    go.wait();
    return fakes::Fault::kNone;
  });
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "p"}}}});
  server.set_pod_log("ns", "p", "model", "line one\n");
  const auto path = "/v1/runs/" + put_run("a", {{"phase", "Running"}, {"podName", "p"}}) + "/log";
  Client first(port());
  first.send(request("GET", path));
  asked.wait();
  EXPECT_EQ(ask(request("GET", path)).status, 429) << "the node has not answered the first one yet";
  EXPECT_THAT(metrics.text(), HasSubstr("modelrun_gateway_refused_total{reason=\"log_reads\"} 1"));
  go.count_down();
  first.read_until("line one");
  server.set_hook({});
  EXPECT_TRUE(eventually([&] { return ask(request("GET", path)).status == 200; }));
}

TEST(Shares, TheServiceAccountsOfANamespaceAreOneCaller) {
  const auto share = [](const char* user) { return share_of({.user = user, .namespace_ = "n"}); };
  EXPECT_EQ(share("system:serviceaccount:team:a"), share("system:serviceaccount:team:b"));
  EXPECT_NE(share("system:serviceaccount:team:a"), share("system:serviceaccount:other:a"));
  EXPECT_NE(share("login:ana"), share("login:ben"));
}

// The end of each run meets a thread that waits for its deaf client.
TEST_F(HttpTest, ViewersThatDoNotReadHoldNoWorker) {
  app_options.logs = {.total = 20, .per_caller = 20};
  server_options.send_buffer_bytes = 16 << 10;
  server_options.write_timeout = std::chrono::minutes(5);
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "p"}}}});
  server.set_pod_log("ns", "p", "model", std::string(std::size_t{8} << 20U, 'x'));
  const auto uid = put_run("a", {{"phase", "Running"}, {"podName", "p"}});
  std::vector<std::unique_ptr<Client>> deaf;
  for (int i = 0; i < 8; ++i) {
    deaf.push_back(std::make_unique<Client>(port()));
    deaf.back()->send(request("GET", "/v1/runs/" + uid + "/logs"));
    deaf.back()->read_until("event: log");
  }
  set_status(success());
  at_once = false;
  for (int i = 0; i < 8; ++i) EXPECT_EQ(ask(request("GET", "/openapi.json")).status, 200);
  EXPECT_TRUE(idle());  // all has been handed over: only the connections wait
}

// A log that breaks off is read again, without what the client has seen already.
TEST_F(HttpTest, ALogThatBreaksOffIsGoneOnWith) {
  std::atomic<int> logs = 0;
  server.set_hook([&](const kube::Request& asked, int) {
    return asked.path.contains("/p/log?") && ++logs == 1 ? fakes::Fault::k503 : fakes::Fault::kNone;
  });
  server.put(kube::kPods, {{"metadata", {{"namespace", "ns"}, {"name", "p"}}}});
  server.set_pod_log("ns", "p", "model", "line one\n");
  const auto uid = put_run("a", {{"phase", "Running"}, {"podName", "p"}});
  Client connection(port());
  connection.send(request("GET", "/v1/runs/" + uid + "/logs"));
  connection.read_until("event: log\ndata: {\"text\":\"line one\\n\"}");
}

TEST_F(HttpTest, OnlyJsonIsTakenForJson) {
  const auto post = [&](const std::string& type) {
    return ask("POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\nContent-Length: 2\r\n" +
               type + "\r\n{}")
        .status;
  };
  EXPECT_EQ(post("Content-Type: Application/JSON ; charset=utf-8\r\n"), 422);
  EXPECT_EQ(post("Content-Type: application/jsonp\r\n"), 415);
  EXPECT_EQ(post("Content-Type: application/json\r\nContent-Type: text/plain\r\n"), 415);
}

TEST_F(HttpTest, AnIdempotencyKeyIsBounded) {
  json call{{"name", "run"}, {"arguments", kAsync}};
  call["_meta"]["modelrun.dev/idempotency-key"] = std::string(256, 'k');
  EXPECT_EQ(ask(mcp("tools/call", call)).status, 400);
  EXPECT_TRUE(server.all(kube::kModelRuns).empty());
}

TEST_F(HttpTest, CallsThatWaitLeaveRoomForShortOnes) {
  app_options.waiting = {.total = 1, .per_caller = 1};
  Client waiting(port());
  waiting.send(mcp("tools/call", {{"name", "run"}, {"arguments", kSync}}, kEvents));
  wait_for_run();
  const auto second = ask(mcp("tools/call", {{"name", "run"}, {"arguments", kSync}}, kEvents)).json();
  EXPECT_EQ(second["result"]["isError"], true);
  EXPECT_THAT(second["result"]["content"][0]["text"].get<std::string>(), HasSubstr("async"));
  EXPECT_EQ(ask(request("POST", "/v1/runs", kSync.dump())).status, 429);
  EXPECT_EQ(ask(mcp("ping")).status, 200);
  EXPECT_EQ(server.all(kube::kModelRuns).size(), 1U);
}

TEST(Origins, HostsAndOrigins) {
  const OriginPolicy policy{{"models.example"}};
  for (const char* good : {"models.example", "MODELS.example:8443", "localhost:1", "127.0.0.1", "[::1]:8080"}) {
    EXPECT_TRUE(policy.host_allowed(good)) << good;
  }
  for (const char* bad : {"", "evil.example", "models.example.evil", "models.example:x", "a@models.example", "[::1",
                          "models.example/", "10.0.0.1"}) {
    EXPECT_FALSE(policy.host_allowed(bad)) << bad;
  }
  EXPECT_TRUE(policy.origin_allowed("https://models.example"));
  for (const char* bad : {"null", "", "https://evil.example", "file://localhost", "https://models.example.evil"}) {
    EXPECT_FALSE(policy.origin_allowed(bad)) << bad;
  }
}

}  // namespace
}  // namespace modelrun::gateway
