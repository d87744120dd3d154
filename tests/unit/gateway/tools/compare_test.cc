// compare_runs and compare_branches: what they answer, what they start, and who may use them.
#include "unit/gateway/http/http_fixture.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json ended(const json& outputs, const std::string& commit = std::string(40, 'a')) {
  return {{"phase", "Succeeded"}, {"commitSHA", commit}, {"outputs", outputs}};
}

const json kBase{{"value", 100},     {"small", 100}, {"verdict", "ok"}, {"same", true}, {"detail", {{"irr", 0.5}}},
                 {"path", {1, 2, 3}}};
const json kOther{{"value", 150},      {"small", 101}, {"verdict", "bad"}, {"same", true}, {"detail", {{"irr", 0.25}}},
                  {"path", {1, 4, 3}}, {"new", 1}};

class CompareTest : public HttpTest {
 protected:
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
  static const json& difference(const json& fields, const std::string& path) {
    static const json kNone;
    for (const auto& each : fields["diff"]) {
      if (each["path"] == path) return each;
    }
    return kNone;
  }
  // The operator's part: ends the run of that branch.
  void end_branch(const std::string& branch, json status) {
    for (auto object : server.all(kube::kModelRuns)) {
      if (object["spec"].value("branch", "") != branch) continue;
      object["status"] = status;
      object["status"]["branch"] = branch;
      cache.note(api::decode_model_run(server.put(kube::kModelRuns, object)));
    }
  }
  // Ends both runs when the wait for the first one begins.
  void end_both(json base, json scenario) {
    on_tick = [this, base = std::move(base), scenario = std::move(scenario), done = false](const RunSummary&) mutable {
      if (std::exchange(done, true)) return;
      end_branch("main", base);
      end_branch("next", scenario);
    };
  }
};

const json kBranches{{"project_name", "forecasts"}, {"scenario_branch", "next"}, {"model_name", "revenue"}};

json with(json object, const char* name, json value) {
  object[name] = std::move(value);
  return object;
}

TEST_F(CompareTest, NamesWhatWentInAndWhatCameOut) {
  const json spec{
      {"project", "forecasts"}, {"scope", "model"}, {"modelName", "revenue"}, {"parameters", {{"rate", 0.1}}}};
  auto other_spec = spec;
  other_spec["parameters"]["rate"] = 0.2;
  const auto base = put_run("a", ended(kBase), {}, "ns", spec);
  const auto other = put_run("b", ended(kOther, std::string(40, 'b')), {}, "ns", other_spec);
  const auto fields = fields_of("compare_runs", {{"base_run_id", base}, {"other_run_id", other}});
  EXPECT_EQ(fields["base_run_id"], base);
  EXPECT_EQ(fields["inputs"],
            json({{{"name", "commit"}, {"base", std::string(40, 'a')}, {"other", std::string(40, 'b')}},
                  {{"name", "parameter /rate"}, {"base", "0.1"}, {"other", "0.2"}}}));
  EXPECT_EQ(difference(fields, "/value"), json::parse(R"({"path": "/value", "kind": "number", "base": 100, "other": 150,
    "change": 50, "percent": 50.0, "significant": true})"));
  EXPECT_EQ(difference(fields, "/small")["significant"], false);
  EXPECT_EQ(fields["diff"].back()["path"], "/small");  // significant ones come first
  EXPECT_EQ(difference(fields, "/detail/irr")["change"], -0.25);
  EXPECT_EQ(difference(fields, "/verdict")["kind"], "text");
  EXPECT_EQ(difference(fields, "/new"), json::parse(R"({"path": "/new", "kind": "only_other", "base": null, "other": 1,
    "change": null, "percent": null, "significant": true})"));
  EXPECT_EQ(fields["series"], json::parse(R"([{"path": "/path", "base_size": 3, "other_size": 3, "changed": 1,
    "significant": 1, "largest_index": 1}])"));
  EXPECT_EQ(fields["summary"]["equal"], 3);
  EXPECT_EQ(fields["summary"]["changed"], 6);
  EXPECT_EQ(fields["summary"]["significant"], 5);
  EXPECT_EQ(fields["summary"]["truncated"], false);
  EXPECT_THAT(fields["summary"]["text"].get<std::string>(), HasSubstr("6 of 9 values differ, 5 of them"));
}

