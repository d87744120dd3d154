// explain_runs: which runs it makes, what it answers, when it cancels them, and who may use it.
#include "sweep/decimal.h"
#include "unit/gateway/http/http_fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json with(json object, const char* name, json value) {
  object[name] = std::move(value);
  return object;
}

class ExplainTest : public HttpTest {
 protected:
  static json spec(double growth, int years) {
    return {{"project", "forecasts"},
            {"scope", "model"},
            {"modelName", "revenue"},
            {"timeoutSeconds", 9},
            {"parameters", {{"growth", growth}, {"years", years}}}};
  }
  static json ended(const std::string& commit, const json& value, const std::string& image = "python@sha256:1") {
    return {{"phase", "Succeeded"},
            {"commitSHA", commit},
            {"outputs", {{"name", commit}, {"value", value}}},
            {"provenance", {{"image", image}, {"imageID", image}}}};
  }
  // Three causes: commit, growth and years. Two runs are in between.
  json two_runs() {
    const auto base = put_run("a", ended("c1", 0.2), {}, "ns", spec(0.1, 2));
    const auto other = put_run("b", ended("c2", 1.1), {}, "ns", spec(0.3, 3));
    return {{"base_run_id", base}, {"other_run_id", other}};
  }
  // The runs in between, in the order in which they were made.
  std::vector<json> made() {
    auto all = server.all(kube::kModelRuns);
    std::erase_if(all, [](const json& run) { return run["metadata"]["name"].get<std::string>().size() == 1; });
    std::ranges::sort(all, {}, [](const json& run) { return run["metadata"]["uid"].get<std::string>(); });
    return all;
  }
  void end(json run, json status) {
    run["status"] = std::move(status);
    cache.note(api::decode_model_run(server.put(kube::kModelRuns, run)));
  }
  // The operator's part: ends the runs in between, by their commit and growth.
  void end_all(const std::map<std::string, double>& values = {{"c2 0.1", 0.4}, {"c2 0.3", 0.8}},
               const std::string& image = "python@sha256:1") {
    for (const auto& run : made()) {
      const auto commit = run["spec"]["commitSHA"].get<std::string>();
      end(run, ended(commit, values.at(commit + " " + run["spec"]["parameters"]["growth"].dump()), image));
    }
  }
  // Does it when the wait for the first run begins.
  void operate() {
    on_tick = [this, done = false](const RunSummary&) mutable {
      if (!std::exchange(done, true)) end_all();
    };
  }
  json fields_of(const json& arguments) { return fields_of(arguments, call()); }
  static json fields_of(const json& arguments, const Call& call) {
    auto answer = use("explain_runs", arguments, call);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? std::move(*answer) : json::object();
  }
  Error error_of(const json& arguments) { return error_of(arguments, call()); }
  static Error error_of(const json& arguments, const Call& call) {
    const auto answer = use("explain_runs", arguments, call);
    EXPECT_FALSE(answer) << arguments.dump() << answer->dump();
    return answer ? Error{} : answer.error();
  }
  static std::vector<bool> cancelled_of(const std::vector<json>& runs) {
    std::vector<bool> all;
    for (const auto& run : runs) all.push_back(run["spec"].value("cancel", false));
    return all;
  }
  using Flags = std::vector<bool>;
};

