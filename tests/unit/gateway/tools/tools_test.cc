#include <condition_variable>
#include <optional>
#include <thread>

#include "base/encoding.h"
#include "base/mutex.h"
#include "gateway/tools/schema.h"
#include "unit/gateway/fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const json kSync{{"scope", "project"}, {"mode", "sync"}, {"project_name", "forecasts"}};
const json kAsync{{"scope", "project"}, {"mode", "async"}, {"project_name", "forecasts"}};

json with(json object, const char* name, json value) {
  object[name] = std::move(value);
  return object;
}

TEST_F(GatewayTest, SyncRunWaitsForTheEnd) {
  int ticks = 0;
  on_tick = [&](const RunSummary& run) {
    ++ticks;
    if (ticks == 1) set_status({{"phase", "Running"}, {"runNumber", 7}, {"commitSHA", "abc"}});
    if (run.phase == api::Phase::kRunning && ticks > 3) set_status(success());  // heartbeats came meanwhile
  };
  auto counted = call();
  std::string outcomes;
  counted.on_outcome = [&](std::string_view mode, std::string_view outcome) {
    outcomes += fmt::format("{} {};", mode, outcome);
  };
  const auto fields = use("run", kSync, counted);
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_FALSE(use("run", with(kSync, "project_name", "nothing"), counted));
  EXPECT_EQ(outcomes, "sync success;sync error;");
  EXPECT_EQ((*fields)["status"], "success");
  EXPECT_EQ((*fields)["outputs"], (json{{"revenue", {100, 110, 121}}}));
  EXPECT_EQ((*fields)["duration_seconds"], 1.42);
  const auto run = server.all(kube::kModelRuns).front();
  EXPECT_EQ(run["spec"], (json{{"project", "forecasts"}, {"scope", "project"}}));
  EXPECT_EQ(run["metadata"]["labels"]["modelrun.dev/created-by"], "gateway");
  EXPECT_EQ(run["metadata"]["annotations"]["modelrun.dev/requested-by"], "ana");
}

// The worked examples of the reference, and what each of them creates.
TEST_F(GatewayTest, ArgumentsBecomeTheSpec) {
  struct Row {
    json arguments;
    json spec;
  };
  const json parameters{{"discount_rate", 0.08}};
  const std::vector<Row> rows{
      {kAsync, {{"project", "forecasts"}, {"scope", "project"}}},
      {with(kAsync, "model_name", "ignored"), {{"project", "forecasts"}, {"scope", "project"}}},
      {with(with(kAsync, "scope", "model"), "model_name", "revenue"),
       {{"project", "forecasts"}, {"scope", "model"}, {"modelName", "revenue"}}},
      {with(kAsync, "parameters", parameters),
       {{"project", "forecasts"}, {"scope", "project"}, {"parameters", parameters}}},
      {with(kAsync, "parameters", json::object()),
       {{"project", "forecasts"}, {"scope", "project"}, {"parameters", json::object()}}},
      {with(with(kAsync, "parameters", nullptr), "branch", nullptr), {{"project", "forecasts"}, {"scope", "project"}}},
      {with(with(kAsync, "branch", "dev"), "commit_sha", "abc"),
       {{"project", "forecasts"}, {"scope", "project"}, {"branch", "dev"}, {"commitSHA", "abc"}}}};
  on_tick = [&](const RunSummary& run) {
    if (run.commit.empty()) set_status({{"phase", "Pending"}, {"runNumber", 3}, {"commitSHA", "abc"}});
  };
  for (const auto& row : rows) {
    const auto fields = use("run", row.arguments);
    ASSERT_TRUE(fields) << fields.error().message;
    EXPECT_EQ((*fields)["status"], "pending");
    EXPECT_EQ((*fields)["commit_sha"], "abc");
    EXPECT_EQ((*fields)["run_number"], 3);
    const auto run = server.all(kube::kModelRuns).front();
    EXPECT_EQ(run["spec"], row.spec) << row.arguments;
    server.erase(kube::kModelRuns, "ns", run["metadata"]["name"].get<std::string>());
  }
}

