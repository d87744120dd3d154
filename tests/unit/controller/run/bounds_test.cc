// What a status may hold of texts from outside, whatever they are.
#include "controller/run/bounds.h"

#include <gmock/gmock.h>

#include "api/json_access.h"
#include "base/encoding.h"
#include "base/printable.h"
#include "controller/caches/caches.h"
#include "controller/run/as_admitted.h"
#include "controller/run/record.h"
#include "fakes/manual_clock.h"
#include "fakes/peak_memory.h"
#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kHostile = "\x1b[2Jdone\r\nE0001 forged line\x07 \xc2\x9b \xe2\x80\xae" + std::string(2'000'000, 'x');

// The largest status that a run may get, as JSON. etcd takes 1.5 MiB; settings and outputs have limits of their own.
constexpr std::size_t kMostBytes = 512 * 1024;

void expect_clean(const std::string& text, std::size_t limit = kMaxShownBytes) {
  EXPECT_EQ(text, printable(text, limit)) << text.substr(0, 80);
}

Scene failed_with(const std::string& text) {
  Scene scene = Scene().running().frame(api::ExitHow::kExited, 0);
  scene.result->error = api::FrameError{text, text};
  scene.result->warning = text;
  const std::string name = text.substr(0, 3000);
  for (int i = 0; i < 1000; ++i) scene.result->artifacts.push_back({name, 1, name, name, {}});
  scene.pods[0].node = text;
  scene.pods[0].model.image_id = text;
  return scene;
}

TEST(Bounds, AResultOfAnyTextsFitsIntoAStatus) {
  const auto plan = failed_with(kHostile).plan(9);
  ASSERT_TRUE(plan.status);
  const auto& status = *plan.status;
  EXPECT_LT(api::json_text(api::encode_status(status)).size(), kMostBytes);
  expect_clean(status.message);
  expect_clean(status.error->message);
  expect_clean(status.warning);
  expect_clean(status.node_name);
  EXPECT_EQ(status.error->reason, "Unknown") << "it is no word";
  EXPECT_THAT(status.error->message, HasSubstr("forged line")) << "what it says is still told";
  for (const auto& condition : status.conditions) expect_clean(condition.message);
  for (const auto& artifact : status.artifacts) expect_clean(artifact.name);
  for (const auto& event : plan.events) expect_clean(event.note, kMaxShownBytes);
}

TEST(Bounds, WhatASourceOrAPodSaysOnTheWay) {
  Scene unreachable;
  unreachable.seen.source.state = SourceView::State::kFailed;
  unreachable.seen.source.error = {ErrorKind::kUnavailable, kHostile};
  Scene blocked = Scene().pending();
  for (const auto& plan : {unreachable.plan(5), decide_blocked(blocked.observed(6), {ErrorKind::kUnavailable, kHostile},
                                                               std::chrono::seconds(6), at(6), blocked.settings)}) {
    ASSERT_TRUE(plan.status);
    expect_clean(plan.status->message);
    for (const auto& condition : plan.status->conditions) expect_clean(condition.message);
    EXPECT_LT(api::json_text(api::encode_status(*plan.status)).size(), kMostBytes);
  }
}

TEST(Bounds, AStatusThatSomebodyWroteByHandIsCleanedOnce) {
  Scene scene = Scene().running();
  scene.run.status.message = scene.run.status.warning = kHostile;
  scene.run.status.conditions.assign(20, {"T", api::ConditionStatus::kTrue, kHostile, kHostile, at(1), 1});
  const std::string name = kHostile.substr(0, 3000);
  scene.run.status.artifacts.assign(1000, {name, 1, name, name, true});
  scene.frame(api::ExitHow::kExited, 0);
  const auto status = *scene.plan(9).status;
  EXPECT_LT(api::json_text(api::encode_status(status)).size(), kMostBytes);
  Plan again;
  again.status = status;
  bound(again);
  EXPECT_EQ(*again.status, status) << "else each pass would write it anew";
}

TEST(Bounds, TheLeastOfAStatusSaysWhatRanAndHowItEnded) {
  Scene scene = Scene().running().frame(api::ExitHow::kExited, 3);
  const auto whole = *scene.plan(9).status;
  const auto least = least_of(whole, kHostile);
  EXPECT_EQ(least.phase, whole.phase);
  EXPECT_EQ(least.exit_code, 3);
  EXPECT_EQ(least.commit_sha, whole.commit_sha);
  EXPECT_EQ(least.run_number, whole.run_number);
  EXPECT_EQ(least.error->reason, whole.error->reason);
  EXPECT_FALSE(least.outputs);
  EXPECT_THAT(least.warning, HasSubstr("lost"));
  EXPECT_TRUE(least.identity.empty()) << "nobody may reuse it";
  EXPECT_LT(api::json_text(api::encode_status(least)).size(), 8192U);
}