TEST_F(CompareTest, ThresholdLimitAndOneOutput) {
  const auto base = put_run("a", ended(kBase));
  const auto other = put_run("b", ended(kOther));
  const json both{{"base_run_id", base}, {"other_run_id", other}};
  EXPECT_EQ(difference(fields_of("compare_runs", with(both, "threshold", 0.5)), "/small")["significant"], true);
  EXPECT_EQ(difference(fields_of("compare_runs", with(both, "threshold", "60")), "/value")["significant"], false);
  EXPECT_EQ(error_of("compare_runs", with(both, "threshold", -1)).kind, ErrorKind::kInvalid);
  const auto first = fields_of("compare_runs", with(both, "limit", 1));
  EXPECT_EQ(first["diff"].size(), 1);
  EXPECT_EQ(first["summary"]["truncated"], true);
  EXPECT_EQ(first["summary"]["changed"], 6);
  const auto nested = fields_of("compare_runs", with(both, "output_name", "/detail/irr"));
  ASSERT_EQ(nested["diff"].size(), 1);
  EXPECT_EQ(nested["diff"][0]["path"], "/detail/irr");
  const auto only = fields_of("compare_runs", with(both, "output_name", "new"));
  EXPECT_EQ(only["diff"][0]["kind"], "only_other");
  EXPECT_THAT(error_of("compare_runs", with(both, "output_name", "none")).message,
              HasSubstr("neither run has an output 'none'"));
}

TEST_F(CompareTest, SaysWhyRunsCannotBeCompared) {
  const auto base = put_run("a", ended(kBase));
  const auto going = put_run("b", {{"phase", "Running"}});
  const auto empty = put_run("c", {{"phase", "Failed"}});
  const auto to = [&](const std::string& other) { return json{{"base_run_id", base}, {"other_run_id", other}}; };
  EXPECT_EQ(error_of("compare_runs", to(going)).kind, ErrorKind::kConflict);
  EXPECT_THAT(error_of("compare_runs", to(empty)).message, HasSubstr("left no outputs"));
  EXPECT_THAT(error_of("compare_runs", to("12345678")).message, HasSubstr("other_run_id: "));
  access.revoke("get ns");
  EXPECT_EQ(error_of("compare_runs", to(base)).kind, ErrorKind::kNotFound);
}

TEST_F(CompareTest, BranchesAreRunAndCompared) {
  end_both(ended(kBase), ended(kOther));
  const auto fields = fields_of("compare_branches", with(kBranches, "parameters", {{"years", 5}}));
  EXPECT_EQ(fields["status"], "success");
  EXPECT_EQ(fields["base_branch"], "main");
  EXPECT_EQ(fields["scenario_branch"], "next");
  EXPECT_EQ(difference(fields, "/value")["percent"], 50.0);
  EXPECT_EQ(fields["message"], fields["summary"]["text"]);
  EXPECT_EQ(fields["warning"], nullptr);
  std::map<std::string, json> made;
  for (const auto& run : server.all(kube::kModelRuns)) made[run["spec"]["branch"]] = run;
  ASSERT_EQ(made.size(), 2);
  for (const auto& [branch, run] : made) {
    EXPECT_EQ(run["spec"], json({{"project", "forecasts"},
                                 {"scope", "model"},
                                 {"modelName", "revenue"},
                                 {"branch", branch},
                                 {"parameters", {{"years", 5}}}}));
  }
  EXPECT_EQ(fields["base_run_id"], made["main"]["metadata"]["uid"]);
  EXPECT_EQ(fields["scenario_run_id"], made["next"]["metadata"]["uid"]);
}

TEST_F(CompareTest, RunsThatGoOnAreAnsweredWithTheirIds) {
  const auto fields = fields_of("compare_branches", with(kBranches, "wait_seconds", 0));
  EXPECT_EQ(fields["status"], "running");
  EXPECT_EQ(fields["summary"], nullptr);
  EXPECT_THAT(fields["message"].get<std::string>(), HasSubstr("then compare_runs"));
  end_branch("main", ended(kBase));
  end_branch("next", ended(kOther));
  const auto later =
      fields_of("compare_runs", {{"base_run_id", fields["base_run_id"]}, {"other_run_id", fields["scenario_run_id"]}});
  EXPECT_EQ(later["summary"]["changed"], 6);
}

