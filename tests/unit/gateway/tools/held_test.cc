// What calls hold while they last: places, arguments while they wait, tables; and what they say of what is gone.
#include <malloc.h>

#include "unit/gateway/http/http_fixture.h"
#include "unit/gateway/sweep_fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// Starts a sweep that no cluster holds, and keeps the one call that waits for it.
class OneSweep final : public SweepService {
 public:
  Result<StartedSweep> start(const Identity&, const NewSweep&, std::stop_token) override {
    SweepSummary sweep;
    sweep.key = {"ns", "s", "11111111-1111-1111-1111-111111111111"};
    return StartedSweep{.sweep = std::move(sweep), .created = true};
  }
  void notify(const SweepKey&, std::uint64_t, std::chrono::milliseconds, const std::stop_token&,
              std::function<void()> wake) override {
    waiting = std::move(wake);
  }
  void pause(std::chrono::milliseconds, const std::stop_token&, std::function<void()> wake) override {
    waiting = std::move(wake);
  }
  Result<SweepSummary> refresh_summary(const Identity&, const SweepKey&, bool, std::stop_token) override {
    return none();
  }
  Result<SweepSummary> find_summary(const Identity&, std::string_view, std::stop_token) override { return none(); }
  Result<SweepPtr> read_sweep(const Identity&, const SweepKey&, std::stop_token) override { return none(); }
  Result<TablePtr> table(const Identity&, const api::ModelSweep&, std::stop_token) override { return none(); }
  Result<SweepPage> list(const Identity&, const ProjectRef&, const SweepQuery&, std::stop_token) override {
    return none();
  }
  Result<SweepSummary> cancel(const Identity&, const SweepKey&, std::stop_token) override { return none(); }

  std::function<void()> waiting;

 private:
  static std::unexpected<Error> none() { return fail(ErrorKind::kNotFound, "there is no sweep"); }
};

