// What RFC 9110 and 9112 ask of a server, over real sockets.
#include "gateway/api_health.h"
#include "gateway/web/answers.h"
#include "unit/gateway/http/http_fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class WireTest : public HttpTest {
 protected:
  // All that comes until the server ends the connection.
  std::string raw(const std::string& bytes) {
    Client connection(port());
    connection.send(bytes);
    return connection.read_until_end();
  }
};

TEST_F(WireTest, HeadIsGetWithoutTheBody) {
  const auto id = put_run("a", success());
  for (const bool early : {true, false}) {
    at_once = early;
    for (const std::string& target :
         {std::string("/healthz"), std::string("/readyz"), std::string("/"), std::string("/openapi.json"),
          std::string("/v1/runs"), "/v1/runs/" + id, "/v1/runs/" + id + "/details", "/v1/runs/" + id + "/log",
          "/v1/runs/" + id + "/logs", "/v1/runs/" + id + "/outputs/revenue", std::string("/v1/projects"),
          std::string("/.well-known/oauth-protected-resource"), std::string("/nothing")}) {
      const auto got = ask(request("GET", target));
      const auto text = raw(request("HEAD", target, {}, "Connection: close\r\n"));
      EXPECT_TRUE(text.starts_with(fmt::format("HTTP/1.1 {} ", got.status))) << target << ": " << text;
      EXPECT_EQ(text.find("\r\n\r\n") + 4, text.size()) << target << ": there is no body";
      if (got.headers.contains("content-length")) {
        EXPECT_THAT(text, HasSubstr("Content-Length: " + got.headers.at("content-length"))) << target;
      }
    }
  }
  EXPECT_TRUE(idle());
}