json parameters_of(std::size_t bytes) {
  json list = json::array();
  while (3 * list.size() < bytes) list.push_back(json::object());
  return {{"list", std::move(list)}};
}

// What the cache keeps of a run must not grow with its parameters: anybody may create very many runs that wait.
TEST(Record, OfARunWithLargeParametersIsSmall) {
  const json object{{"metadata", {{"name", "r"}, {"namespace", "n"}, {"uid", "u"}}},
                    {"spec", {{"project", "p"}, {"suspend", true}, {"parameters", parameters_of(63'000)}}}};
  const auto before = fakes::allocated_bytes();
  const auto record = make_record(api::decode_model_run(object));
  EXPECT_LT(fakes::allocated_bytes() - before, 4096U);
  ASSERT_TRUE(record.active && record.active->spec.parameters);
  EXPECT_EQ(record.active->spec.parameters->digest(),
            "sha256:" + sha256_hex(api::canonical_json(object["spec"]["parameters"])));
}

TEST(Record, CountsOnlyNumbersThatAnOperatorCanHaveGiven) {
  for (const std::int64_t number :
       {std::int64_t{-1}, api::kMaxRunNumber + 1, std::numeric_limits<std::int64_t>::max()}) {
    api::ModelRun run;
    run.status.run_number = number;
    EXPECT_EQ(make_record(run).number, 0) << number;
  }
  api::ModelRun run;
  run.status.run_number = api::kMaxRunNumber;
  EXPECT_EQ(make_record(run).number, api::kMaxRunNumber);
}

// An admitted run records the settings of its project. Those of a thousand runs are one text, and need no decoding.
TEST(Record, OfARunSharesTheSettingsOfItsProject) {
  const fakes::ManualSteadyClock clock;
  Caches caches(clock);
  const json spec{{"source", {{"git", {{"url", "https://git.example/p.git"}}}}},
                  {"runtime", {{"env", {{{"name", "V"}, {"value", std::string(60'000, 'v')}}}}}}};
  json project_spec = spec;
  project_spec["suspend"] = true;
  caches.projects.put(
      api::decode_model_project({{"metadata", {{"name", "p"}, {"namespace", "n"}}}, {"spec", project_spec}}));
  const auto project = caches.projects.find("n/p");
  const auto decode = [&](const json& settings) {
    return api::decode_model_run({{"metadata", {{"name", "r"}, {"namespace", "n"}, {"uid", "u"}}},
                                  {"spec", {{"project", "p"}}},
                                  {"status",
                                   {{"phase", "Running"},
                                    {"jobName", "r-u-1"},
                                    {"projectUID", "old"},
                                    {"projectGeneration", 3},
                                    {"projectSpec", settings}}}});
  };
  auto run = decode(spec);
  const auto before = fakes::allocated_bytes();
  const auto record = caches.record_of(std::move(run));
  EXPECT_EQ(&record.active->status.project_spec->text(), &project->run_settings->text());
  EXPECT_LT(fakes::allocated_bytes(), before) << "its own text is gone";
  json others = spec;
  others["runtime"]["env"][0]["value"] = "other";
  for (const auto& present : {project, std::shared_ptr<const api::ModelProject>()}) {
    const auto admitted = as_admitted(*record.active, present);
    EXPECT_EQ(admitted->git.url, "https://git.example/p.git");
    EXPECT_FALSE(admitted->suspend) << "it is not recorded";
    EXPECT_EQ(admitted->meta.uid, "old");
    EXPECT_EQ(admitted->meta.generation, 3);
    EXPECT_EQ(admitted->meta.key(), "n/p");
    const auto other = as_admitted(*caches.record_of(decode(others)).active, present);
    EXPECT_EQ(other->settings_bytes, api::JsonText(others).size()) << "not those of the project as it is now";
  }
}

TEST(Record, OfAProjectWhoseSettingsNoRunCanUseIsSmall) {
  json env = json::array();
  for (int i = 0; i < 128; ++i) {
    env.push_back({{"name", "V" + std::to_string(i)}, {"value", std::string(4096, 'v')}});
  }
  const json object{
      {"metadata", {{"name", "p"}, {"namespace", "n"}}},
      {"spec", {{"source", {{"git", {{"url", "https://git.example/p.git"}}}}}, {"runtime", {{"env", env}}}}}};
  const auto before = fakes::allocated_bytes();
  const auto project = api::decode_model_project(object);
  EXPECT_LT(fakes::allocated_bytes() - before, 4096U);
  EXPECT_GE(project.settings_bytes, api::kMaxSettingsBytes);
  EXPECT_EQ(project.git.url, "https://git.example/p.git");
}

}  // namespace
}  // namespace modelrun::controller::testing
