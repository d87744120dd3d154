// ModelSweep: from JSON and back.
#include <gtest/gtest.h>

#include "api/model_sweep.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

Time second(int n) {
  return std::chrono::sys_days{std::chrono::year{2026} / 1 / 1} + std::chrono::seconds(n);
}

// Every field set, each to a value of its own.
ModelSweepStatus full_sweep_status() {
  ModelSweepStatus status;
  status.observed_generation = 2;
  status.phase = Phase::kFailed;
  status.branch = "main";
  status.commit_sha = std::string(40, 'a');
  status.started_at = second(1);
  status.finished_at = second(3) + std::chrono::milliseconds(500);
  status.points = SweepPoints{10, 5, 3, 2};
  status.runs = {{"a-0", 0, 4, Phase::kSucceeded}, {"a-1", 4, 6, Phase::kTimedOut}};
  status.summary = {{"npv", 5, 1.5, 0.25, 1, 1.1, 1.5, 1.9, 2, 7, 9}, {"one", 1, 3, std::nullopt, 3, 3, 3, 3, 3, 0, 0}};
  status.sensitivity = {{"npv", "growth", "Range", 5, 1, 2.5, "0.02", "\"high\"", std::nullopt},
                        {"npv", "rate", "RankCorrelation", 5, std::nullopt, std::nullopt, "", "", -0.5}};
  status.table_ref = TableRef{{"a-table-1", "a-table-2"}, "digest", 123, 10};
  status.error = RunError{"TooManyFailedPoints", "3 of 10"};
  status.message = "m";
  status.warning = "w";
  status.project_uid = "project-uid";
  set_condition(status.conditions, {"Succeeded", ConditionStatus::kFalse, "TooManyFailedPoints", "m", second(3), 2});
  return status;
}

TEST(ModelSweep, StatusComesBackAsItWas) {
  const auto status = full_sweep_status();
  EXPECT_EQ(decode_model_sweep({{"status", encode_status(status)}}).status, status);
  const ModelSweepStatus empty;
  EXPECT_EQ(decode_model_sweep({{"status", encode_status(empty)}}).status, empty);
}

TEST(ModelSweep, StatusHasWhatPeopleAreShown) {
  const auto object = encode_status(full_sweep_status());
  EXPECT_EQ(object["commitShort"], "aaaaaaaaaaaa");
  EXPECT_EQ(object["progress"], "8/10");
  EXPECT_EQ(object["duration"], "2.50s");
  EXPECT_EQ(object["tableRef"]["encoding"], "gzip+base64");
}

TEST(ModelSweep, SpecIsDecoded) {
  const auto sweep =
      decode_model_sweep({{"metadata", {{"name", "a"}, {"namespace", "n"}, {"labels", {{"team", "x"}}}}},
                          {"spec",
                           {{"project", "p"},
                            {"scope", "model"},
                            {"modelName", "revenue"},
                            {"branch", "main"},
                            {"commitSHA", "abc"},
                            {"parameters", {{"years", 5}}},
                            {"space", {{"points", {{{"a", 1}}}}}},
                            {"outputs", {"npv", "/detail/irr"}},
                            {"limits", {{"parallelism", 7}, {"timeoutSeconds", 30}, {"maxFailedPoints", 0}}},
                            {"cancel", true},
                            {"suspend", true}}}});
  EXPECT_EQ(sweep.labels.at("team"), "x");
  EXPECT_EQ(sweep.spec.scope, Scope::kModel);
  EXPECT_EQ(sweep.spec.model_name, "revenue");
  EXPECT_EQ(sweep.spec.parameters.text(), R"({"years":5})");
  EXPECT_EQ(sweep.spec.space.text(), R"({"points":[{"a":1}]})");
  EXPECT_EQ(sweep.spec.outputs, (std::vector<std::string>{"npv", "/detail/irr"}));
  EXPECT_EQ(sweep.spec.limits.parallelism, 7);
  EXPECT_EQ(sweep.spec.limits.timeout_seconds, 30);
  EXPECT_EQ(sweep.spec.limits.max_failed_points, 0);
  EXPECT_TRUE(sweep.spec.cancel && sweep.spec.suspend);
  EXPECT_EQ(sweep.status.observed_generation, -1);
}

TEST(ModelSweep, DefaultsHoldWhereNothingIsSaid) {
  const auto sweep = decode_model_sweep({{"spec", {{"project", "p"}}}});
  EXPECT_EQ(sweep.spec.limits.parallelism, kDefaultParallelism);
  EXPECT_FALSE(sweep.spec.limits.max_failed_points);
  EXPECT_EQ(sweep.spec.parameters.text(), "null");
}

TEST(ModelSweep, BearsWhatNoOperatorWrites) {
  const auto sweep = decode_model_sweep({{"spec", {{"limits", {{"parallelism", 1'000'000}}}, {"outputs", {1, "a"}}}},
                                         {"status",
                                          {{"runs", {1, {{"name", 2}}}},
                                           {"summary", "x"},
                                           {"sensitivity", {nullptr}},
                                           {"points", {{"total", -5}}},
                                           {"tableRef", {{"configMaps", {1, "a"}}}}}}});
  EXPECT_EQ(sweep.spec.limits.parallelism, kMaxParallelism);
  EXPECT_EQ(sweep.spec.outputs, std::vector<std::string>{"a"});
  EXPECT_EQ(sweep.status.runs.size(), 2U);
  EXPECT_EQ(sweep.status.points->total, 0);
  EXPECT_EQ(sweep.status.table_ref->config_maps, std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace modelrun::api
