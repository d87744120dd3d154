#include "sweep/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "fakes/peak_memory.h"

namespace modelrun::sweep {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

api::ModelRun run_of(const std::string& name, const std::string& commit, std::optional<json> parameters) {
  api::ModelRun run;
  run.meta.name = name;
  run.meta.namespace_ = "ns";
  run.spec.project = "p";
  if (parameters) run.spec.parameters = *parameters;
  run.spec.commit_sha = commit;
  run.status.phase = api::Phase::kSucceeded;
  run.status.commit_sha = commit;
  run.status.provenance.image_id = "sha256:1";
  run.status.project_generation = 3;
  return run;
}

// "CAUSE COMMIT PARAMETERS" of each step, or the message of the error.
std::vector<std::string> steps_of(const api::ModelRun& base, const api::ModelRun& other) {
  const auto plan = plan_explanation(base, other);
  if (!plan) return {plan.error().message};
  std::vector<std::string> steps;
  for (const auto& step : plan->steps) {
    steps.push_back(
        fmt::format("{} {} {}", step.cause, step.commit, step.parameters ? step.parameters->text() : "none"));
  }
  EXPECT_EQ(plan->executed().size() + 1, steps.size());
  return steps;
}

TEST(Explain, OneCauseAtATimeInAFixedOrder) {
  auto base = run_of("a", "c1", json::parse(R"({"years":5,"growth":0.1,"gone":true,"same":[1,2]})"));
  auto other = run_of("b", "c2", json::parse(R"({"years":6,"growth":0.2,"new":null,"same":[1,2]})"));
  other.status.provenance.image_id = "sha256:2";
  EXPECT_THAT(steps_of(base, other),
              ElementsAre(R"(image c1 {"gone":true,"growth":0.1,"same":[1,2],"years":5})",
                          R"(commit c2 {"gone":true,"growth":0.1,"same":[1,2],"years":5})",
                          R"(parameter gone c2 {"growth":0.1,"same":[1,2],"years":5})",
                          R"(parameter growth c2 {"growth":0.2,"same":[1,2],"years":5})",
                          R"(parameter new c2 {"growth":0.2,"new":null,"same":[1,2],"years":5})",
                          R"(parameter years c2 {"growth":0.2,"new":null,"same":[1,2],"years":6})"));
}

TEST(Explain, WhatThereIsOfTheProject) {
  const auto base = run_of("a", "c1", json::object());
  auto other = base;
  other.status.data_snapshot_ref = "2026-10";
  EXPECT_THAT(steps_of(base, other), ElementsAre("data c1 {}"));
  other.status.provenance.image_id = "sha256:2";
  EXPECT_THAT(steps_of(base, other), ElementsAre("image and data c1 {}"));
  other = base;
  other.status.project_generation = 4;
  EXPECT_THAT(steps_of(base, other), ElementsAre("project settings c1 {}"));
  other.status.project_generation = 0;  // not known
  other.status.commit_sha = "c2";
  EXPECT_THAT(steps_of(base, other), ElementsAre("commit c2 {}"));
}

TEST(Explain, NoParametersStayNoneUntilOneIsAdded) {
  EXPECT_THAT(steps_of(run_of("a", "c1", {}), run_of("b", "c2", json{{"x", 1}})),
              ElementsAre("commit c2 none", R"(parameter x c2 {"x":1})"));
}

TEST(Explain, Refusals) {
  const auto base = run_of("a", "c1", json{{"x", 1}});
  EXPECT_THAT(steps_of(base, base), ElementsAre(HasSubstr("does not compute the same each time")));
  auto other = run_of("b", "c2", json{{"x", 1}});
  other.spec.project = "q";
  EXPECT_THAT(steps_of(base, other), ElementsAre(HasSubstr("only runs of one model of one project")));
  other = run_of("b", "c2", {});
  other.spec.scope = api::Scope::kModel;
  other.spec.model_name = "m";
  EXPECT_THAT(steps_of(base, other), ElementsAre(HasSubstr("only runs of one model of one project")));
  other = run_of("b", "c2", {});
  other.spec.points = json::array({json::object()});
  EXPECT_THAT(steps_of(base, other), ElementsAre(HasSubstr("run b has points")));
  EXPECT_THAT(steps_of(base, run_of("b", "", {})), ElementsAre(HasSubstr("never pinned to a commit")));
  json many = json::object();
  for (std::size_t i = 0; i <= kMaxCauses; ++i) many[fmt::format("p{}", i)] = 1;
  const auto refused = plan_explanation(run_of("a", "c1", json::object()), run_of("b", "c1", many));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kTooLarge);
}

// Each step holds all parameters.
TEST(Explain, TooManyCausesAreCountedBeforeStepsAreMade) {
  json base = json::object();
  json other = json::object();
  for (int i = 0; i < 5'000; ++i) {
    base[fmt::format("{:x}", i)] = 1;
    other[fmt::format("{:x}", i)] = 2;
  }
  const auto from = run_of("a", "c1", base);
  const auto to = run_of("b", "c1", other);
  const auto before = fakes::allocated_bytes();
  fakes::reset_peak();
  const auto refused = plan_explanation(from, to);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("5000 causes differ between runs a and b"));
  EXPECT_LT(fakes::peak_bytes() - before, 8U << 20U);
}

