#include "sweep/run_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace modelrun::sweep {
namespace {

using testing::ElementsAre;

ComparedRun run_of(const std::string& name, const std::string& commit, const std::string& snapshot,
                   const nlohmann::json& parameters, const nlohmann::json& outputs) {
  ComparedRun made;
  made.run.meta.name = name;
  made.run.spec.project = "forecasts";
  made.run.spec.parameters = api::Parameters(parameters);
  made.run.status.commit_sha = commit;
  made.run.status.data_snapshot_ref = snapshot;
  made.outputs = api::JsonText(outputs);
  return made;
}

TEST(RunComparison, NamesEverythingThatWentInAndPutsSignificantDifferencesFirst) {
  const auto base = run_of("a", "c1", "2026-09", {{"rate", 0.1}, {"years", 5}}, {{"small", 100}, {"value", 100}});
  const auto other = run_of("b", "c2", "2026-10", {{"rate", 0.2}, {"years", 5}}, {{"small", 101}, {"value", 150}});
  const auto compared = compare_runs(base, other, {});
  EXPECT_EQ(compared.base, "a");
  EXPECT_EQ(compared.other, "b");
  std::vector<std::string> inputs;
  for (const auto& each : compared.inputs) inputs.push_back(each.name + " " + each.base + " " + each.other);
  EXPECT_THAT(inputs, ElementsAre("commit c1 c2", "data 2026-09 2026-10", "parameter /rate 0.1 0.2"));
  ASSERT_EQ(compared.outputs.differences.size(), 2);
  EXPECT_EQ(compared.outputs.differences[0].path, "/value");
  EXPECT_TRUE(compared.outputs.differences[0].significant);
  EXPECT_EQ(compared.outputs.differences[1].path, "/small");
  EXPECT_FALSE(compared.outputs.differences[1].significant);
}

TEST(RunComparison, SaysHowManyParametersAreNotListed) {
  nlohmann::json base, other;
  for (int i = 0; i < 1200; ++i) base["p" + std::to_string(i)] = 1, other["p" + std::to_string(i)] = 2;
  const auto empty = nlohmann::json::object();
  const auto compared = compare_runs(run_of("a", "c", "d", base, empty), run_of("b", "c", "d", other, empty), {});
  EXPECT_EQ(compared.inputs.size(), 1001);
  EXPECT_EQ(compared.inputs.back().base, "200 more values differ");
}

TEST(RunComparison, ComparesImagesOnlyAsBothRunsKnowThem) {
  api::Provenance base, other;
  base.image = other.image = "python:3.12";
  base.image_id = "python@sha256:1";
  EXPECT_FALSE(images_of(base, other).differ()) << "of the other run the kubelet's answer came too late";
  other.image_id = "python@sha256:2";
  EXPECT_TRUE(images_of(base, other).differ());
  other.image_id.clear();
  other.image = "python:3.13";
  EXPECT_TRUE(images_of(base, other).differ());
}

TEST(RunComparison, SaysThatALongValueIsThere) {
  Difference removed;
  removed.kind = DifferenceKind::kOnlyBase;
  EXPECT_EQ(shown_base(removed), "(more than 1 KiB)");
  EXPECT_EQ(shown_other(removed), "");
  EXPECT_EQ(word_of(removed.kind), "onlyBase");
}

}  // namespace
}  // namespace modelrun::sweep