// Bytes that the program has allocated; always 0 under a sanitizer, whose allocator is another one.
std::size_t allocated() {
  const auto now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

class HeldTest : public WithSweeps<HttpTest> {
 protected:
  Error error_of(const std::string& tool, const json& arguments) {
    const auto answer = use(tool, arguments);
    EXPECT_FALSE(answer) << tool << " " << answer->dump();
    return answer ? Error{} : answer.error();
  }
  // As when the watch shows that it was deleted.
  void erase(const kube::Resource& resource) {
    for (const auto& object : server.all(resource)) {
      server.erase(resource, "ns", object["metadata"]["name"].get<std::string>());
      (resource == kube::kModelRuns ? cache.sink() : sweep_cache.sink()).removed(object);
    }
  }
  // A sweep whose table takes some 22 MiB in memory, and half a MiB as text.
  api::ModelSweep wide_sweep(int number) {
    sweep::Table table;
    for (std::size_t i = 0; i < sweep::kMaxColumns; ++i) table.outputs.push_back(fmt::format("o{}-{}", number, i));
    for (std::size_t i = 0; i < sweep::kMaxPoints; ++i) {
      table.rows.push_back({.index = i, .outputs = std::vector<std::string>(sweep::kMaxColumns)});
    }
    const auto name = fmt::format("wide-{}", number);
    put_sweep(name, ended_with(table, name));
    return api::decode_model_sweep(server.all(kube::kModelSweeps).back());
  }
};

const json kSweep{{"project_name", "forecasts"}, {"points", {{{"growth", 1}}}}};
const json kSyncRun{{"scope", "project"}, {"mode", "sync"}, {"project_name", "forecasts"}};

json with(json object, const char* name, json value) {
  object[name] = std::move(value);
  return object;
}

TEST_F(HeldTest, ACallThatWaitsKeepsNoArguments) {
  int answered = 0;
  const auto begin = [&](OneSweep& only, std::size_t bytes) {
    const Tool& tool = *find_tool("sweep");
    const auto arguments = read_arguments(
        tool, {{"project_name", "forecasts"}, {"points", {{{"note", std::string(bytes, 'x')}}}}, {"wait_seconds", 60}});
    ASSERT_TRUE(arguments);
    const auto waiting =
        std::make_shared<const Call>(Call{.caller = caller, .runs = runs, .sweeps = only, .times = times});
    tool.call(*arguments, waiting, [&](const Result<json>&) { ++answered; });
    ASSERT_TRUE(only.waiting);
  };
  OneSweep first;
  begin(first, 1);  // makes what is made once and stays, such as the tools' schemas
  OneSweep second;
  const auto before = allocated();
  begin(second, 800'000);
  EXPECT_LT(allocated(), before + 100'000);
  std::exchange(first.waiting, {})();
  std::exchange(second.waiting, {})();
  EXPECT_EQ(answered, 2) << "the sweep is gone";
}

// A number in another form is the same number, before a call takes a place and after.
TEST_F(HeldTest, EveryFormOfASecondTakesAPlace) {
  app_options.waiting = {.total = 0, .per_caller = 0};
  for (const json& seconds : {json(60), json(60.0), json("60"), json(6e1), json(nullptr)}) {
    EXPECT_EQ(ask(request("POST", "/v1/sweeps", with(kSweep, "wait_seconds", seconds).dump())).status, 429) << seconds;
    const auto called =
        ask(mcp("tools/call", {{"name", "sweep"}, {"arguments", with(kSweep, "wait_seconds", seconds)}}));
    EXPECT_THAT(called.body, HasSubstr("\"isError\":true")) << seconds;
    EXPECT_THAT(called.body, HasSubstr("max-waiting")) << seconds;
  }
  EXPECT_TRUE(server.all(kube::kModelSweeps).empty());
  for (const json& seconds : {json(0), json(0.0), json("0")}) {
    EXPECT_EQ(ask(request("POST", "/v1/sweeps", with(kSweep, "wait_seconds", seconds).dump())).status, 202) << seconds;
  }
}

// What is wrong with the arguments is said whether there are places or not.
TEST_F(HeldTest, WrongArgumentsNeedNoPlace) {
  app_options.waiting = {.total = 0, .per_caller = 0};
  EXPECT_EQ(ask(request("POST", "/v1/sweeps", with(kSweep, "wait_seconds", 60.5).dump())).status, 422);
  EXPECT_EQ(ask(request("POST", "/v1/runs", R"({"mode":"sync"})", "Accept: text/event-stream\r\n")).status, 422);
}

TEST_F(HeldTest, IdsAndTokensOfCallsThatWaitAreShort) {
  const std::string large(1'001, 'x');
  const auto refused = [&](json id, json token) {
    const json message{{"jsonrpc", "2.0"},
                       {"id", std::move(id)},
                       {"method", "tools/call"},
                       {"params",
                        {{"name", "list_runs"},
                         {"arguments", {{"project_name", "forecasts"}}},
                         {"_meta", {{"progressToken", std::move(token)}}}}}};
    return ask(request("POST", "/mcp", message.dump(), "Accept: application/json, text/event-stream\r\n")).status ==
           400;
  };
  EXPECT_FALSE(refused(large.substr(1), large.substr(1)));
  EXPECT_TRUE(refused(large, "t"));
  EXPECT_TRUE(refused(1, large));
}

// A table counts with what it takes in memory, as long as it is used: its text may be much shorter.
TEST_F(HeldTest, TablesCountWhileTheyAreUsed) {
  std::vector<TablePtr> used;
  for (int i = 0; i < 3; ++i) {
    auto table = sweeps.table(caller, wide_sweep(i), {});
    ASSERT_TRUE(table) << table.error().message;
    used.push_back(*table);
  }
  const auto fourth = wide_sweep(3);
  const auto refused = sweeps.table(caller, fourth, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kThrottled);
  // Nothing is taken apart beyond that either.
  EXPECT_EQ(
      error_of("sweep", with(with(kSweep, "points", nullptr), "sample",
                             {{"count", 10'000}, {"axes", {{{"name", "a"}, {"uniform", {{"low", 0}, {"high", 1}}}}}}}))
          .kind,
      ErrorKind::kThrottled);
  used.pop_back();
  EXPECT_TRUE(sweeps.table(caller, fourth, {}));
}

// One table is in memory once, however many read it.
TEST_F(HeldTest, ATableThatIsKeptCountsOnce) {
  const auto uid = put_sweep("s", ended_with(table_of(500, 10'000)));
  const auto sweep = api::decode_model_sweep(server.all(kube::kModelSweeps).front());
  std::vector<TablePtr> used;
  for (int i = 0; i < 30; ++i) {
    const auto table = sweeps.table(caller, sweep, {});
    ASSERT_TRUE(table) << i;
    used.push_back(*table);
  }
  EXPECT_EQ(used.front().get(), used.back().get());
  used.clear();
  EXPECT_TRUE(sweeps.table(caller, sweep, {}));
}

// The project is looked up first: nothing is taken apart for who names none.
TEST_F(HeldTest, TheProjectIsLookedUpBeforeTheSpace) {
  const auto bad = with(kSweep, "points", json::array({{{"a", 1}, {"/a/b", 2}}}));
  EXPECT_EQ(error_of("sweep", bad).kind, ErrorKind::kInvalid);
  EXPECT_THAT(error_of("sweep", with(bad, "project_name", "nothing")).message, HasSubstr("there is no project"));
}

// Until the watch has shown what there is, nothing is known to be absent.
TEST_F(HeldTest, ACacheThatIsNotFilledYetSaysSo) {
  put_sweep("s", {});
  put_run("r", {});
  const std::string elsewhere = "44444444-4444-4444-4444-444444444444";
  RunCache new_runs;
  SweepCache new_sweeps;
  KubeRunService run_service(client, new_runs, access);
  KubeSweepService sweep_service(client, new_sweeps, access);
  const auto kind_of = [](const auto& result) { return result ? ErrorKind::kInternal : result.error().kind; };
  const ProjectRef project{"ns", "forecasts"};
  access.revoke("list ns");  // else the namespace of the caller is counted
  EXPECT_EQ(kind_of(run_service.find_summary(caller, elsewhere, {})), ErrorKind::kUnavailable);
  EXPECT_EQ(kind_of(sweep_service.find_summary(caller, elsewhere, {})), ErrorKind::kUnavailable);
  access.grant("list ns");
  EXPECT_EQ(kind_of(run_service.list(caller, project, {}, {})), ErrorKind::kUnavailable);
  EXPECT_EQ(kind_of(run_service.newest(caller, "ns", {}, {})), ErrorKind::kUnavailable);
  EXPECT_EQ(kind_of(run_service.project(caller, project, {}, {})), ErrorKind::kUnavailable);
  EXPECT_EQ(kind_of(sweep_service.list(caller, project, {}, {})), ErrorKind::kUnavailable);
  // What is known already is found by its whole id, but not by a part that others may have, too.
  const auto known = api::decode_model_sweep(server.all(kube::kModelSweeps).front());
  new_sweeps.note(known);
  EXPECT_TRUE(sweep_service.find_summary(caller, known.meta.uid, {}));
  EXPECT_EQ(kind_of(sweep_service.find_summary(caller, known.meta.uid.substr(0, 8), {})), ErrorKind::kUnavailable);
  fill(new_runs);
  fill(new_sweeps);
  EXPECT_TRUE(run_service.list(caller, project, {}, {}));
  EXPECT_TRUE(sweep_service.list(caller, project, {}, {}));
}

TEST_F(HeldTest, WhatWasDeletedInTheMeantimeDoesNotGoOn) {
  on_tick = [this](const RunSummary&) { erase(kube::kModelRuns); };
  const auto run = error_of("run", kSyncRun);
  EXPECT_EQ(run.kind, ErrorKind::kNotFound);
  EXPECT_THAT(run.message, Not(HasSubstr("goes on")));
  EXPECT_EQ(error_of("run", with(kSyncRun, "mode", "async")).kind, ErrorKind::kNotFound);
  put_run("r", {{"phase", "Running"}});
  const auto run_id = server.all(kube::kModelRuns).front()["metadata"]["uid"];
  EXPECT_EQ(error_of("cancel_run", {{"project_name", "forecasts"}, {"run_id", run_id}}).kind, ErrorKind::kNotFound);

  auto counted = call();
  counted.on_sweep_tick = [this](const SweepSummary&) { erase(kube::kModelSweeps); };
  const auto swept = use("sweep", with(kSweep, "wait_seconds", 60), counted);
  ASSERT_FALSE(swept);
  EXPECT_EQ(swept.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(swept.error().message, Not(HasSubstr("goes on")));
  const auto uid = put_sweep("s", {{"phase", "Running"}});
  const auto cancelled = use("cancel_sweep", {{"project_name", "forecasts"}, {"sweep_id", uid}}, counted);
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace modelrun::gateway