TEST(Explain, AStepOfAnotherProjectSaysNothing) {
  const auto other = run_of("b", "c2", {});
  const ExplainStep step{"commit", "c2", {}};
  auto run = run_of("s", "c2", {});
  EXPECT_TRUE(check_step(other, run, step));
  run.status.project_generation = 4;
  EXPECT_THAT(check_step(other, run, step).error().message, HasSubstr("project p has changed since run b"));
  run = run_of("s", "c2", {});
  run.status.provenance.image_id = "sha256:3";
  EXPECT_EQ(check_step(other, run, step).error().kind, ErrorKind::kConflict);
  run = run_of("s", "c2", {});
  run.status.phase = api::Phase::kFailed;
  run.status.message = "no rate";
  EXPECT_THAT(check_step(other, run, step).error().message, HasSubstr("ended as Failed: no rate"));
}

// A name can be taken by anybody who may create runs there.
TEST(Explain, ARunThatExecutesSomethingElseIsNoStep) {
  const auto other = run_of("b", "c2", json{{"x", 2}});
  const ExplainStep step{"commit", "c2", json{{"x", 1}}};
  EXPECT_TRUE(check_step(other, run_of("s", "c2", json{{"x", 1}}), step));
  auto model = run_of("s", "c2", json{{"x", 1}});
  model.spec.scope = api::Scope::kModel;
  model.spec.model_name = "m";
  for (const auto& run : {run_of("s", "c1", json{{"x", 1}}), run_of("s", "c2", json{{"x", 3}}), run_of("s", "c2", {}),
                          std::as_const(model)}) {
    const auto checked = check_step(other, run, step);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().message, HasSubstr("somebody has made another run of that name"));
  }
}

TEST(Explain, AStepIsExecutedAsTheOtherRunWas) {
  auto other = run_of("b", "c2", json{{"x", 2}});
  other.spec.timeout_seconds = 9;
  other.spec.reuse = api::Reuse::kNever;
  const ExplainStep step{"commit", "c1", json{{"x", 1}}};
  auto request = step_request(other, step);
  EXPECT_EQ(request.commit, "c1");
  EXPECT_EQ(request.parameters, json({{"x", 1}}));
  EXPECT_EQ(request.timeout_seconds, 9);
  EXPECT_EQ(request.reuse, api::Reuse::kJoin) << "the image has no digest";
  other.status.provenance.image = "python@sha256:1";
  request = step_request(other, step);
  EXPECT_EQ(request.reuse, api::Reuse::kReuse);
  const auto spec = api::run_object(request)["spec"];
  EXPECT_EQ(spec["reuse"], "Reuse");
  EXPECT_EQ(api::requested_spec(spec), spec);
  request.reuse = api::Reuse::kNever;
  auto stored = api::run_object(request)["spec"];
  EXPECT_FALSE(stored.contains("reuse"));
  stored["reuse"] = "Never";  // the default, which the API server writes
  EXPECT_EQ(api::requested_spec(stored), api::run_object(request)["spec"]);
}

TEST(Explain, StepsOfAnUnknownImageAreNotExecuted) {
  auto other = run_of("b", "c2", json{{"x", 2}});
  const auto one = plan_explanation(run_of("a", "c1", json{{"x", 2}}), other);
  const auto two = plan_explanation(run_of("a", "c1", json{{"x", 1}}), other);
  ASSERT_TRUE(one && two);
  EXPECT_TRUE(check_executable(*one, other)) << "nothing is executed";
  EXPECT_THAT(check_executable(*two, other).error().message, HasSubstr("which image b was executed with"));
  other.status.provenance.image = "python:3";
  EXPECT_TRUE(check_executable(*two, other));
}

TEST(Explain, BridgesAddUpExactly) {
  const auto plan = plan_explanation(run_of("a", "c1", json{{"x", 1}}), run_of("b", "c2", json{{"x", 2}}));
  ASSERT_TRUE(plan);
  const auto outputs = [](const char* text) { return api::compact_strict(text).value(); };
  const auto base = outputs(R"({"v":0.1,"same":7,"deep":{"w":[1,2]},"t":"a","lost":1,"new":1})");
  const auto step = outputs(R"({"v":0.3,"same":8,"deep":{"w":[1,9]},"t":"b","lost":"x"})");
  const auto other = outputs(R"({"v":-0.6,"same":7,"deep":{"w":[1,5]},"t":"c","lost":3,"new":2})");
  Explainer explainer(*plan, compare(base, other));
  explainer.add(step);
  const auto explanation = explainer.take();
  ASSERT_EQ(explanation.bridges.size(), 2U);
  EXPECT_EQ(explanation.bridges[0].path, "/deep/w/1");
  const auto& [path, bridge] = explanation.bridges[1];
  EXPECT_EQ(path, "/v");
  EXPECT_EQ(bridge.from + " " + bridge.to + " " + bridge.change, "0.1 -0.6 -0.7");
  ASSERT_EQ(bridge.steps.size(), 2U);
  EXPECT_EQ(bridge.steps[0].name + " " + bridge.steps[0].value + " " + bridge.steps[0].contribution, "commit 0.3 0.2");
  EXPECT_EQ(bridge.steps[1].name + " " + bridge.steps[1].value + " " + bridge.steps[1].contribution,
            "parameter x -0.6 -0.9");
  EXPECT_THAT(explanation.without, ElementsAre("/lost", "/new"));
}

TEST(Explain, APathThatIsTooLongHasNoBridge) {
  const auto plan = plan_explanation(run_of("a", "c1", {}), run_of("b", "c2", {}));
  ASSERT_TRUE(plan);
  const api::JsonText base(json{{std::string(300, 'k'), 1}}), other(json{{std::string(300, 'k'), 2}});
  const auto explanation = Explainer(*plan, compare(base, other)).take();
  EXPECT_TRUE(explanation.bridges.empty());
  EXPECT_EQ(explanation.without.size(), 1U);
}

}  // namespace
}  // namespace modelrun::sweep