TEST_F(GatewayTest, BadArgumentsSayWhatToDo) {
  struct Row {
    json arguments;
    const char* words;
  };
  const std::vector<Row> rows{
      {json::array(), "must be a JSON object"},
      {json::object(), "scope: is required"},
      {with(kAsync, "scope", "all"), "scope: must be one of \"project\" \"model\""},
      {with(kAsync, "scope", "model"), "model_name: is required with scope 'model'"},
      {with(kAsync, "project_name", 5), "project_name: must be string, not number"},
      {with(kAsync, "project_name", "../etc"), "project_name: give the name of a ModelProject"},
      {with(kAsync, "parameters", json::array()), "parameters: must be object or null"},
      {with(kAsync, "parameters", json{{"x", std::string(65536, 'x')}}), "smaller than 65536"},
      {with(kAsync, "modelname", "x"), "there is no argument 'modelname'"},
      {with(kAsync, "project_name", "other"), "there is no project 'other' in namespace ns"},
  };
  for (const auto& row : rows) {
    const auto fields = use("run", row.arguments);
    ASSERT_FALSE(fields) << row.arguments;
    EXPECT_THAT(fields.error().message, HasSubstr(row.words));
  }
  EXPECT_TRUE(server.all(kube::kModelRuns).empty());
  EXPECT_THAT(use("list_runs", {{"project_name", "forecasts"}, {"limit", 51}}).error().message,
              HasSubstr("from 1 to 50"));
}

TEST_F(GatewayTest, AsyncAnswersEvenWhenNothingPinsTheCommit) {
  times.pin_timeout = std::chrono::milliseconds(1);
  const auto fields = use("run", kAsync);
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ((*fields)["commit_sha"], nullptr);
  EXPECT_EQ((*fields)["status"], "pending");
}

