// The tools about sweeps: what they create, what they answer, and who may use them.
#include "gateway/runs/rows_so_far.h"
#include "gateway/runs/sweep_fields.h"
#include "gateway/tools/schema.h"
#include "unit/gateway/fixture.h"
#include "unit/gateway/sweep_fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class SweepTest : public WithSweeps<GatewayTest> {
 protected:
  // The fields of an answer; an error fails the test.
  json fields_of(const std::string& tool, const json& arguments) {
    auto answer = use(tool, arguments);
    EXPECT_TRUE(answer) << tool << ": " << answer.error().message;
    return answer ? std::move(*answer) : json::object();
  }
  Error error_of(const std::string& tool, const json& arguments) {
    const auto answer = use(tool, arguments);
    EXPECT_FALSE(answer) << tool << " " << arguments.dump();
    return answer ? Error{} : answer.error();
  }
};

const json kGrid{{"project_name", "forecasts"},
                 {"model_name", "revenue"},
                 {"grid", {{{"name", "growth"}, {"values", {0.02, 0.04}}}}},
                 {"wait_seconds", 0}};

json with(json object, const char* name, json value) {
  object[name] = std::move(value);
  return object;
}

json without(json object, const char* name) {
  object.erase(name);
  return object;
}

TEST_F(SweepTest, ArgumentsBecomeTheSpec) {
  const json axis{{"name", "growth"}, {"from", 0.02}, {"to", 0.04}, {"count", 3}};
  const json sample{{"count", 10}, {"axes", {{{"name", "fx"}, {"uniform", {{"low", 0.9}, {"high", 1.2}}}}}}};
  auto bare = without(without(kGrid, "grid"), "model_name");
  struct Row {
    json arguments;
    json spec;
  };
  const std::vector<Row> rows{
      {kGrid,
       {{"project", "forecasts"}, {"scope", "model"}, {"modelName", "revenue"}, {"space", {{"grid", kGrid["grid"]}}}}},
      {with(bare, "one_at_a_time", {axis}),
       {{"project", "forecasts"}, {"scope", "project"}, {"space", {{"oneAtATime", {axis}}}}}},
      {with(bare, "points", {{{"growth", 1}}, {{"growth", 2}}}),
       {{"project", "forecasts"}, {"scope", "project"}, {"space", {{"points", {{{"growth", 1}}, {{"growth", 2}}}}}}}},
      {with(bare, "sample", sample), {{"project", "forecasts"}, {"scope", "project"}, {"space", {{"sample", sample}}}}},
      // As language models send them: lists and objects as texts, numbers as texts, null for what is left out.
      {with(with(with(bare, "points", R"([{"growth": 1}])"), "parallelism", "8"), "sample", nullptr),
       {{"project", "forecasts"},
        {"scope", "project"},
        {"space", {{"points", {{{"growth", 1}}}}}},
        {"limits", {{"parallelism", 8}}}}},
      {with(with(with(with(with(with(kGrid, "branch", "next"), "parameters", {{"years", 5}}), "outputs",
                           {"value", "/detail/irr"}),
                      "parallelism", 2),
                 "timeout_seconds", 30),
            "max_failed_points", 0),
       {{"project", "forecasts"},
        {"scope", "model"},
        {"modelName", "revenue"},
        {"branch", "next"},
        {"parameters", {{"years", 5}}},
        {"outputs", {"value", "/detail/irr"}},
        {"limits", {{"parallelism", 2}, {"timeoutSeconds", 30}, {"maxFailedPoints", 0}}},
        {"space", {{"grid", kGrid["grid"]}}}}}};
  for (const auto& row : rows) {
    const auto fields = fields_of("sweep", row.arguments);
    EXPECT_EQ(fields["status"], "pending");
    const auto made = server.all(kube::kModelSweeps).front();
    EXPECT_EQ(made["spec"], row.spec) << row.arguments.dump();
    EXPECT_EQ(made["metadata"]["uid"], fields["sweep_id"]);
    EXPECT_EQ(made["metadata"]["labels"]["modelrun.dev/created-by"], "gateway");
    EXPECT_EQ(made["metadata"]["annotations"]["modelrun.dev/requested-by"], "ana");
    server.erase(kube::kModelSweeps, "ns", made["metadata"]["name"].get<std::string>());
  }
}