TEST_F(ExplainTest, EachStepIsARunAndTheBridgeAddsUp) {
  operate();
  const auto ids = two_runs();
  const auto fields = fields_of(ids);
  EXPECT_EQ(fields["status"], "success");
  ASSERT_EQ(made().size(), 2U);
  // The same run that `kubectl modelrun compare --explain` makes.
  EXPECT_EQ(made()[0]["spec"], json::parse(R"({"project":"forecasts","scope":"model","modelName":"revenue",
    "commitSHA":"c2","timeoutSeconds":9,"reuse":"Reuse","parameters":{"growth":0.1,"years":2}})"));
  EXPECT_EQ(made()[1]["spec"]["parameters"], json::parse(R"({"growth":0.3,"years":2})"));
  EXPECT_EQ(made()[0]["metadata"]["labels"]["modelrun.dev/created-by"], "gateway");
  EXPECT_EQ(made()[0]["metadata"]["annotations"]["modelrun.dev/requested-by"], "ana");
  EXPECT_EQ(fields["steps"],
            json({{{"cause", "commit"}, {"run_id", made()[0]["metadata"]["uid"]}, {"status", "success"}},
                  {{"cause", "parameter growth"}, {"run_id", made()[1]["metadata"]["uid"]}, {"status", "success"}},
                  {{"cause", "parameter years"}, {"run_id", ids["other_run_id"]}, {"status", "success"}}}));
  EXPECT_EQ(fields["bridges"], json::parse(R"([{"path":"/value","from":0.2,"to":1.1,"change":0.9,"rounded":false,
    "steps":[{"cause":"commit","value":0.4,"contribution":0.2},
             {"cause":"parameter growth","value":0.8,"contribution":0.4},
             {"cause":"parameter years","value":1.1,"contribution":0.3}],
    "summary":"/value goes from 0.2 to 1.1, which is +0.9: parameter growth +0.4, parameter years +0.3, commit +0.2."}])"));
  EXPECT_EQ(fields["summary"],
            "1 of 1 numbers that differ are explained. " + fields["bridges"][0]["summary"].get<std::string>());
  EXPECT_EQ(fields["message"], fields["summary"]);
  EXPECT_EQ(fields["numbers_changed"], 1);
  EXPECT_EQ(fields["not_explained"], json::array());
}

// In binary64, as the client reads it, the contributions are what is shown, and they add up.
TEST_F(ExplainTest, WhatIsShownAddsUp) {
  const auto base = put_run("a", ended("c1", json::parse("100.123456789012345")), {}, "ns", spec(0.1, 2));
  const auto other = put_run("b", ended("c2", json::parse("-0.1")), {}, "ns", spec(0.3, 2));
  on_tick = [this](const RunSummary&) { end_all({{"c2 0.1", 1e9 + 1.0 / 3}}); };
  const json ids{{"base_run_id", base}, {"other_run_id", other}};
  for (const json& places : {json(nullptr), json(0), json(2)}) {
    const auto bridge = fields_of(with(ids, "places", places))["bridges"].at(0);
    auto sum = sweep::Decimal::parse(bridge["from"].dump()).value();
    for (const auto& step : bridge["steps"]) {
      sum = sum + sweep::Decimal::parse(step["contribution"].dump()).value();
      EXPECT_EQ(sum.text(), sweep::Decimal::parse(step["value"].dump())->text());
    }
    EXPECT_EQ(sum.text(), sweep::Decimal::parse(bridge["to"].dump())->text());
    EXPECT_EQ(bridge["rounded"], true);
    if (places == 2) {
      EXPECT_EQ(bridge["from"], 100.12);
    }
  }
  EXPECT_EQ(made().size(), 1U);
}

TEST_F(ExplainTest, OneCauseNeedsNoRunAndNoRightToMakeOne) {
  const auto base = put_run("a", ended("c1", 0.2), {}, "ns", spec(0.1, 2));
  const auto other = put_run("b", ended("c2", 0.5), {}, "ns", spec(0.1, 2));
  access.revoke("create ns");
  const auto fields = fields_of({{"base_run_id", base}, {"other_run_id", other}});
  EXPECT_EQ(fields["bridges"][0]["steps"], json::parse(R"([{"cause":"commit","value":0.5,"contribution":0.3}])"));
  EXPECT_EQ(fields["steps"], json({{{"cause", "commit"}, {"run_id", other}, {"status", "success"}}}));
  EXPECT_EQ(server.writes(), 0);
}

TEST_F(ExplainTest, NothingIsExecutedForNoDifference) {
  const auto base = put_run("a", ended("c1", 0.2), {}, "ns", spec(0.1, 2));
  const auto other = put_run("b", ended("c2", 0.2), {}, "ns", spec(0.3, 3));
  const auto fields = fields_of({{"base_run_id", base}, {"other_run_id", other}});
  EXPECT_EQ(fields["status"], "success");
  EXPECT_EQ(fields["summary"], "No number of the outputs differs.");
  EXPECT_EQ(fields["bridges"], json::array());
  EXPECT_EQ(server.writes(), 0);
}