TEST_F(GatewayTest, IdempotencyKeyJoinsTheSameRequestAndRefusesAnother) {
  times.pin_timeout = std::chrono::milliseconds(1);
  auto keyed = call();
  keyed.idempotency_key = "k1";
  const auto first = use("run", kAsync, keyed);
  const auto again = use("run", kAsync, keyed);
  ASSERT_TRUE(first && again);
  EXPECT_EQ((*first)["run_id"], (*again)["run_id"]);
  const auto other = use("run", with(kAsync, "branch", "dev"), keyed);
  EXPECT_EQ(other.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(other.error().message, HasSubstr("another request"));
  // Somebody else's key of the same name is another key.
  Identity ben = caller;
  ben.user = "ben";
  Call of_ben{.caller = ben, .runs = runs, .sweeps = sweeps, .times = times, .idempotency_key = "k1"};
  const auto third = use("run", kAsync, of_ben);
  ASSERT_TRUE(third);
  EXPECT_NE((*third)["run_id"], (*first)["run_id"]);
}

TEST_F(GatewayTest, LostAnswerOfAKeyedCreationIsFoundAgain) {
  times.pin_timeout = std::chrono::milliseconds(1);
  server.set_hook([](const kube::Request& request, int) {
    return request.method == kube::Method::kPost ? fakes::Fault::kDropAfter : fakes::Fault::kNone;
  });
  EXPECT_THAT(use("run", kAsync).error().message, HasSubstr("may have been created"));
  auto keyed = call();
  keyed.idempotency_key = "k";
  EXPECT_TRUE(use("run", kAsync, keyed));
}

TEST_F(GatewayTest, LeavingCancelsOnlyWhereTheEraSaysSo) {
  for (const bool cancels : {false, true}) {
    for (const std::string key : {"", "k"}) {
      stop = {};
      on_tick = [&](const RunSummary&) { stop.request_stop(); };
      auto left = call();
      left.cancel_on_stop = [cancels] { return cancels; };
      left.idempotency_key = key;
      EXPECT_EQ(use("run", kSync, left).error().kind, ErrorKind::kCancelled);
      const auto run = server.all(kube::kModelRuns).front();
      EXPECT_EQ(run["spec"].value("cancel", false), cancels && key.empty()) << cancels << key;
      server.erase(kube::kModelRuns, "ns", run["metadata"]["name"].get<std::string>());
    }
  }
}

TEST_F(GatewayTest, WaitOutlivesAnApiServerThatIsAwayForAMoment) {
  int ticks = 0;
  std::atomic<bool> away = false;
  server.set_hook([&](const kube::Request&, int) { return away ? fakes::Fault::k503 : fakes::Fault::kNone; });
  on_tick = [&](const RunSummary&) {
    ++ticks;
    away = ticks < 8;  // long enough for the quiet run to be asked for
    if (ticks == 8) set_status(success());
  };
  const auto fields = use("run", kSync);
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ((*fields)["status"], "success");
}

// A change that nobody may look at now does not call again and again.
TEST_F(GatewayTest, WaitDoesNotSpinWhileRightsCannotBeLookedUp) {
  int ticks = 0;
  on_tick = [&](const RunSummary&) {
    if (++ticks > 1) return;
    access.away = true;
    set_status({{"phase", "Running"}, {"runNumber", 7}, {"commitSHA", "abc"}});
  };
  EXPECT_EQ(use("run", kSync).error().kind, ErrorKind::kUnavailable);
  EXPECT_GT(ticks, 5);
  EXPECT_LT(access.asked, 40);
}

TEST_F(GatewayTest, GetRunByPrefix) {
  put_run("a", success(), "66666666-1111-1111-1111-111111111111");
  put_run("b", {{"phase", "Running"}}, "66666666-2222-2222-2222-222222222222");
  put_run("c", success(), "66666666-1111-3333-3333-333333333333", "secret");
  EXPECT_EQ(use("get_run", {{"run_id", "66666666-1111"}}).value()["run_number"], 7);
  EXPECT_EQ(use("get_run", {{"run_id", "666666662222"}}).value()["status"], "running");
  const auto both = use("get_run", {{"run_id", "66666666"}});
  EXPECT_THAT(both.error().message, HasSubstr("ambiguous"));
  EXPECT_THAT(both.error().message, HasSubstr("66666666-1111-1111-1111-111111111111 (forecasts, success)"));
  EXPECT_THAT(both.error().message, testing::Not(HasSubstr("3333-3333")));
  EXPECT_EQ(use("get_run", {{"run_id", "77777777"}}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(use("get_run", {{"run_id", "6666666"}}).error().kind, ErrorKind::kInvalid);
}

// Forbidden and absent cannot be told apart, not by a word.
TEST_F(GatewayTest, OtherTenantsRunsAreNotThere) {
  const auto uid = put_run("c", success(), "99999999-1111-3333-3333-333333333333", "secret");
  const std::string absent = "99999999-1111-3333-3333-333333333334";
  const auto hidden = use("get_run", {{"run_id", uid}}).error();
  const auto missing = use("get_run", {{"run_id", absent}}).error();
  EXPECT_EQ(hidden.kind, ErrorKind::kNotFound);
  EXPECT_EQ(hidden.message.substr(0, 40), missing.message.substr(0, 40));
  EXPECT_EQ(use("list_runs", {{"project_name", "secret/forecasts"}}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(use("cancel_run", {{"project_name", "secret/forecasts"}, {"run_id", uid}}).error().kind,
            ErrorKind::kNotFound);
  EXPECT_EQ(use("get_run_output", {{"run_id", uid}, {"output_name", "revenue"}}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(use("run", with(kAsync, "project_name", "secret/forecasts")).error().kind, ErrorKind::kNotFound);
  access.grant("get secret");
  EXPECT_EQ(use("get_run", {{"run_id", uid}}).value()["project_name"], "secret/forecasts");
  EXPECT_EQ(use("run", with(kAsync, "project_name", "secret/forecasts")).error().kind, ErrorKind::kDenied);
}

TEST_F(GatewayTest, RightThatIsTakenAwayEndsAWait) {
  int ticks = 0;
  on_tick = [&](const RunSummary&) {
    access.revoke("get ns");
    if (++ticks == 3) set_status(success());  // or this test would not end when the guard is missing
  };
  EXPECT_EQ(use("run", kSync).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(ticks, 1);
}

TEST_F(GatewayTest, TokenThatIsTakenAwayEndsAWait) {
  int ticks = 0;
  Result<void> token{};
  on_tick = [&](const RunSummary&) {
    // What cannot be looked up now is no end.
    token = fail(ticks == 0 ? ErrorKind::kUnavailable : ErrorKind::kDenied, "");
    if (++ticks == 4) set_status(success());  // or this test would not end when the guard is missing
  };
  auto open = call();
  open.recheck = [&](std::stop_token) { return token; };
  const auto ended = use("run", kSync, open);
  EXPECT_EQ(ended.error().kind, ErrorKind::kDenied);
  EXPECT_EQ(ticks, 2);
}

TEST_F(GatewayTest, WaitEndsWithTheToken) {
  times.heartbeat = std::chrono::hours(1);
  const SystemClock real;
  caller.expires = real.now() + std::chrono::milliseconds(50);
  auto open = call();
  open.clock = &real;
  const auto ended = use("run", kSync, open);
  EXPECT_THAT(ended.error().message, testing::HasSubstr("expired"));
}

TEST_F(GatewayTest, RunThatTheWatchHasNotBroughtYetIsToBeAskedForAgain) {
  put_run("old", success());
  const auto stored = server.put(kube::kModelRuns, {{"metadata", {{"namespace", "ns"}, {"name", "x"}}},
                                                    {"spec", {{"project", "forecasts"}}},
                                                    {"status", success()}});
  const json question{{"run_id", stored["metadata"]["uid"]}};
  EXPECT_EQ(use("get_run", question).error().kind, ErrorKind::kUnavailable);
  cache.note(api::decode_model_run(stored));
  EXPECT_EQ(use("get_run", question).value()["status"], "success");
}

// However short the time since it was found that the watch shows all runs.
TEST_F(GatewayTest, ARunThatWasMadeAMomentAgoIsNotDenied) {
  put_run("old", success());
  EXPECT_EQ(use("get_run", {{"run_id", "77777777"}}).error().kind, ErrorKind::kNotFound);
  const auto stored =
      server.put(kube::kModelRuns, {{"metadata", {{"namespace", "ns"}, {"name", "x"}}}, {"status", success()}});
  EXPECT_EQ(use("get_run", {{"run_id", stored["metadata"]["uid"]}}).error().kind, ErrorKind::kUnavailable);
}

TEST_F(GatewayTest, ARunThatTheWatchBringsWhileItIsLookedForIsFound) {
  const auto stored = server.put(kube::kModelRuns, {{"metadata", {{"namespace", "ns"}, {"name", "x"}}},
                                                    {"spec", {{"project", "forecasts"}}},
                                                    {"status", success()}});
  server.set_hook([&](const kube::Request& request, int) {
    if (request.path.ends_with("modelruns?limit=1")) cache.note(api::decode_model_run(stored));
    return fakes::Fault::kNone;
  });
  EXPECT_EQ(use("get_run", {{"run_id", stored["metadata"]["uid"]}}).value()["status"], "success");
}

// Another call has created a run, and the watch brings it when the runs have been counted already.
TEST_F(GatewayTest, AnUnknownRunIsDeniedAlsoWhileOthersAreCreated) {
  const auto other = server.put(kube::kModelRuns, {{"metadata", {{"namespace", "ns"}, {"name", "x"}}},
                                                   {"spec", {{"project", "forecasts"}}},
                                                   {"status", success()}});
  std::optional<std::jthread> watch;
  server.set_hook([&](const kube::Request& request, int) {
    if (request.path.ends_with("modelruns?limit=1")) {
      watch.emplace([&](const std::stop_token& stopped) {
        Mutex mutex;
        const MutexLock lock(mutex);
        CondVar().wait_for(mutex, stopped, std::chrono::milliseconds(10), [] { return false; });  // the lag of a watch
        cache.note(api::decode_model_run(other));
      });
    }
    return fakes::Fault::kNone;
  });
  EXPECT_EQ(use("get_run", {{"run_id", "77777777"}}).error().kind, ErrorKind::kNotFound);
}

TEST_F(GatewayTest, AnUnknownRunIsOneSmallReadWhateverTheHistory) {
  for (int i = 0; i < 50; ++i) put_run(fmt::format("r{}", i), success());
  const auto before = server.requests().size();
  for (const char* id : {"77777777", "88888888-0000-0000-0000-000000000000"}) {
    EXPECT_EQ(use("get_run", {{"run_id", id}}).error().kind, ErrorKind::kNotFound);
  }
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), before + 2);
  EXPECT_THAT(requests.back().path, testing::EndsWith("modelruns?limit=1"));
  EXPECT_THAT(requests.back().accept, HasSubstr("PartialObjectMetadataList"));
}

// The user and the key are a stranger's text.
TEST_F(GatewayTest, KeysOfDifferentCallersNeverMeanOneRun) {
  Identity ana = caller, other = caller;
  ana.user = "ana";
  other.user = "ana\nb";
  NewRun wanted{.project = {"ns", "forecasts"}, .idempotency_key = "b\nc"};
  const auto one = runs.start(ana, wanted, {});
  wanted.idempotency_key = "c";
  const auto two = runs.start(other, wanted, {});
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->run.key.name, two->run.key.name);
}

// Nothing is pinned while the project is suspended, so there is nothing to wait for.
TEST_F(GatewayTest, AsyncRunOfASuspendedProjectSaysSoAtOnce) {
  server.put(kube::kModelProjects,
             {{"metadata", {{"namespace", "ns"}, {"name", "budget"}}}, {"spec", {{"suspend", true}}}});
  times.pin_timeout = std::chrono::hours(1);
  for (const char* key : {"", "k", "k"}) {
    auto keyed = call();
    keyed.idempotency_key = key;
    const auto fields = use("run", with(kAsync, "project_name", "budget"), keyed).value();
    EXPECT_EQ(fields["status"], "pending");
    EXPECT_THAT(fields["message"].get<std::string>(), testing::AllOf(HasSubstr("suspended"), HasSubstr("get_run")));
  }
}

TEST_F(GatewayTest, ListRuns) {
  for (int i = 0; i < 12; ++i) {
    clock.advance(std::chrono::seconds(1));
    server.put(kube::kModelRuns, {{"metadata", {{"namespace", "ns"}, {"name", fmt::format("r{}", i)}}},
                                  {"spec", {{"project", "forecasts"}}},
                                  {"status", {{"phase", i % 2 == 0 ? "Succeeded" : "Failed"}, {"runNumber", i + 1}}}});
  }
  for (const auto& object : server.all(kube::kModelRuns)) cache.note(api::decode_model_run(object));
  const auto all = use("list_runs", {{"project_name", "forecasts"}}).value();
  EXPECT_EQ(all["total_returned"], 10);
  EXPECT_EQ(all["runs"][0]["run_number"], 12);
  const auto failed = use("list_runs", {{"project_name", "forecasts"}, {"status", "failed"}, {"limit", 2}}).value();
  EXPECT_EQ(failed["total_returned"], 2);
  EXPECT_EQ(failed["runs"][1]["run_number"], 10);
  EXPECT_EQ(use("list_runs", {{"project_name", "nothing"}}).error().kind, ErrorKind::kNotFound);
}

TEST_F(GatewayTest, LargeResultComesFromItsConfigMapsAndIsCheckedAgainstItsDigest) {
  api::ResultFrame frame;
  frame.outputs = json{{"big", std::string(1000, 'x')}};
  const std::string document = api::encode_frame(frame);
  server.put(kube::kConfigMaps, {{"metadata", {{"namespace", "ns"}, {"name", "part"}}},
                                 {"binaryData", {{"part", base64_encode(gzip(document))}}}});
  auto status = success();
  status.erase("outputs");
  status["resultRef"] = {{"configMaps", {"part"}}, {"sha256", sha256_hex(document)}, {"bytes", document.size()}};
  const auto uid = put_run("a", status);
  EXPECT_EQ(use("get_run", {{"run_id", uid}}).value()["output"]["outputs"]["big"].get<std::string>().size(), 1000U);
  EXPECT_EQ(use("get_run_output", {{"run_id", uid}, {"output_name", "big"}}).value()["size_bytes"], 1000);
  status["resultRef"]["sha256"] = sha256_hex("something else");
  const auto forged = put_run("b", status);
  EXPECT_THAT(use("get_run", {{"run_id", forged}}).error().message, HasSubstr("SHA-256"));
}

// What is over is read once, whoever asks; what is not, or is gone, or may not be seen, never comes from memory.
TEST_F(GatewayTest, RunThatIsOverIsReadOnce) {
  std::atomic<int> reads = 0;
  server.set_hook([&](const kube::Request& request, int) {
    if (request.method == kube::Method::kGet && request.path.find("modelruns/") != std::string::npos) ++reads;
    return fakes::Fault::kNone;
  });
  const auto over = put_run("a", success());
  const auto under_way = put_run("b", {{"phase", "Running"}});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(use("get_run", {{"run_id", over}}).value()["output"]["exit_code"], 0);
    EXPECT_EQ(use("get_run_output", {{"run_id", over}, {"output_name", "revenue"}}).value()["content"],
              "[100,110,121]");
  }
  EXPECT_EQ(reads, 1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(use("get_run", {{"run_id", under_way}}).value()["status"], "running");
  EXPECT_EQ(reads, 4);
  access.revoke("get ns");
  EXPECT_EQ(use("get_run", {{"run_id", over}}).error().kind, ErrorKind::kNotFound);
  access.grant("get ns");
  const auto object = server.find(kube::kModelRuns, "ns", "a").value();
  server.erase(kube::kModelRuns, "ns", "a");
  cache.sink().removed(object);
  EXPECT_EQ(use("get_run", {{"run_id", over}}).error().kind, ErrorKind::kNotFound);
}

TEST_F(GatewayTest, OnlyWhatIsInMemoryAndMayBeSeenIsRecalled) {
  const auto recall = [this](const std::string& id, const char* tool = "get_run") {
    return recall_tool(*find_tool(tool), {{"run_id", id}}, caller, runs);
  };
  const auto over = put_run("a", success(), "11111111-1111-1111-1111-111111111111");
  EXPECT_FALSE(recall(over)) << "nobody has read it yet";
  const auto told = use("get_run", {{"run_id", over}}).value();
  EXPECT_EQ(recall(over), told);
  EXPECT_EQ(recall("11111111"), told);
  EXPECT_FALSE(recall("1111")) << "a call says what is wrong with it";
  EXPECT_FALSE(recall_tool(*find_tool("get_run"), {{"run_id", over}, {"more", 1}}, caller, runs));
  EXPECT_FALSE(recall(over, "get_run_output"));

  access.away = true;
  EXPECT_FALSE(recall(over));
  access.away = false;
  access.revoke("get ns");
  EXPECT_FALSE(recall(over));
  access.grant("get ns");
  EXPECT_TRUE(recall(over));

  const auto under_way = put_run("b", {{"phase", "Running"}}, "22222222-1111-1111-1111-111111111111");
  (void)use("get_run", {{"run_id", under_way}});
  EXPECT_FALSE(recall(under_way));
  auto large = success();
  large["stdout"] = std::string(100'000, 'x');
  const auto long_one = put_run("c", large, "33333333-1111-1111-1111-111111111111");
  (void)use("get_run", {{"run_id", long_one}});
  EXPECT_FALSE(recall(long_one));
  put_run("d", success(), "11111111-2222-1111-1111-111111111111");
  EXPECT_FALSE(recall("11111111")) << "two have these digits";
  const auto object = server.find(kube::kModelRuns, "ns", "a").value();
  cache.sink().removed(object);
  EXPECT_FALSE(recall(over));
}

RunPtr finished(const std::string& uid, std::size_t bytes) {
  api::ModelRun run;
  run.meta.uid = uid;
  run.status.out = std::string(bytes, 'x');
  return std::make_shared<const api::ModelRun>(std::move(run));
}

TEST(Results, OldestGoFirstAndHugeOnesAreNotKept) {
  ResultCache results(100'000);
  for (const char* uid : {"a", "b", "c"}) results.put(finished(uid, 20'000));
  EXPECT_TRUE(results.run("a", 0));  // which makes b the oldest
  for (const char* uid : {"d", "e"}) results.put(finished(uid, 20'000));
  EXPECT_TRUE(results.run("a", 0));
  EXPECT_FALSE(results.run("b", 0));
  EXPECT_TRUE(results.run("e", 0));
  EXPECT_FALSE(results.run("e", 1));
  results.put(finished("huge", 50'000));
  EXPECT_FALSE(results.run("huge", 0));
}

TEST_F(GatewayTest, CancelWaitsForTheEnd) {
  const auto uid = put_run("a", {{"phase", "Running"}}, "66666666-1111-1111-1111-111111111111");
  on_tick = [&](const RunSummary&) { set_status({{"phase", "Cancelled"}}); };
  const auto fields = use("cancel_run", {{"project_name", "forecasts"}, {"run_id", uid}});
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ((*fields)["status"], "cancelled");
  EXPECT_THAT((*fields)["message"].get<std::string>(), HasSubstr("is over"));
}

TEST_F(GatewayTest, GetRunSaysWhatARunWaitsForAndWhatItWasGiven) {
  auto queued = put_run("a", {{"phase", "Pending"}, {"message", "3 of 3 slots are taken"}});
  auto fields = use("get_run", {{"run_id", queued}}).value();
  EXPECT_EQ(fields["waiting_for"], "3 of 3 slots are taken");
  EXPECT_EQ(fields["parameters"], nullptr);
  EXPECT_EQ(fields["model_name"], nullptr);
  const auto ended = put_run("b", success());
  auto object = server.find(kube::kModelRuns, "ns", "b").value();
  object["spec"]["scope"] = "model";
  object["spec"]["modelName"] = "pricing";
  object["spec"]["parameters"] = {{"growth", 0.25}};
  server.put(kube::kModelRuns, object);
  fields = use("get_run", {{"run_id", ended}}).value();
  EXPECT_EQ(fields["waiting_for"], nullptr);
  EXPECT_EQ(fields["model_name"], "pricing");
  EXPECT_EQ(fields["parameters"], (json{{"growth", 0.25}}));
}

// What language models and their clients send, and what they mean by it.
TEST(Arguments, AreTakenAsTheyAreMeant) {
  const auto& schema = find_tool("list_runs")->input_schema;
  const auto limit = [&](const json& value) { return schema::read(schema, {{"project_name", "p"}, {"limit", value}}); };
  for (const auto& five : {json(5), json(5.0), json("5")}) EXPECT_EQ(limit(five).value()["limit"], json(5)) << five;
  EXPECT_FALSE(limit(nullptr).value().contains("limit")) << "the default";
  for (const auto& other : {json(5.5), json("five"), json(" 5"), json(""), json(1e300), json(51), json(51.0),
                            json(true), json::array({5}), json::object()}) {
    EXPECT_FALSE(limit(other)) << other;
  }
  EXPECT_FALSE(schema::read(schema, {{"project_name", nullptr}})) << "it is required";
  EXPECT_EQ(schema::read(schema, {{"project_name", "5"}}).value()["project_name"], "5") << "a text where one is meant";
  const auto& output = find_tool("get_run_output")->input_schema;
  EXPECT_FALSE(schema::read(output, {{"run_id", "x"}, {"output_name", "y"}, {"encoding", nullptr}})
                   .value()
                   .contains("encoding"));
  const auto& run = find_tool("run")->input_schema;
  const auto parameters = [&](const json& value) { return schema::read(run, with(kSync, "parameters", value)); };
  EXPECT_EQ(parameters(R"({"a": 1, "b": "{}"})").value()["parameters"], (json{{"a", 1}, {"b", "{}"}}));
  EXPECT_EQ(parameters(nullptr).value()["parameters"], nullptr);
  EXPECT_EQ(parameters("null").value()["parameters"], nullptr);
  for (const auto& other : {json("a=1"), json("[1]"), json(R"({"a":1,"a":2})"), json(R"({"a":1e999})"),
                            json(R"({"a":18446744073709551615})"), json(5), json::array()}) {
    EXPECT_FALSE(parameters(other)) << other;
  }
}

TEST_F(GatewayTest, CancelWantsTheWholeIdAndItsProject) {
  const auto uid = put_run("a", {{"phase", "Running"}}, "66666666-1111-1111-1111-111111111111");
  const auto cancel = [&](const std::string& project, const std::string& id) {
    return use("cancel_run", {{"project_name", project}, {"run_id", id}});
  };
  EXPECT_EQ(cancel("forecasts", "66666666").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(cancel("other", uid).error().kind, ErrorKind::kNotFound);
  access.revoke("patch ns");
  EXPECT_EQ(cancel("forecasts", uid).error().kind, ErrorKind::kDenied);
  access.grant("patch ns");
  times.cancel_timeout = std::chrono::milliseconds(1);
  EXPECT_EQ(cancel("forecasts", uid).value()["status"], "running") << "it does not end in that time";
  EXPECT_EQ(server.find(kube::kModelRuns, "ns", "a").value()["spec"]["cancel"], true);
  const auto over = put_run("b", success());
  EXPECT_EQ(cancel("forecasts", over).value()["status"], "success");
  EXPECT_FALSE(server.find(kube::kModelRuns, "ns", "b").value()["spec"].contains("cancel"));
}

}  // namespace
}  // namespace modelrun::gateway