TEST_F(CompareTest, AFailedRunIsAResultThatSaysWhich) {
  end_both(ended(kBase), {{"phase", "Failed"}, {"message", "exit code 3"}});
  const auto fields = fields_of("compare_branches", kBranches);
  EXPECT_EQ(fields["status"], "failed");
  EXPECT_EQ(fields["scenario_status"], "failed");
  EXPECT_THAT(fields["message"].get<std::string>(), HasSubstr("The run of next did not succeed: failed, exit code 3."));
}

TEST_F(CompareTest, DataThatHasChangedInBetweenIsAWarning) {
  end_both(with(ended(kBase), "dataSnapshotRef", "2026-09"), with(ended(kOther), "dataSnapshotRef", "2026-10"));
  const auto fields = fields_of("compare_branches", kBranches);
  EXPECT_THAT(fields["warning"].get<std::string>(), HasSubstr("data is not the same"));
  EXPECT_EQ(fields["inputs"].back(), json({{"name", "data"}, {"base", "2026-09"}, {"other", "2026-10"}}));
}

TEST_F(CompareTest, BranchesOfOneKeyAreRunOnce) {
  auto keyed = call();
  keyed.idempotency_key = "k1";
  const auto arguments = with(kBranches, "wait_seconds", 0);
  const auto first = use("compare_branches", arguments, keyed);
  const auto again = use("compare_branches", arguments, keyed);
  ASSERT_TRUE(first && again);
  EXPECT_EQ((*first)["base_run_id"], (*again)["base_run_id"]);
  EXPECT_NE((*first)["base_run_id"], (*again)["scenario_run_id"]);
  EXPECT_EQ(server.all(kube::kModelRuns).size(), 2);
}

// One run alone answers nothing.
TEST_F(CompareTest, TheBaseIsCancelledIfTheScenarioCannotBeStarted) {
  server.set_hook(
      [](const kube::Request&, int write) { return write == 2 ? fakes::Fault::k429 : fakes::Fault::kNone; });
  (void)error_of("compare_branches", kBranches);
  const auto made = server.all(kube::kModelRuns);
  ASSERT_EQ(made.size(), 1);
  EXPECT_EQ(made.front()["spec"]["cancel"], true);
}

// Who sends the request again with the same key wants the base still.
TEST_F(CompareTest, TheBaseOfAKeyIsNotCancelled) {
  server.set_hook(
      [](const kube::Request&, int write) { return write == 2 ? fakes::Fault::k429 : fakes::Fault::kNone; });
  auto keyed = call();
  keyed.idempotency_key = "k1";
  const auto arguments = with(kBranches, "wait_seconds", 0);
  ASSERT_FALSE(use("compare_branches", arguments, keyed));
  ASSERT_EQ(server.all(kube::kModelRuns).size(), 1);
  EXPECT_FALSE(server.all(kube::kModelRuns).front()["spec"].contains("cancel"));
  const auto again = use("compare_branches", arguments, keyed);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(server.all(kube::kModelRuns).size(), 2);
}

TEST_F(CompareTest, LeavingBetweenTheStartsCancelsTheBase) {
  std::stop_source left;
  auto leaving = call();
  leaving.stop = left.get_token();
  server.set_hook([&](const kube::Request&, int write) {
    if (write == 2) left.request_stop();
    return write == 2 ? fakes::Fault::k429 : fakes::Fault::kNone;
  });
  ASSERT_FALSE(use("compare_branches", kBranches, leaving));
  ASSERT_EQ(server.all(kube::kModelRuns).size(), 1);
  EXPECT_EQ(server.all(kube::kModelRuns).front()["spec"].value("cancel", false), true);
}

TEST_F(CompareTest, WhoHasLeftBeforeStartsAndCancelsNothing) {
  put_run("other", {{"phase", "Running"}});
  std::stop_source left;
  left.request_stop();
  auto leaving = call();
  leaving.stop = left.get_token();
  leaving.cancel_on_stop = [] { return true; };
  ASSERT_FALSE(use("compare_branches", kBranches, leaving));
  ASSERT_EQ(server.all(kube::kModelRuns).size(), 1);
  EXPECT_FALSE(server.all(kube::kModelRuns).front()["spec"].contains("cancel"));
}