TEST_F(ExplainTest, TheSameCallAgainGoesOnWithTheSameRuns) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  const auto begun = fields_of(arguments);
  EXPECT_EQ(begun["status"], "running");
  EXPECT_EQ(begun["summary"], nullptr);
  EXPECT_THAT(begun["message"].get<std::string>(), HasSubstr("2 of 2 runs in between go on. Make the same call again"));
  ASSERT_EQ(begun["steps"].size(), 3U);
  EXPECT_EQ(begun["steps"][0]["status"], "pending");
  end(made()[1], ended("c2", 0.8));
  const auto again = fields_of(arguments);
  EXPECT_THAT(again["message"].get<std::string>(), HasSubstr("1 of 2 runs"));
  EXPECT_EQ(again["steps"][0]["run_id"], begun["steps"][0]["run_id"]);
  EXPECT_EQ(again["steps"][1]["status"], "success");
  end_all();
  // Other outputs of the same two runs need no other runs.
  const auto done = fields_of(with(with(arguments, "outputs", {"value"}), "places", 0));
  EXPECT_EQ(done["status"], "success");
  EXPECT_EQ(done["steps"][1]["run_id"], begun["steps"][1]["run_id"]);
  EXPECT_EQ(done["bridges"][0]["change"], 1);
  EXPECT_EQ(made().size(), 2U);
}

// Whatever is known by the watch is not asked of the API server again.
TEST_F(ExplainTest, AskingAgainCostsNoWrites) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  (void)fields_of(arguments);
  (void)fields_of(arguments);  // notes on both runs that they were asked for again
  const auto writes = server.writes();
  (void)fields_of(arguments);
  end_all();
  EXPECT_EQ(fields_of(arguments)["status"], "success");
  EXPECT_EQ(server.writes(), writes);
}

// The watch of another gateway may not have shown them yet.
TEST_F(ExplainTest, RunsThatTheWatchHasNotShownAreFound) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  const auto begun = fields_of(arguments);
  for (const auto& run : made()) cache.sink().removed(run);
  EXPECT_EQ(fields_of(arguments)["steps"], begun["steps"]);
  EXPECT_EQ(made().size(), 2U);
}

TEST_F(ExplainTest, AFailedStepIsAResultThatSaysWhich) {
  const auto ids = two_runs();
  on_tick = [this](const RunSummary&) {
    end(made()[1], {{"phase", "Failed"}, {"message", "exit code 3"}});
    end(made()[0], ended("c2", 0.4));
  };
  const auto fields = fields_of(ids);
  EXPECT_EQ(fields["status"], "failed");
  EXPECT_THAT(fields["message"].get<std::string>(),
              HasSubstr("The run with all changes up to 'parameter growth' did not succeed: failed, exit code 3. "
                        "get_run with run_id"));
  EXPECT_EQ(fields["steps"][1]["status"], "failed");
  EXPECT_EQ(fields_of(ids)["steps"], fields["steps"]) << "it would fail again";
  EXPECT_EQ(made().size(), 2U);
}

// Also when the time was up while an earlier one was waited for.
TEST_F(ExplainTest, AFailedStepIsToldWhileOthersGoOn) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  (void)fields_of(arguments);
  end(made()[1], {{"phase", "Failed"}});
  EXPECT_EQ(fields_of(arguments)["status"], "failed");
}

TEST_F(ExplainTest, ACancelledStepIsStartedAnewByTheNextCall) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  const auto begun = fields_of(arguments);
  on_tick = [this](const RunSummary&) { end(made()[0], {{"phase", "Cancelled"}}); };
  const auto told = fields_of(with(arguments, "wait_seconds", 60));
  EXPECT_EQ(told["status"], "failed");
  EXPECT_THAT(told["message"].get<std::string>(), HasSubstr("cancelled. Make the same call again: it starts that run"));
  on_tick = {};
  const auto anew = fields_of(arguments);
  EXPECT_EQ(anew["status"], "running");
  EXPECT_NE(anew["steps"][0]["run_id"], begun["steps"][0]["run_id"]);
  EXPECT_EQ(anew["steps"][1]["run_id"], begun["steps"][1]["run_id"]);
  EXPECT_EQ(made().size(), 3U);
  // Not without an end.
  for (int i = 0; i < 10; ++i) {
    for (const auto& run : made()) end(run, {{"phase", "Cancelled"}});
    (void)fields_of(arguments);
  }
  EXPECT_EQ(made().size(), 16U);
}