TEST_F(WireTest, TargetsMayBeAbsolute) {
  EXPECT_EQ(ask("GET http://10.1.2.3:8443/healthz HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_EQ(ask("GET HTTP://localhost?x=1 HTTP/1.1\r\nHost: x\r\n\r\n").status, 200) << "the page";
  const auto head = [](const std::string& target, const std::string& host) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer good\r\n\r\n", target, host);
  };
  EXPECT_EQ(ask(head("https://localhost/v1/runs?limit=3", "evil.example")).status, 200) << "the target's host counts";
  EXPECT_EQ(ask(head("http://evil.example/v1/runs", "localhost")).status, 403);
  for (const char* bad : {"http:///v1/runs", "http://u@localhost/v1/runs", "ftp://localhost/", "localhost/v1/runs"}) {
    EXPECT_EQ(ask(head(bad, "localhost")).status, 400) << bad;
  }
}

TEST_F(WireTest, TheOldVersionGetsNoChunksAndIsClosed) {
  EXPECT_TRUE(raw("GET /healthz HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nok\n"));
  const auto id = put_run("a", success());
  const auto log = raw("GET /v1/runs/" + id +
                       "/logs HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer good\r\n"
                       "Connection: keep-alive\r\n\r\n");
  EXPECT_THAT(log, HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(log, testing::Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(log, HasSubstr("\r\n\r\nevent: stdout\n"));
  EXPECT_TRUE(log.ends_with("\n\n")) << log;
  EXPECT_EQ(ask("GET /v1/runs HTTP/1.0\r\nAuthorization: Bearer good\r\n\r\n").status, 403)
      << "no Host is none of ours";
}

TEST_F(WireTest, EveryAnswerHasADate) {
  const auto date = testing::MatchesRegex(
      "(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] [A-Z][a-z][a-z] 20[0-9][0-9] "
      "[0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT");
  EXPECT_THAT(ask(request("GET", "/healthz")).headers.at("date"), date);
  EXPECT_THAT(ask("nonsense\r\n\r\n").headers.at("date"), date);
  EXPECT_THAT(ask(request("GET", "/v1/runs/" + put_run("a", success()) + "/logs")).headers.at("date"), date);
}

TEST_F(WireTest, EveryRefusalIsAProblem) {
  app_options.rate = {.per_second = 0.001, .burst = 12, .max_names = 10};
  server_options.max_header_bytes = 1000;
  server_options.max_body_bytes = 1000;
  server_options.header_timeout = std::chrono::milliseconds(300);
  server_options.body_timeout = std::chrono::milliseconds(300);
  const std::string post = "POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\n";
  const std::vector<std::pair<int, std::string>> rows{
      {400, "nonsense\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, post + "Transfer-Encoding: gzip\r\n\r\n"},
      {400, post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"},
      {401, request("GET", "/v1/runs", {}, {}, "wrong")},
      {403, "GET /v1/runs HTTP/1.1\r\nHost: evil.example\r\n\r\n"},
      {404, request("GET", "/nothing")},
      {405, request("POST", "/v1/projects", "{}")},
      {408, "GET /healthz HT"},
      {408, post + "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"},
      {413, post + "Content-Length: 1001\r\n\r\n"},
      {414, "GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {415, post + "Content-Length: 2\r\n\r\n{}"},
      {422, request("GET", "/v1/runs?limit=x")},
      {431, "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(2000, 'x') + "\r\n\r\n"},
      {503, request("GET", "/v1/runs", {}, {}, "down")}};
  const auto is_problem = [](const Answer& answer, int status) {
    EXPECT_EQ(answer.status, status) << answer.body;
    ASSERT_TRUE(answer.headers.contains("content-type")) << status;
    EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
    const auto fields = answer.json();
    EXPECT_EQ(fields["status"], status);
    for (const char* name : {"type", "title", "detail"}) EXPECT_FALSE(fields[name].get<std::string>().empty()) << name;
    EXPECT_EQ(answer.headers.contains("retry-after"), status == 429 || status == 503);
  };
  for (const auto& [status, bytes] : rows) is_problem(ask(bytes), status);
  while (true) {
    const auto answer = ask(request("GET", "/openapi.json"));
    if (answer.status == 200) continue;
    is_problem(answer, 429);
    break;
  }
}

TEST_F(WireTest, MediaTypesAreReadAsTheyAreMeant) {
  HttpRequest request;
  const auto accepts = [&](const std::vector<std::string>& values) {
    request.headers.clear();
    for (const auto& each : values) request.headers.emplace_back("accept", each);
    return accepts_events(request);
  };
  EXPECT_TRUE(accepts({"application/json, text/event-stream"}));
  EXPECT_TRUE(accepts({"application/json", "Text/Event-Stream; charset=utf-8;q=0.1"}));
  EXPECT_TRUE(accepts({"text/event-stream;q=0.001"}));
  for (const std::string refused :
       {"text/event-stream;q=0", "text/event-stream ; Q=0.000", "text/event-stream; a=b; q = 0.0", "*/*",
        "application/json", "x/text/event-stream", "text/event-streams", ""}) {
    EXPECT_FALSE(accepts({refused})) << refused;
  }
  EXPECT_FALSE(accepts({}));
  for (const std::string type : {"application/json", "Application/JSON ; charset=\"utf-8\"", "application/json;x=1"}) {
    request.headers = {{"content-type", type}};
    EXPECT_TRUE(is_json(request)) << type;
  }
}

TEST_F(WireTest, UnknownWellKnownPathsAreNotThere) {
  for (const char* path : {"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration",
                           "/.well-known/", "/.well-known/oauth-protected-resource/v2"}) {
    EXPECT_EQ(ask(request("GET", path, {}, {}, "")).status, 404) << path;
  }
  EXPECT_EQ(ask(request("GET", "/.well-known/oauth-protected-resource", {}, {}, "")).status, 200);
  EXPECT_EQ(ask(request("GET", "/nothing", {}, {}, "")).status, 401);
}

TEST_F(WireTest, PagesOfAllowedOriginsMayReadAnswers) {
  const std::string own = "Origin: http://localhost:3000\r\n";
  const std::string asks = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n";
  const auto before = ask(request("OPTIONS", "/mcp", {}, own + asks, ""));
  EXPECT_EQ(before.status, 204);
  EXPECT_EQ(before.headers.at("access-control-allow-origin"), "http://localhost:3000");
  EXPECT_THAT(before.headers.at("access-control-allow-headers"), HasSubstr("Authorization"));
  EXPECT_EQ(before.headers.at("vary"), "Origin");
  for (const auto& bytes : {request("GET", "/v1/runs", {}, own), request("GET", "/v1/runs", {}, own, "wrong"),
                            request("GET", "/v1/runs/" + put_run("a", success()) + "/logs", {}, own)}) {
    EXPECT_EQ(ask(bytes).headers.at("access-control-allow-origin"), "http://localhost:3000");
  }
  const auto foreign = ask(request("OPTIONS", "/mcp", {}, "Origin: https://evil.example\r\n" + asks, ""));
  EXPECT_EQ(foreign.status, 403);
  EXPECT_FALSE(foreign.headers.contains("access-control-allow-origin"));
  EXPECT_FALSE(ask(request("GET", "/v1/runs")).headers.contains("access-control-allow-origin"));
  EXPECT_EQ(ask(request("OPTIONS", "/mcp", {}, own, "")).status, 401) << "no question of a browser";
}

// One request a minute would be refused at once; at fifty a second nobody has to try again.
TEST_F(WireTest, AShortExcessWaitsAndIsNotRefused) {
  app_options.rate = {.per_second = 50, .burst = 1, .max_names = 10};
  for (const bool early : {true, false}) {
    at_once = early;
    std::vector<std::unique_ptr<Client>> all;
    for (int i = 0; i < 20; ++i) {
      all.push_back(std::make_unique<Client>(port()));
      all.back()->send(request("GET", "/openapi.json"));
    }
    for (const auto& each : all) EXPECT_EQ(each->receive().status, 200);
  }
  EXPECT_TRUE(idle());
}

TEST_F(WireTest, WhatIsCheapTakesAFifth) {
  app_options.rate = {.per_second = 1e-6, .burst = 3, .max_names = 10};
  const auto id = put_run("a", success());
  int answered = 0;
  for (const auto& bytes :
       {mcp("initialize", {{"protocolVersion", "2025-11-25"}}), mcp("ping"), mcp("tools/list"),
        request("POST", "/mcp", R"({"jsonrpc":"2.0","method":"notifications/initialized"})"),
        request("GET", "/v1/runs"), request("GET", "/v1/runs/" + id),
        mcp("tools/call", {{"name", "get_run"}, {"arguments", {{"run_id", id}}}}),
        mcp("tools/call", {{"name", "list_runs"}, {"arguments", {{"project_name", "forecasts"}}}})}) {
    const auto status = ask(bytes).status;
    if (status == 200 || status == 202) ++answered;
  }
  EXPECT_EQ(answered, 8) << "1.6 of three";
  EXPECT_EQ(ask(request("GET", "/openapi.json")).status, 200);
  EXPECT_EQ(ask(request("GET", "/openapi.json")).status, 429);
}

TEST_F(WireTest, ReadinessSaysWhyNot) {
  std::atomic<bool> well = true;
  app_options.unready = [&] { return std::string(well ? "" : "the API server cannot be reached"); };
  EXPECT_EQ(ask(request("GET", "/readyz", {}, {}, "")).status, 200);
  well = false;
  const auto answer = ask(request("GET", "/readyz", {}, {}, ""));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json()["detail"], "the API server cannot be reached");
  EXPECT_EQ(ask(request("GET", "/healthz", {}, {}, "")).status, 200);
}

TEST_F(WireTest, TheApiServerIsAskedByOneThreadOnly) {
  std::atomic<bool> away = false;
  std::atomic<int> asked = 0;
  server.set_hook([&](const kube::Request& request, int) {
    if (request.path == "/version") ++asked;
    return away ? fakes::Fault::kDropBefore : fakes::Fault::kNone;
  });
  ApiHealth health(server, {.every = std::chrono::milliseconds(5)});
  EXPECT_TRUE(eventually([&] { return asked > 2; }));
  EXPECT_TRUE(health.reachable()) << "whatever it answers, it is there";
  away = true;
  EXPECT_TRUE(eventually([&] { return !health.reachable(); }));
  away = false;
  EXPECT_TRUE(eventually([&] { return health.reachable(); }));
}

}  // namespace
}  // namespace modelrun::gateway