// Nothing is created of what cannot be a sweep, and the message names the argument.
TEST_F(SweepTest, WhatCannotBeASweepIsRefusedAtOnce) {
  struct Row {
    json arguments;
    const char* words;
  };
  const std::vector<Row> rows{
      {without(kGrid, "grid"), "exactly one of grid, one_at_a_time, points and sample; there are 0"},
      {with(kGrid, "points", json::array({{{"a", 1}}})), "there are 2"},
      {with(kGrid, "grid", json::array()), "grid: "},
      {with(without(kGrid, "grid"), "one_at_a_time", {{{"name", "g"}, {"values", json::array()}}}),
       "one_at_a_time[0].values"},
      {with(kGrid, "grid", {{{"name", "g"}, {"from", 1}, {"to", 2}, {"count", 20'000}}}), "grid[0].count"},
      {with(kGrid, "grid",
            {{{"name", "g"}, {"from", 1}, {"to", 2}, {"count", 200}},
             {{"name", "h"}, {"from", 1}, {"to", 2}, {"count", 200}}}),
       "10000"},
      {with(kGrid, "outputs", {1}), "outputs: must be texts"},
      {with(kGrid, "outputs", {"a", "a"}), "outputs[1]"},
      {with(kGrid, "grid", "growth"), "grid: must be array or null"},
      {with(kGrid, "parallelism", 101), "parallelism: must be from 1 to 100"},
      {with(kGrid, "wait_seconds", 61), "wait_seconds: must be from 0 to 60"},
      {with(kGrid, "grid", {{{"name", "/years/a"}, {"values", {1}}}}), ""},
      {with(kGrid, "project_name", "Forecasts"), "project_name"},
      {with(kGrid, "project_name", "nothing"), "there is no project 'nothing'"}};
  for (const auto& row : rows) {
    auto arguments = row.arguments;
    if (std::string(row.words).empty()) arguments["parameters"] = {{"years", 5}};  // nothing is in a number
    EXPECT_THAT(error_of("sweep", arguments).message, HasSubstr(row.words)) << row.arguments.dump();
  }
  EXPECT_TRUE(server.all(kube::kModelSweeps).empty());
}

TEST_F(SweepTest, WaitsForTheEndAndAnswersWithTheTable) {
  auto counted = call();
  int ticks = 0;
  counted.on_sweep_tick = [&](const SweepSummary& sweep) {
    ++ticks;
    if (ticks == 1) set_sweep_status({{"phase", "Running"}, {"points", {{"total", 2}, {"succeeded", 1}}}});
    if (sweep.phase == api::Phase::kRunning && ticks > 3) set_sweep_status(ended_with(table_of(2)));
  };
  const auto answer = use("sweep", with(kGrid, "wait_seconds", 60), counted);
  ASSERT_TRUE(answer) << answer.error().message;
  const auto& fields = *answer;
  EXPECT_EQ(fields["status"], "success");
  EXPECT_EQ(fields["space"], "grid");
  EXPECT_EQ(fields["points_succeeded"], 2);
  EXPECT_EQ(fields["commit_sha"], "abc1234def5678901234567890abcdef12345678");
  EXPECT_EQ(fields["summary"][0]["p95"], 2);
  EXPECT_EQ(fields["sensitivity"][0]["parameter"], "growth");
  EXPECT_EQ(fields["sensitivity"][0]["low_at"], 0.02);
  EXPECT_EQ(fields["sensitivity"][0]["correlation"], nullptr);
  EXPECT_EQ(fields["parameter_names"], json::array({"growth"}));
  EXPECT_EQ(fields["rows"][1], json::parse(R"({"index": 1, "parameters": {"growth": 0.04}, "outputs": {"value": 2},
    "status": "success", "error": null, "duration_seconds": 0.25})"));
  EXPECT_EQ(fields["total_rows"], 2);
  EXPECT_EQ(fields["next_offset"], nullptr);
  EXPECT_TRUE(fields["message"].get<std::string>().starts_with("The sweep is over: 2 of 2 points succeeded."));
}

TEST_F(SweepTest, AWaitThatIsOverAnswersWithTheId) {
  put_sweep("s", {{"phase", "Running"}, {"points", {{"total", 9}, {"succeeded", 4}, {"failed", 1}, {"running", 2}}}});
  const auto uid = server.all(kube::kModelSweeps).front()["metadata"]["uid"].get<std::string>();
  const auto fields = fields_of("get_sweep", {{"sweep_id", uid.substr(0, 8)}, {"wait_seconds", 1}});
  EXPECT_EQ(fields["sweep_id"], uid);
  EXPECT_EQ(fields["status"], "running");
  EXPECT_EQ(fields["points_running"], 2);
  EXPECT_EQ(fields["rows"], json::array());
  EXPECT_THAT(fields["message"].get<std::string>(), HasSubstr("Call get_sweep"));
}

TEST_F(SweepTest, RowsComeInPages) {
  const auto uid = put_sweep("s", ended_with(table_of(45)));
  const auto first = fields_of("get_sweep", {{"sweep_id", uid}});
  EXPECT_EQ(first["rows"].size(), 20);
  EXPECT_EQ(first["next_offset"], 20);
  EXPECT_EQ(first["total_rows"], 45);
  const auto last = fields_of("get_sweep", {{"sweep_id", uid}, {"offset", 40}, {"limit", 500}});
  EXPECT_EQ(last["rows"].size(), 5);
  EXPECT_EQ(last["rows"][0]["index"], 40);
  EXPECT_EQ(last["next_offset"], nullptr);
  EXPECT_EQ(fields_of("get_sweep", {{"sweep_id", uid}, {"offset", 10'000}})["rows"], json::array());
  const auto none = fields_of("get_sweep", {{"sweep_id", uid}, {"limit", 0}});
  EXPECT_EQ(none["rows"], json::array());
  EXPECT_EQ(none["total_rows"], 45);
  EXPECT_EQ(none["summary"].size(), 1);
}

// A page ends before kMaxRowsBytes, but has one row at least.
TEST_F(SweepTest, APageIsBoundedInBytes) {
  const auto wide = put_sweep("wide", ended_with(table_of(30, 5'000), "wide-0"));
  const auto fields = fields_of("get_sweep", {{"sweep_id", wide}, {"limit", 500}});
  EXPECT_EQ(fields["rows"].size(), 9);
  EXPECT_EQ(fields["next_offset"], 9);
  EXPECT_LT(fields["rows"].dump().size(), kMaxRowsBytes + 10);
  const auto huge = put_sweep("huge", ended_with(table_of(2, 100'000), "huge-0"));
  EXPECT_EQ(fields_of("get_sweep", {{"sweep_id", huge}})["rows"].size(), 1);
}

// A sweep of a grid of two points, in two runs of one point each; the first has ended.
class GoingOnTest : public SweepTest {
 protected:
  std::string put_going_on(std::size_t rows_of_second = 0) {
    const auto uid = put_sweep("s", {{"phase", "Running"}});
    put_run_of(uid, 0, point(0.02), 1, "Succeeded");
    put_run_of(uid, 1, point(0.04), rows_of_second, "Running");
    put_sweep("s", status_of(1 + rows_of_second), uid);
    return uid;
  }
  static json point(double growth) { return json::array({json{{"growth", growth}}}); }
  static json status_of(std::size_t succeeded) {
    return {{"phase", "Running"},
            {"points", {{"total", 2}, {"succeeded", succeeded}, {"failed", 0}, {"running", 1}}},
            {"runs",
             {{{"name", "s-run-0"}, {"first", 0}, {"count", 1}, {"phase", "Succeeded"}},
              {{"name", "s-run-1"}, {"first", 1}, {"count", 1}, {"phase", "Running"}}}}};
  }
};

TEST_F(GoingOnTest, RowsOfPointsThatHaveEnded) {
  const auto uid = put_going_on();
  const auto fields = fields_of("get_sweep", {{"sweep_id", uid}});
  EXPECT_EQ(fields["status"], "running");
  ASSERT_EQ(fields["rows"].size(), 1);
  EXPECT_EQ(fields["rows"][0]["parameters"], (json{{"growth", 0.02}}));
  EXPECT_EQ(fields["rows"][0]["outputs"], (json{{"value", 10}}));
  EXPECT_EQ(fields["rows"][0]["status"], "success");
  EXPECT_EQ(fields["parameter_names"], json::array({"growth"}));
  EXPECT_EQ(fields["output_names"], json::array({"value"}));
  EXPECT_EQ(fields["total_rows"], 1);
  EXPECT_EQ(fields["next_offset"], nullptr);
  const auto none = fields_of("get_sweep", {{"sweep_id", uid}, {"limit", 0}});
  EXPECT_EQ(none["total_rows"], 1);
  EXPECT_EQ(none["rows"], json::array());
}

// Only the runs that are active are read again.
TEST_F(GoingOnTest, ARunThatHasEndedIsReadOnce) {
  const auto uid = put_going_on();
  fields_of("get_sweep", {{"sweep_id", uid}});
  server.erase(kube::kModelRuns, "ns", "s-run-0");
  server.erase(kube::kConfigMaps, "ns", "s-run-0-rows");
  put_run_of(uid, 1, point(0.04), 1, "Running");
  EXPECT_EQ(fields_of("get_sweep", {{"sweep_id", uid}})["rows"].size(), 1) << "of the same version of the status";
  put_sweep("s", status_of(2), uid);
  const auto fields = fields_of("get_sweep", {{"sweep_id", uid}});
  ASSERT_EQ(fields["rows"].size(), 2);
  EXPECT_EQ(fields["rows"][1]["outputs"], (json{{"value", 20}}));
}

// Anybody who may create runs can make one with the name of the sweep's next run.
TEST_F(GoingOnTest, ARunThatTheSweepHasNotMadeHasNoRows) {
  const auto uid = put_going_on(1);
  put_run_of(uid, 0, point(0.03), 1, "Succeeded");
  put_run_of("somebody-elses", 1, point(0.04), 1, "Running");
  put_sweep("s", status_of(2), uid);
  EXPECT_EQ(fields_of("get_sweep", {{"sweep_id", uid}})["rows"], json::array());
}

TEST_F(GoingOnTest, RowsThatCannotBeReadDoNotHideHowFarItIs) {
  const auto uid = put_going_on();
  auto object = server.all(kube::kConfigMaps).front();
  object["binaryData"] = {{"x", "eA=="}};
  server.put(kube::kConfigMaps, object);
  EXPECT_EQ(fields_of("get_sweep", {{"sweep_id", uid}})["rows"], json::array());
  put_sweep("s", status_of(1), uid);
  server.set_hook([](const kube::Request& request, int) {
    return request.path.find("modelruns/s-run") == std::string::npos ? fakes::Fault::kNone : fakes::Fault::k503;
  });
  const auto fields = fields_of("get_sweep", {{"sweep_id", uid}});
  EXPECT_EQ(fields["status"], "running");
  EXPECT_EQ(fields["points_total"], 2);
  EXPECT_THAT(fields["message"].get<std::string>(), HasSubstr("Its rows cannot be read now: "));
}

TEST_F(GoingOnTest, ItsRowsCountLikeATable) {
  const auto uid = put_going_on();
  const auto sweep = api::decode_model_sweep(server.all(kube::kModelSweeps).front());
  std::size_t most = 0;
  RowsSoFar rows(client);
  const auto count = [&](std::size_t bytes) -> Result<void> {
    most = std::max(most, bytes);
    return {};
  };
  ASSERT_TRUE(rows.read(sweep, count, {}));
  EXPECT_GT(most, 2 * sweep::kMaxPointsBytes);
  const auto refuse = [](std::size_t) -> Result<void> { return fail(ErrorKind::kThrottled, "too many"); };
  const auto refused = rows.read(sweep, refuse, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kThrottled);
}

TEST_F(SweepTest, ATableIsReadOnceWhileItIsRemembered) {
  const auto uid = put_sweep("s", ended_with(table_of(45)));
  fields_of("get_sweep", {{"sweep_id", uid}});
  server.erase(kube::kConfigMaps, "ns", "table-0");
  EXPECT_EQ(fields_of("get_sweep", {{"sweep_id", uid}, {"offset", 44}})["rows"].size(), 1);
}

TEST_F(SweepTest, ATableThatCannotBeReadIsAnErrorThatSaysWhatIsLeft) {
  auto status = ended_with(table_of(2));
  status["tableRef"]["sha256"] = std::string(64, '0');
  const auto uid = put_sweep("s", status);
  const auto error = error_of("get_sweep", {{"sweep_id", uid}});
  EXPECT_THAT(error.message, HasSubstr(uid));
  EXPECT_THAT(error.message, HasSubstr("limit 0 asks for the rest"));
  EXPECT_EQ(fields_of("get_sweep", {{"sweep_id", uid}, {"limit", 0}})["status"], "success");
}

TEST_F(SweepTest, AFailedSweepIsAResultThatSaysWhy) {
  auto table = table_of(2);
  table.rows[1].phase = api::Phase::kTimedOut;
  table.rows[1].reason = "TimedOut";
  table.rows[1].message = "it took more than 30 s";
  table.rows[1].outputs = {""};
  auto status = ended_with(table);
  status["phase"] = "Failed";
  status["error"] = {{"reason", "TooManyFailedPoints"}, {"message", "1 of 2 points failed"}};
  const auto fields = fields_of("get_sweep", {{"sweep_id", put_sweep("s", status)}});
  EXPECT_EQ(fields["status"], "failed");
  EXPECT_EQ(fields["error_message"], "TooManyFailedPoints: 1 of 2 points failed");
  EXPECT_EQ(fields["rows"][1]["status"], "timed_out");
  EXPECT_EQ(fields["rows"][1]["error"], "TimedOut: it took more than 30 s");
  EXPECT_EQ(fields["rows"][1]["outputs"], json::object());
}

TEST_F(SweepTest, OneKeyIsOneSweep) {
  auto keyed = call();
  keyed.idempotency_key = "k1";
  const auto first = use("sweep", kGrid, keyed);
  const auto again = use("sweep", kGrid, keyed);
  ASSERT_TRUE(first && again);
  EXPECT_EQ((*first)["sweep_id"], (*again)["sweep_id"]);
  EXPECT_EQ(server.all(kube::kModelSweeps).size(), 1);
  const auto other = use("sweep", with(kGrid, "parallelism", 2), keyed);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(other.error().message, HasSubstr("this idempotency key was used for another request (sweep "));
}

TEST_F(SweepTest, AnAnswerThatWasLostSaysThatTheSweepMayBeThere) {
  server.set_hook(
      [](const kube::Request&, int write) { return write == 1 ? fakes::Fault::kDropAfter : fakes::Fault::kNone; });
  EXPECT_THAT(error_of("sweep", kGrid).message,
              HasSubstr("The sweep may have been created all the same: see list_sweeps"));
}

TEST_F(SweepTest, ListsTheSweepsOfAProjectNewestFirst) {
  for (int i = 1; i <= 3; ++i) {
    put_sweep(fmt::format("s{}", i), {{"phase", i == 2 ? "Failed" : "Succeeded"}}, {}, "ns",
              fmt::format("2026-01-0{}T00:00:00Z", i));
  }
  put_sweep("elsewhere", {}, {}, "other");
  const auto all = fields_of("list_sweeps", {{"project_name", "forecasts"}});
  ASSERT_EQ(all["total_returned"], 3);
  EXPECT_EQ(all["sweeps"][0]["created_at"], "2026-01-03T00:00:00+00:00");
  EXPECT_EQ(all["next_cursor"], nullptr);
  const auto first = fields_of("list_sweeps", {{"project_name", "forecasts"}, {"limit", 2}});
  EXPECT_EQ(first["total"], 3);
  const auto second =
      fields_of("list_sweeps", {{"project_name", "forecasts"}, {"limit", 2}, {"cursor", first["next_cursor"]}});
  ASSERT_EQ(second["sweeps"].size(), 1);
  EXPECT_EQ(second["sweeps"][0]["created_at"], "2026-01-01T00:00:00+00:00");
  EXPECT_EQ(second["next_cursor"], nullptr);
  const auto failed = fields_of("list_sweeps", {{"project_name", "forecasts"}, {"status", "failed"}});
  EXPECT_EQ(failed["total"], 1);
  EXPECT_THAT(
      error_of("list_sweeps", {{"project_name", "forecasts"}, {"status", "failed"}, {"cursor", first["next_cursor"]}})
          .message,
      HasSubstr("it was answered for another status"));
  EXPECT_EQ(error_of("list_sweeps", {{"project_name", "nothing"}}).kind, ErrorKind::kNotFound);
}

TEST_F(SweepTest, CancelAsksTheOperatorForTheEnd) {
  const auto uid = put_sweep("s", {{"phase", "Running"}});
  times.cancel_timeout = std::chrono::milliseconds(1);
  const json arguments{{"project_name", "forecasts"}, {"sweep_id", uid}};
  EXPECT_EQ(error_of("cancel_sweep", with(arguments, "sweep_id", uid.substr(0, 8))).kind, ErrorKind::kInvalid);
  EXPECT_EQ(error_of("cancel_sweep", with(arguments, "project_name", "budget")).kind, ErrorKind::kNotFound);
  EXPECT_FALSE(server.all(kube::kModelSweeps).front()["spec"].contains("cancel"));
  const auto asked = fields_of("cancel_sweep", arguments);
  EXPECT_EQ(asked["status"], "running");
  EXPECT_EQ(server.all(kube::kModelSweeps).front()["spec"]["cancel"], true);
  set_sweep_status({{"phase", "Cancelled"}});
  EXPECT_EQ(fields_of("cancel_sweep", arguments)["message"], "The sweep was over already: cancelled.");
}

// What the caller may not see looks as if it were not there; what the caller may see and not do is said so.
TEST_F(SweepTest, RightsAreAskedForEachStep) {
  const auto uid = put_sweep("s", ended_with(table_of(2)));
  const json cancel{{"project_name", "forecasts"}, {"sweep_id", uid}};
  access.revoke("create ns");
  access.revoke("patch ns");
  EXPECT_EQ(error_of("sweep", kGrid).kind, ErrorKind::kDenied);
  EXPECT_THAT(error_of("sweep", kGrid).message, HasSubstr("you may not start sweeps in namespace ns"));
  EXPECT_EQ(error_of("cancel_sweep", cancel).kind, ErrorKind::kDenied);
  access.revoke("get ns");
  access.revoke("list ns");
  EXPECT_EQ(error_of("sweep", kGrid).kind, ErrorKind::kNotFound);
  EXPECT_EQ(error_of("get_sweep", {{"sweep_id", uid}}).kind, ErrorKind::kNotFound);
  EXPECT_EQ(error_of("cancel_sweep", cancel).kind, ErrorKind::kNotFound);
  EXPECT_EQ(error_of("list_sweeps", {{"project_name", "forecasts"}}).kind, ErrorKind::kNotFound);
  EXPECT_EQ(server.all(kube::kModelSweeps).size(), 1);
}

// A table that was read for one caller is not given to another one who may not see it.
TEST_F(SweepTest, ATableInMemoryNeedsTheRightToSeeIt) {
  const auto uid = put_sweep("s", ended_with(table_of(2)));
  fields_of("get_sweep", {{"sweep_id", uid}});
  const auto sweep = api::decode_model_sweep(server.all(kube::kModelSweeps).front());
  ASSERT_TRUE(sweeps.table(caller, sweep, {}));
  access.revoke("get ns");
  const auto refused = sweeps.table(caller, sweep, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kNotFound);
}

TEST_F(SweepTest, ASweepThatTheWatchHasNotShownMayBeOnItsWay) {
  const std::string uid = "44444444-4444-4444-4444-444444444444";
  EXPECT_EQ(error_of("get_sweep", {{"sweep_id", uid}}).kind, ErrorKind::kNotFound);
  server.put(kube::kModelSweeps, {{"metadata", {{"namespace", "ns"}, {"name", "new"}, {"uid", uid}}},
                                  {"spec", {{"project", "forecasts"}}}});
  const auto error = error_of("get_sweep", {{"sweep_id", uid}});
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("try again"));
}

// A client of the later era that leaves takes its sweep with it, if the sweep is its own.
TEST_F(SweepTest, LeavingCancelsTheSweepThatTheCallHasCreated) {
  for (const bool keyed : {false, true}) {
    auto leaving = call();
    std::stop_source left;
    leaving.stop = left.get_token();
    leaving.cancel_on_stop = [] { return true; };
    leaving.on_sweep_tick = [&](const SweepSummary&) { left.request_stop(); };
    if (keyed) leaving.idempotency_key = "k";
    const auto answer = use("sweep", with(kGrid, "wait_seconds", 60), leaving);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::kCancelled);
    const auto sweep = server.all(kube::kModelSweeps).front();
    EXPECT_EQ(sweep["spec"].contains("cancel"), !keyed);
    server.erase(kube::kModelSweeps, "ns", sweep["metadata"]["name"].get<std::string>());
  }
}

// Every answer fits the schema that it is declared with, member by member.
TEST_F(SweepTest, AnswersHaveTheMembersOfTheirSchemas) {
  const auto uid = put_sweep("s", ended_with(table_of(2)));
  const auto names = [](const json& object) {
    std::set<std::string> found;
    for (const auto& [name, unused] : object.items()) found.insert(name);
    return found;
  };
  const auto& whole = find_tool("get_sweep")->output_schema["properties"];
  const auto fields = fields_of("get_sweep", {{"sweep_id", uid}});
  EXPECT_EQ(names(fields), names(whole));
  for (const char* list : {"summary", "sensitivity", "rows"}) {
    EXPECT_EQ(names(fields[list][0]), names(whole[list]["items"]["properties"])) << list;
  }
  const auto listed = fields_of("list_sweeps", {{"project_name", "forecasts"}});
  const auto& list = find_tool("list_sweeps")->output_schema["properties"];
  EXPECT_EQ(names(listed), names(list));
  EXPECT_EQ(names(listed["sweeps"][0]), names(list["sweeps"]["items"]["properties"]));
}

TEST_F(SweepTest, OnlyCallsThatWaitTakeAPlace) {
  const auto waits = [](const char* tool, const json& arguments) {
    return may_wait(*find_tool(tool), read_arguments(*find_tool(tool), arguments).value());
  };
  EXPECT_TRUE(waits("sweep", without(kGrid, "wait_seconds")));
  EXPECT_FALSE(waits("sweep", kGrid));
  EXPECT_FALSE(waits("get_sweep", {{"sweep_id", "12345678"}}));
  EXPECT_TRUE(waits("get_sweep", {{"sweep_id", "12345678"}, {"wait_seconds", "5"}}));
  EXPECT_TRUE(waits("get_sweep", {{"sweep_id", "12345678"}, {"wait_seconds", 5.0}}));
}

}  // namespace
}  // namespace modelrun::gateway