TEST_F(ExplainTest, LeavingCancelsWhatThisCallHasStarted) {
  const auto ids = two_runs();
  for (const auto& [takes_back, keyed] : {std::pair(true, false), {true, true}, {false, false}}) {
    std::stop_source left;
    auto leaving = call();
    leaving.stop = left.get_token();
    if (takes_back) leaving.cancel_on_stop = [] { return true; };
    if (keyed) leaving.idempotency_key = "k";
    leaving.on_tick = [&](const RunSummary&) { left.request_stop(); };
    EXPECT_EQ(error_of(ids, leaving).kind, ErrorKind::kCancelled);
    const bool cancelled = takes_back && !keyed;
    EXPECT_EQ(cancelled_of(made()), (Flags{cancelled, cancelled}));
    for (const auto& run : made()) {
      server.erase(kube::kModelRuns, "ns", run["metadata"]["name"].get<std::string>());
      cache.sink().removed(run);
    }
  }
}

// Whether the other call came before or after this one, and wherever it was made.
TEST_F(ExplainTest, LeavingLeavesAloneWhatAnotherCallHasAskedFor) {
  const auto ids = two_runs();
  const auto leave = [&](const std::function<void()>& meanwhile) {
    std::stop_source left;
    auto leaving = call();
    leaving.stop = left.get_token();
    leaving.cancel_on_stop = [] { return true; };
    leaving.on_tick = [&](const RunSummary&) {
      if (left.stop_requested()) return;
      meanwhile();
      left.request_stop();
    };
    EXPECT_EQ(error_of(ids, leaving).kind, ErrorKind::kCancelled);
  };
  leave([&] {
    RunCache elsewhere;
    fill(elsewhere);
    for (const auto& run : server.all(kube::kModelRuns)) {
      if (run["metadata"]["name"].get<std::string>().size() == 1) elsewhere.note(api::decode_model_run(run));
    }
    KubeRunService other_gateway(client, elsewhere, access);
    const Call asking{.caller = caller, .runs = other_gateway, .sweeps = sweeps, .times = times};
    EXPECT_EQ(fields_of(with(ids, "wait_seconds", 0), asking)["status"], "running");
  });
  EXPECT_EQ(cancelled_of(made()), (Flags{false, false}));
  EXPECT_EQ(made()[0]["metadata"]["labels"]["modelrun.dev/shared"], "true");
  leave([] {});  // it has started neither
  EXPECT_EQ(cancelled_of(made()), (Flags{false, false}));
}

// Another call may ask for a run between the look at it and its cancellation.
TEST_F(ExplainTest, OnlyWhatWasLookedAtIsCancelled) {
  const auto ids = two_runs();
  std::stop_source left;
  auto leaving = call();
  leaving.stop = left.get_token();
  leaving.cancel_on_stop = [] { return true; };
  leaving.on_tick = [&](const RunSummary&) { left.request_stop(); };
  bool asked = false;
  server.set_hook([&](const kube::Request& sent, int) {
    if (sent.method == kube::Method::kPatch && !std::exchange(asked, true)) {
      auto run = made()[0];
      run["metadata"]["labels"]["modelrun.dev/shared"] = "true";
      server.put(kube::kModelRuns, run);
    }
    return fakes::Fault::kNone;
  });
  EXPECT_EQ(error_of(ids, leaving).kind, ErrorKind::kCancelled);
  EXPECT_EQ(cancelled_of(made()), (Flags{false, true}));
}

