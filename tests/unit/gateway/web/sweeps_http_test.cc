// Sweeps in plain HTTP: paths, statuses and downloads. What the tools do is tested with them.
#include "unit/gateway/http/http_fixture.h"
#include "unit/gateway/sweep_fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class SweepHttpTest : public WithSweeps<HttpTest> {
 protected:
  Answer get(const std::string& target) { return ask(request("GET", target)); }
};

const json kPoints{{"project_name", "forecasts"}, {"points", {{{"growth", 1}}}}, {"wait_seconds", 0}};

TEST_F(SweepHttpTest, IsStartedReadListedAndCancelled) {
  times.cancel_timeout = std::chrono::milliseconds(1);
  const auto started = ask(request("POST", "/v1/sweeps", kPoints.dump()));
  EXPECT_EQ(started.status, 202) << started.body;
  const auto uid = started.json()["sweep_id"].get<std::string>();
  EXPECT_EQ(started.headers.at("location"), "/v1/sweeps/" + uid);
  EXPECT_TRUE(started.body.starts_with(R"({"sweep_id":)"));
  EXPECT_EQ(get("/v1/sweeps/" + uid).json()["status"], "pending");
  EXPECT_EQ(get("/v1/sweeps?project_name=forecasts&limit=5").json()["total"], 1);
  EXPECT_EQ(get("/v1/sweeps/" + uid + "/table").status, 409);
  const auto cancelled = ask(request("POST", "/v1/sweeps/" + uid + "/cancel", "{}"));
  EXPECT_EQ(cancelled.status, 200) << cancelled.body;
  EXPECT_EQ(server.all(kube::kModelSweeps).front()["spec"]["cancel"], true);
  set_sweep_status(ended_with(table_of(3)));
  const auto page = get("/v1/sweeps/" + uid + "?offset=1&limit=1").json();
  EXPECT_EQ(page["rows"][0]["index"], 1);
  EXPECT_EQ(page["next_offset"], 2);
  EXPECT_EQ(get("/v1/sweeps/" + uid + "?limit=501").status, 422);
}

TEST_F(SweepHttpTest, TheTableKeepsItsDigits) {
  auto table = table_of(2);
  table.rows[0].outputs[0] = "12345678901234567890.10";
  const auto uid = put_sweep("s", ended_with(table));
  const auto csv = get("/v1/sweeps/" + uid + "/table");
  EXPECT_EQ(csv.status, 200);
  EXPECT_EQ(csv.headers.at("content-type"), "text/csv; charset=utf-8");
  EXPECT_EQ(csv.headers.at("content-disposition"), "attachment; filename*=UTF-8''sweep-" + uid.substr(0, 8) + ".csv");
  EXPECT_EQ(csv.body, sweep::to_csv(table));
  EXPECT_THAT(csv.body, HasSubstr("12345678901234567890.10"));
  const auto lines = get("/v1/sweeps/" + uid + "/table?format=jsonl");
  EXPECT_EQ(lines.headers.at("content-type"), "application/jsonl");
  EXPECT_EQ(lines.body, sweep::to_json_lines(table));
  EXPECT_EQ(get("/v1/sweeps/" + uid + "/table?format=xlsx").status, 422);
}

TEST_F(SweepHttpTest, PathsAndMethods) {
  const auto uid = put_sweep("s", {{"phase", "Running"}});
  EXPECT_EQ(ask(request("DELETE", "/v1/sweeps")).headers.at("allow"), "GET, POST");
  EXPECT_EQ(ask(request("POST", "/v1/sweeps/" + uid, "{}")).headers.at("allow"), "GET");
  EXPECT_EQ(get("/v1/sweeps/" + uid + "/cancel").headers.at("allow"), "POST");
  for (const char* tail : {"/rows", "/table/x", "/"}) EXPECT_EQ(get("/v1/sweeps/" + uid + tail).status, 404) << tail;
  EXPECT_EQ(get("/v1/sweeps/no-id").status, 422);
  EXPECT_EQ(get("/v1/sweeps/00000000-0000-0000-0000-000000000000").status, 404);
  EXPECT_EQ(ask(request("POST", "/v1/sweeps", "{")).status, 400);
  const auto form =
      "POST /v1/sweeps HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\n"
      "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}";
  EXPECT_EQ(ask(form).status, 415);
}

TEST_F(SweepHttpTest, TheTableOfASweepThatGoesOnIsForWhoSaysSo) {
  const auto uid = put_sweep("s", {{"phase", "Running"}});
  put_run_of(uid, 0, json::array({json{{"growth", 0.02}}}), 1, "Running");
  put_sweep("s", {{"phase", "Running"}, {"runs", {{{"name", "s-run-0"}, {"first", 0}, {"count", 1}}}}}, uid);
  const auto path = "/v1/sweeps/" + uid + "/table?format=jsonl";
  const auto refused = get(path);
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("partial=true"));
  EXPECT_EQ(get(path + "&partial=false").status, 409);
  const auto rows = get(path + "&partial=true");
  EXPECT_EQ(rows.status, 200);
  EXPECT_THAT(rows.body, HasSubstr(R"("parameters":{"growth":0.02},"outputs":{"value":10})"));
  put_sweep("s", {{"phase", "Failed"}}, uid);
  EXPECT_EQ(get(path + "&partial=true").status, 409) << "it is over, and will have none";
}

TEST_F(SweepHttpTest, OneKeyIsOneSweep) {
  const std::string key = "Idempotency-Key: k1\r\n";
  const auto first = ask(request("POST", "/v1/sweeps", kPoints.dump(), key)).json();
  EXPECT_EQ(ask(request("POST", "/v1/sweeps", kPoints.dump(), key)).json()["sweep_id"], first["sweep_id"]);
  EXPECT_EQ(server.all(kube::kModelSweeps).size(), 1);
}

TEST_F(SweepHttpTest, ProgressOfAWaitIsToldToWhoAsksForIt) {
  put_sweep("s", {{"phase", "Running"}, {"points", {{"total", 9}, {"succeeded", 4}, {"failed", 1}}}});
  const auto uid = server.all(kube::kModelSweeps).front()["metadata"]["uid"].get<std::string>();
  Client connection(port());
  connection.send(mcp("tools/call",
                      {{"name", "get_sweep"},
                       {"arguments", {{"sweep_id", uid}, {"wait_seconds", 60}}},
                       {"_meta", {{"progressToken", "t"}}}},
                      "Accept: application/json, text/event-stream\r\n"));
  EXPECT_THAT(connection.read_until("5 of 9 points"), HasSubstr("notifications/progress"));
  set_sweep_status(ended_with(table_of(2)));
  EXPECT_THAT(connection.receive().body, HasSubstr("\"status\":\"success\""));
}

TEST_F(SweepHttpTest, TheDocumentNamesEveryPath) {
  const auto paths = get("/openapi.json").json()["paths"];
  for (const char* path :
       {"/v1/sweeps", "/v1/sweeps/{sweep_id}", "/v1/sweeps/{sweep_id}/table", "/v1/sweeps/{sweep_id}/cancel"}) {
    EXPECT_TRUE(paths.contains(path)) << path;
  }
  EXPECT_EQ(paths["/v1/sweeps"]["post"]["operationId"], "sweep");
}

}  // namespace
}  // namespace modelrun::gateway