// The scenario may have ended while the base was waited for until the time was up.
TEST_F(CompareTest, BothRunsAreAnsweredAsTheyAreThen) {
  on_tick = [this](const RunSummary&) { end_branch("next", ended(kOther)); };
  const auto fields = fields_of("compare_branches", with(kBranches, "wait_seconds", 1));
  EXPECT_EQ(fields["status"], "running");
  EXPECT_EQ(fields["base_status"], "pending");
  EXPECT_EQ(fields["scenario_status"], "success");
  EXPECT_EQ(fields["scenario_commit_sha"], std::string(40, 'a'));
}

TEST_F(CompareTest, LeavingCancelsBothRuns) {
  for (const bool keyed : {false, true}) {
    auto leaving = call();
    std::stop_source left;
    leaving.stop = left.get_token();
    leaving.cancel_on_stop = [] { return true; };
    leaving.on_tick = [&](const RunSummary&) { left.request_stop(); };
    if (keyed) leaving.idempotency_key = "k";
    const auto answer = use("compare_branches", kBranches, leaving);
    ASSERT_FALSE(answer);
    for (const auto& run : server.all(kube::kModelRuns)) {
      EXPECT_EQ(run["spec"].contains("cancel"), !keyed);
      server.erase(kube::kModelRuns, "ns", run["metadata"]["name"].get<std::string>());
    }
  }
}

TEST_F(CompareTest, BadArgumentsSayWhatToDo) {
  EXPECT_THAT(error_of("compare_branches", with(kBranches, "scenario_branch", "main")).message,
              HasSubstr("scenario_branch: is the base_branch, main"));
  EXPECT_THAT(error_of("compare_branches", with(kBranches, "project_name", "nothing")).message,
              HasSubstr("there is no project 'nothing'"));
  EXPECT_EQ(error_of("compare_branches", with(kBranches, "wait_seconds", 301)).kind, ErrorKind::kInvalid);
  // Before a run is made for it.
  EXPECT_THAT(error_of("compare_branches", with(with(kBranches, "output_name", "/a~"), "wait_seconds", 0)).message,
              HasSubstr("output_name: "));
  access.revoke("create ns");
  EXPECT_EQ(error_of("compare_branches", kBranches).kind, ErrorKind::kDenied);
  EXPECT_TRUE(server.all(kube::kModelRuns).empty());
}

TEST_F(CompareTest, AnswersHaveTheMembersOfTheirSchemas) {
  const auto names = [](const json& object) {
    std::set<std::string> found;
    for (const auto& [name, unused] : object.items()) found.insert(name);
    return found;
  };
  end_both(ended(kBase), ended(kOther));
  const auto both = fields_of("compare_branches", kBranches);
  const auto two =
      fields_of("compare_runs", {{"base_run_id", both["base_run_id"]}, {"other_run_id", both["scenario_run_id"]}});
  for (const auto& [tool, fields] : {std::pair{"compare_branches", both}, {"compare_runs", two}}) {
    const auto& schema = find_tool(tool)->output_schema["properties"];
    EXPECT_EQ(names(fields), names(schema)) << tool;
    for (const char* list : {"diff", "series"}) {
      EXPECT_EQ(names(fields[list][0]), names(schema[list]["items"]["properties"])) << list;
    }
    EXPECT_EQ(names(fields["summary"]), names(schema["summary"]["properties"]));
  }
}

TEST_F(CompareTest, InPlainHttp) {
  const auto base = put_run("a", ended(kBase));
  const auto other = put_run("b", ended(kOther));
  const auto compared = ask(
      request("GET", fmt::format("/v1/comparisons?base_run_id={}&other_run_id={}&threshold=0.5&limit=2", base, other)));
  EXPECT_EQ(compared.status, 200) << compared.body;
  EXPECT_EQ(compared.json()["diff"].size(), 2);
  EXPECT_EQ(ask(request("GET", "/v1/comparisons?base_run_id=" + base)).status, 422);
  EXPECT_EQ(ask(request("PUT", "/v1/comparisons", "{}")).headers.at("allow"), "GET, POST");
  const auto begun = ask(request("POST", "/v1/comparisons", with(kBranches, "wait_seconds", 0).dump()));
  EXPECT_EQ(begun.status, 202) << begun.body;
  EXPECT_EQ(begun.json()["status"], "running");
}

}  // namespace
}  // namespace modelrun::gateway