TEST_F(ExplainTest, WhatCannotBeStartedCancelsTheRestUnlessItMayBeBetterSoon) {
  const auto ids = two_runs();
  for (const auto& [fault, cancelled] : {std::pair(fakes::Fault::k413, true), {fakes::Fault::k429, false}}) {
    int creates = 0;
    server.set_hook([&, fault = fault](const kube::Request& sent, int) {
      return sent.method == kube::Method::kPost && ++creates == 2 ? fault : fakes::Fault::kNone;
    });
    const auto error = error_of(ids);
    EXPECT_THAT(error.message, HasSubstr("the run with all changes up to 'parameter growth': "));
    server.set_hook({});
    EXPECT_EQ(cancelled_of(made()), Flags{cancelled}) << error.message;
    for (const auto& run : made()) {
      server.erase(kube::kModelRuns, "ns", run["metadata"]["name"].get<std::string>());
      cache.sink().removed(run);
    }
  }
}

TEST_F(ExplainTest, EachRunThatIsMadeCountsAsARequest) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  int tokens = 0;
  auto poor = call();
  poor.charge = [&] { return tokens-- > 0; };
  const auto error = error_of(arguments, poor);
  EXPECT_EQ(error.kind, ErrorKind::kThrottled);
  EXPECT_THAT(error.message, HasSubstr("1 of 2 runs in between are started"));
  EXPECT_EQ(cancelled_of(made()), Flags{false});
  tokens = 1;
  EXPECT_EQ(fields_of(arguments, poor)["status"], "running") << "the first one is there";
  EXPECT_EQ(fields_of(arguments, poor)["status"], "running") << "both are";
  EXPECT_EQ(made().size(), 2U);
}

TEST_F(ExplainTest, AProjectThatHasChangedSinceIsToldAndSoIsAStrangersRun) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  (void)fields_of(arguments);
  end_all({{"c2 0.1", 0.4}, {"c2 0.3", 0.8}}, "python@sha256:2");
  const auto changed = error_of(arguments);
  EXPECT_EQ(changed.kind, ErrorKind::kConflict);
  EXPECT_THAT(changed.message, HasSubstr("project forecasts has changed since run b was executed (image)"));
  end_all();
  auto strange = made()[0];
  strange["spec"]["parameters"]["growth"] = 7;
  end(strange, strange["status"]);
  EXPECT_THAT(error_of(arguments).message, HasSubstr("somebody has made another run of that name"));
}

TEST_F(ExplainTest, OneKeyIsOneExplanation) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  auto keyed = call();
  keyed.idempotency_key = "k1";
  const auto first = fields_of(arguments, keyed);
  EXPECT_EQ(fields_of(arguments, keyed)["steps"], first["steps"]);
  EXPECT_NE(fields_of(arguments)["steps"], first["steps"]) << "without the key these are other runs";
  EXPECT_EQ(made().size(), 4U);
  const auto third = put_run("c", ended("c3", 3), {}, "ns", spec(0.3, 3));
  EXPECT_EQ(error_of(with(arguments, "other_run_id", third), keyed).kind, ErrorKind::kInvalid);
  // Nor is a run of a key started anew.
  for (const auto& run : made()) end(run, {{"phase", "Cancelled"}});
  EXPECT_THAT(fields_of(arguments, keyed)["message"].get<std::string>(), HasSubstr("with another idempotency key"));
}

TEST_F(ExplainTest, OutputsAndLimit) {
  const auto outputs = [](double a, int b) {
    return json{{"big", a}, {"deep", {{"list", {1, b}}}}, {"small", 1000 + b}, {"word", "x" + std::to_string(b)}};
  };
  auto base_status = ended("c1", 1);
  auto other_status = ended("c2", 1);
  base_status["outputs"] = outputs(1, 1);
  other_status["outputs"] = outputs(9, 2);
  const json ids{{"base_run_id", put_run("a", base_status, {}, "ns", spec(0.1, 2))},
                 {"other_run_id", put_run("b", other_status, {}, "ns", spec(0.1, 2))}};
  const auto paths = [](const json& fields) {
    std::vector<std::string> all;
    for (const auto& bridge : fields["bridges"]) all.push_back(bridge["path"]);
    return all;
  };
  using Paths = std::vector<std::string>;
  EXPECT_EQ(paths(fields_of(ids)), (Paths{"/big", "/deep/list/1", "/small"})) << "significant ones first";
  const auto one = fields_of(with(ids, "limit", 1));
  EXPECT_EQ(paths(one), Paths{"/big"});
  EXPECT_EQ(one["numbers_changed"], 3);
  EXPECT_EQ(one["truncated"], true);
  EXPECT_EQ(paths(fields_of(with(ids, "outputs", {"small", "/deep/list/1", "word"}))),
            (Paths{"/deep/list/1", "/small"}));
  EXPECT_THAT(error_of(with(ids, "outputs", {"small", "none"})).message, HasSubstr("has an output 'none'"));
}

// What a run in between does not have is named.
TEST_F(ExplainTest, ANumberThatAStepDoesNotHave) {
  const auto ids = two_runs();
  on_tick = [this](const RunSummary&) {
    end(made()[0], ended("c2", "none"));
    end(made()[1], {{"phase", "Succeeded"}, {"commitSHA", "c2"}, {"provenance", {{"imageID", "python@sha256:1"}}}});
  };
  const auto fields = fields_of(ids);
  EXPECT_EQ(fields["status"], "success");
  EXPECT_EQ(fields["not_explained"], json({"/value"}));
  EXPECT_THAT(fields["summary"].get<std::string>(), HasSubstr("0 of 1 numbers that differ are explained. 1 cannot be"));
}

// The name of a parameter may be as long as the parameters.
TEST_F(ExplainTest, CausesAreShownInBounds) {
  auto base_spec = spec(0.1, 2);
  auto other_spec = spec(0.1, 2);
  base_spec["parameters"] = json{{std::string(50'000, 'k'), 1}};
  other_spec["parameters"] = json{{std::string(50'000, 'k'), 2}};
  const auto fields = fields_of({{"base_run_id", put_run("a", ended("c1", 1), {}, "ns", base_spec)},
                                 {"other_run_id", put_run("b", ended("c1", 2), {}, "ns", other_spec)}});
  EXPECT_EQ(fields["status"], "success");
  EXPECT_LT(fields.dump().size(), 2'000U);
}

// Each result is read in a turn of its own, so that others are served in between.
TEST_F(ExplainTest, ResultsAreReadOneAtATime) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  (void)fields_of(arguments);
  end_all();
  int turns = 0;
  auto counted = call();
  counted.later = [&](const std::function<void()>& work) {
    ++turns;
    work();
  };
  EXPECT_EQ(fields_of(arguments, counted)["status"], "success");
  EXPECT_EQ(turns, 2);
}

TEST_F(ExplainTest, BadArgumentsSayWhatToDo) {
  const auto ids = two_runs();
  EXPECT_THAT(error_of(with(ids, "other_run_id", ids["base_run_id"])).message, HasSubstr("have the same commit"));
  EXPECT_THAT(error_of(with(ids, "other_run_id", "12345678")).message, HasSubstr("other_run_id: "));
  EXPECT_THAT(error_of(with(ids, "outputs", {"/a~"})).message, HasSubstr("outputs: "));
  EXPECT_THAT(error_of(with(ids, "outputs", {1})).message, HasSubstr("outputs: must be texts"));
  EXPECT_THAT(error_of(with(ids, "outputs", std::vector<std::string>(65, "a"))).message, HasSubstr("at most 64"));
  EXPECT_EQ(error_of(with(ids, "limit", 101)).kind, ErrorKind::kInvalid);
  EXPECT_EQ(error_of(with(ids, "places", 15)).kind, ErrorKind::kInvalid);
  EXPECT_EQ(error_of(with(ids, "wait_seconds", 301)).kind, ErrorKind::kInvalid);
  const auto going = put_run("c", {{"phase", "Running"}});
  EXPECT_EQ(error_of(with(ids, "other_run_id", going)).kind, ErrorKind::kConflict);
  auto unknown = ended("c2", 1.1);
  unknown.erase("provenance");
  const auto old = put_run("d", unknown, {}, "ns", spec(0.3, 3));
  EXPECT_THAT(error_of(with(ids, "other_run_id", old)).message, HasSubstr("which image d was executed with"));
  access.revoke("create ns");
  EXPECT_EQ(error_of(ids).kind, ErrorKind::kDenied);
  access.revoke("get ns");
  EXPECT_EQ(error_of(ids).kind, ErrorKind::kNotFound);
  EXPECT_TRUE(made().empty());
}

TEST_F(ExplainTest, AnswersHaveTheMembersOfTheirSchemas) {
  const auto names = [](const json& object) {
    std::set<std::string> found;
    for (const auto& [name, unused] : object.items()) found.insert(name);
    return found;
  };
  const auto ids = two_runs();
  const auto& schema = find_tool("explain_runs")->output_schema["properties"];
  EXPECT_EQ(names(fields_of(with(ids, "wait_seconds", 0))), names(schema));
  end_all();
  const auto fields = fields_of(ids);
  EXPECT_EQ(names(fields), names(schema));
  EXPECT_EQ(names(fields["steps"][0]), names(schema["steps"]["items"]["properties"]));
  const auto& bridge = schema["bridges"]["items"]["properties"];
  EXPECT_EQ(names(fields["bridges"][0]), names(bridge));
  EXPECT_EQ(names(fields["bridges"][0]["steps"][0]), names(bridge["steps"]["items"]["properties"]));
}

TEST_F(ExplainTest, InPlainHttp) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  const auto begun = ask(request("POST", "/v1/explanations", arguments.dump()));
  EXPECT_EQ(begun.status, 202) << begun.body;
  EXPECT_EQ(begun.json()["status"], "running");
  end_all();
  const auto done = ask(request("POST", "/v1/explanations", arguments.dump()));
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.json()["bridges"][0]["change"], 0.9);
  EXPECT_EQ(ask(request("GET", "/v1/explanations")).headers.at("allow"), "POST");
  EXPECT_EQ(ask(request("POST", "/v1/explanations", "{}")).status, 422);
  EXPECT_THAT(metrics.text(), HasSubstr("route=\"/v1/explanations\""));
}

TEST_F(ExplainTest, OneCallerTakesAShareOfTheExplanationsAndOfTheCallsThatWait) {
  const auto ids = two_runs();
  app_options.waiting = {.total = 3, .per_caller = 2};
  app_options.explanations = {.total = 3, .per_caller = 1};
  Client waiting(port());
  waiting.send(request("POST", "/v1/explanations", ids.dump()));
  ASSERT_TRUE(eventually([&] { return made().size() == 2; }));
  const auto second = ask(request("POST", "/v1/explanations", with(ids, "wait_seconds", 0).dump()));
  EXPECT_EQ(second.status, 429) << second.body;
  EXPECT_THAT(second.json()["detail"].get<std::string>(), HasSubstr("as many as one caller may have"));
  EXPECT_THAT(metrics.text(), HasSubstr("modelrun_gateway_refused_total{reason=\"explanations\"} 1"));
  EXPECT_EQ(ask(request("POST", "/v1/explanations", ids.dump())).status, 429) << "and gives the place to wait back";
  EXPECT_THAT(metrics.text(), HasSubstr("modelrun_gateway_waiting 1"));
  EXPECT_THAT(metrics.text(), HasSubstr("modelrun_gateway_explanations 1"));
  end_all();
  EXPECT_EQ(waiting.receive().status, 200);
  EXPECT_TRUE(idle());
  EXPECT_THAT(metrics.text(), HasSubstr("modelrun_gateway_explanations 0"));
}

TEST_F(ExplainTest, TheRunsThatItMakesCountInTheRate) {
  const auto arguments = with(two_runs(), "wait_seconds", 0);
  app_options.rate = {.per_second = 0.01, .burst = 2};
  const auto refused = ask(request("POST", "/v1/explanations", arguments.dump()));
  EXPECT_EQ(refused.status, 429) << refused.body;
  EXPECT_EQ(made().size(), 2U);
}

}  // namespace
}  // namespace modelrun::gateway
