#include "controller/run/status.h"

#include <gtest/gtest.h>

#include <random>

#include "api/frame_json.h"
#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/encoding.h"
#include "base/packed_document.h"
#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using api::ConditionStatus;
using api::ExitHow;

Ending end(const Scene& scene) {
  const auto observed = scene.observed();
  const Verdict verdict{api::Phase::kSucceeded, "Succeeded", "done", 0, false};
  return ended(observed, verdict, observed.frame.get(), observed.pods.empty() ? nullptr : observed.pods[0].get(),
               at(9));
}

Scene finished() {
  return Scene().running().frame(ExitHow::kExited, 0);
}

bool is_utf8(const std::string& text) {
  return make_valid_utf8(text) == text;
}

std::string repeated(const std::string& part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

// What gzip cannot make smaller, 1.8 MB of it.
std::string make_noise() {
  std::mt19937_64 random(1);
  std::string noise(1'800'000, '\0');
  for (auto& byte : noise) byte = static_cast<char>(random());
  return noise;
}

// What somebody who reads the ConfigMaps gets back.
Result<api::ResultFrame> reassembled(const Ending& ending) {
  std::string encoded;
  for (const auto& part : ending.payload) encoded += part;
  const auto document = gunzip(base64_decode(encoded).value(), api::kMaxFrameBytes);
  if (!document) return std::unexpected(document.error());
  EXPECT_EQ(sha256_hex(*document), ending.status.result_ref->sha256);
  EXPECT_EQ(document->size(), ending.status.result_ref->bytes);
  return api::decode_frame(*document);
}

TEST(Streams, ShortOnesStandWhole) {
  Scene scene = finished();
  scene.result->out = {std::string(2 * kInlineStreamBytes, 'x'), "", 2 * kInlineStreamBytes};
  const auto ending = end(scene);
  EXPECT_EQ(ending.status.out, scene.result->out.head);
  EXPECT_FALSE(ending.status.out_truncated);
  EXPECT_TRUE(ending.payload.empty());
}

TEST(Streams, LongOnesAreCutInTheMiddle) {
  Scene scene = finished();
  scene.result->err = {std::string(5000, 'a') + std::string(5000, 'b'), "", 10'000};
  const auto ending = end(scene);
  EXPECT_EQ(ending.status.err, std::string(4096, 'a') + "\n[... 1808 bytes left out ...]\n" + std::string(4096, 'b'));
  EXPECT_TRUE(ending.status.err_truncated);
  EXPECT_FALSE(ending.status.out_truncated);
  EXPECT_TRUE(ending.status.truncated);
  EXPECT_EQ(reassembled(ending)->err.head, scene.result->err.head) << "the rest is in the payload";
}

TEST(Streams, WhatTheAgentLeftOutIsCounted) {
  Scene scene = finished();
  scene.result->out = {std::string(6000, 'a'), std::string(100, 'b'), 50'000'000};
  EXPECT_EQ(end(scene).status.out,
            std::string(4096, 'a') + "\n[... 49995804 bytes left out ...]\n" + std::string(100, 'b'));
}

TEST(Streams, NeverCutInsideACharacter) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    Scene scene = finished();
    for (const char* letter : {"é", "漢", "🙂"}) {
      const std::string text = std::string(shift, '.') + repeated(letter, 5000);
      scene.result->out = {text, "", text.size()};
      const auto cut = end(scene).status.out;
      EXPECT_TRUE(is_utf8(cut)) << letter << ' ' << shift;
      EXPECT_LE(cut.size(), 2 * kInlineStreamBytes + 40);
      EXPECT_GE(cut.size(), 2 * kInlineStreamBytes - 8);
    }
  }
}

TEST(Outputs, UpTo64KiBStandInStatus) {
  Scene scene = finished();
  const auto of_size = [](std::size_t bytes) { return nlohmann::json{{"k", std::string(bytes - 8, 'x')}}; };
  scene.result->outputs = of_size(kInlineOutputBytes);
  ASSERT_EQ(api::canonical_json(*scene.result->outputs).size(), kInlineOutputBytes);
  const auto small = end(scene);
  EXPECT_EQ(small.status.outputs, scene.result->outputs);
  EXPECT_TRUE(small.payload.empty());
  EXPECT_FALSE(small.status.result_ref);
  EXPECT_EQ(small.status.provenance.outputs_digest,
            "sha256:" + sha256_hex(api::canonical_json(*scene.result->outputs)));

  scene.result->outputs = of_size(kInlineOutputBytes + 1);
  const auto large = end(scene);
  EXPECT_FALSE(large.status.outputs);
  EXPECT_TRUE(large.status.truncated);
  EXPECT_EQ(reassembled(large)->outputs, scene.result->outputs);
  EXPECT_EQ(large.status.provenance.outputs_digest,
            "sha256:" + sha256_hex(api::canonical_json(*scene.result->outputs)));
}

TEST(Outputs, NoneAndEmptyDiffer) {
  Scene scene = finished();
  EXPECT_FALSE(end(scene).status.outputs);
  EXPECT_EQ(end(scene).status.provenance.outputs_digest, "");
  scene.result->outputs = nlohmann::json::object();
  EXPECT_EQ(end(scene).status.outputs, nlohmann::json::object());
}

TEST(Payload, PartsFitIntoConfigMaps) {
  Scene scene = finished();
  const std::string noise = make_noise();
  scene.result->artifacts = {{"a.bin", noise.size(), sha256_hex(noise), "application/octet-stream", noise}};
  const auto ending = end(scene);
  ASSERT_GE(ending.payload.size(), 3U);
  ASSERT_EQ(ending.status.result_ref->config_maps.size(), ending.payload.size());
  for (const auto& part : ending.payload) EXPECT_LE(part.size(), kDocumentPartBytes);
  for (std::size_t i = 0; i < ending.payload.size(); ++i) {
    const auto& name = ending.status.result_ref->config_maps[i];
    EXPECT_EQ(name, fmt::format("forecast-12345678-1-{}-{}", ending.status.result_ref->sha256.substr(0, 8), i + 1));
  }
  EXPECT_EQ(reassembled(ending)->artifacts.at(0).bytes, noise);
  EXPECT_TRUE(ending.status.artifacts.at(0).stored);
  EXPECT_FALSE(ending.status.truncated) << "nothing of what stands in status was cut";
}

TEST(Payload, EachPartDecodesByItself) {
  // binaryData has to be valid base64 part by part: the API server refuses it otherwise.
  Scene scene = finished();
  const std::string noise = make_noise();
  scene.result->artifacts = {{"a.bin", noise.size(), sha256_hex(noise), "application/octet-stream", noise}};
  std::string bytes;
  for (const auto& part : end(scene).payload) {
    const auto decoded = base64_decode(part);
    ASSERT_TRUE(decoded);
    bytes += *decoded;
  }
  EXPECT_TRUE(gunzip(bytes, api::kMaxFrameBytes));
}

TEST(Payload, OfTheSameResultIsTheSame) {
  Scene scene = finished();
  scene.result->out = {std::string(9000, 'x'), "", 9000};
  EXPECT_EQ(end(scene).payload, end(scene).payload);
  EXPECT_EQ(end(scene).status.result_ref, end(scene).status.result_ref);
}

TEST(Conditions, OfEachStage) {
  const auto show = [](const api::ModelRunStatus& status) {
    std::string text;
    for (const auto& condition : status.conditions) {
      text += fmt::format("{}={} ", condition.type,
                          condition.status == ConditionStatus::kTrue    ? "T"
                          : condition.status == ConditionStatus::kFalse ? "F"
                                                                        : "?");
    }
    return text;
  };
  Scene scene = Scene().running();
  EXPECT_EQ(show(scene.run.status), "Succeeded=? Finished=F Reconciling=T ");
  EXPECT_EQ(show(end(finished()).status), "Succeeded=T Finished=T Reconciling=F ");
  EXPECT_EQ(show(*Scene().running().frame(ExitHow::kExited, 1).plan(9).status),
            "Succeeded=F Finished=T Reconciling=F Stalled=T ");
}

TEST(Conditions, OfAFailureSayWhatTheMessageSays) {
  Scene scene = Scene().running().frame(ExitHow::kExited, 1);
  scene.result->error = api::FrameError{"NonZeroExit", "ValueError: no data for May"};
  const auto status = *scene.plan(9).status;
  const auto* succeeded = api::find_condition(status.conditions, "Succeeded");
  ASSERT_NE(succeeded, nullptr);
  EXPECT_NE(status.message.find("ValueError: no data for May"), std::string::npos) << status.message;
  EXPECT_EQ(succeeded->message, status.message);
}

TEST(Conditions, TransitionTimeMovesOnlyWithTheStatus) {
  const Scene scene = finished();
  const auto before = api::find_condition(scene.run.status.conditions, "Reconciling")->last_transition;
  EXPECT_EQ(before, at(1)) << "pinned, then running: True all along";
  const auto status = end(scene).status;
  EXPECT_EQ(api::find_condition(status.conditions, "Reconciling")->last_transition, at(9));
}

TEST(Ended, KeepsTheNodeAndImageOfThePod) {
  Scene scene = finished();
  scene.pods[0].model.image_id = "python@sha256:1";
  const auto status = end(scene).status;
  EXPECT_EQ(status.node_name, "node-of-pod-a");
  EXPECT_EQ(status.provenance.image_id, "python@sha256:1");
  EXPECT_EQ(status.observed_generation, scene.run.meta.generation);
}

TEST(Ended, WithoutAFrameTheContainersEndCounts) {
  Scene scene = Scene().running().model_ended(12, 137, "OOMKilled").agent_ended();
  scene.seen.durable_final = true;
  EXPECT_EQ(scene.plan(20).status->finished_at, at(12));
}

TEST(Ended, StartedAtStaysAsItWasToldAndTheDurationIsTheModels) {
  Scene scene = finished();
  ASSERT_EQ(scene.run.status.started_at, at(3));
  struct Row {
    Time begun, ended;
    double seconds;
  };
  // The clock of the node: as ours, ahead, behind, set back while the model ran, and nonsense.
  for (const auto& [begun, over, seconds] :
       {Row{at(3.5), at(8), 4.5}, Row{at(103.5), at(108), 4.5}, Row{at(-96.5), at(-92), 4.5}, Row{at(8), at(3), 0},
        Row{at(0), at(3e10), 48 * 3600}}) {
    scene.result->exit.started_at = begun;
    scene.result->exit.finished_at = over;
    const auto status = end(scene).status;
    EXPECT_EQ(status.started_at, at(3));
    EXPECT_EQ(status.finished_at, at(3 + seconds));
    EXPECT_EQ(status.timeline.started, begun) << "the timeline has the record of the process";
    EXPECT_EQ(status.timeline.finished, over);
  }
}

TEST(Ended, WithoutARecordOfTheProcessTheTimesAreThoseThatWereTold) {
  Scene scene = Scene().running().model_ended(1, 137, "OOMKilled").agent_ended();
  scene.seen.durable_final = true;
  const auto behind = *scene.plan(20).status;
  EXPECT_EQ(behind.started_at, at(3));
  EXPECT_EQ(behind.finished_at, at(3)) << "a run does not end before it starts, whatever the node's clock says";
  // Nobody was told a start: the write that says Running was lost with an operator, and the result came all the same.
  Scene untold = finished();
  untold.run.status.started_at.reset();
  EXPECT_EQ(end(untold).status.started_at, at(3.5));
  EXPECT_EQ(end(untold).status.finished_at, at(8));
}

TEST(Running, IsSaidAgainWithoutANewStart) {
  Scene scene = Scene().running();
  const auto again = running(scene.observed(), {1, "pod-a", "pod-a-uid"}, nullptr, at(5));
  EXPECT_EQ(again.started_at, at(3));
}

TEST(Ended, ArtifactsThatTheStatusCannotNameAreALossWhereLossesFail) {
  Scene scene = finished();
  scene.result->artifacts = {{"a.csv", 3, std::string(64, '0'), "text/csv", "abc"}};
  const auto whole = end(scene).status;
  auto least = refused_end(scene.observed(), whole, "too large", at(10));
  EXPECT_EQ(least.phase, api::Phase::kSucceeded) << "a warning is enough";
  scene.project.limits.fail_on_artifact_loss = true;
  least = refused_end(scene.observed(), whole, std::string(2'000'000, 'x'), at(10));
  EXPECT_EQ(least.phase, api::Phase::kFailed);
  ASSERT_TRUE(least.error);
  EXPECT_EQ(least.error->reason, "ArtifactsLost");
  EXPECT_EQ(least.exit_code, 0);
  EXPECT_TRUE(least.identity.empty()) << "nobody may take it for a success";
  const auto* succeeded = api::find_condition(least.conditions, "Succeeded");
  ASSERT_NE(succeeded, nullptr);
  EXPECT_EQ(succeeded->status, ConditionStatus::kFalse);
  EXPECT_EQ(succeeded->reason, "ArtifactsLost");
  EXPECT_LT(api::json_text(api::encode_status(least)).size(), 8192U);
  scene.result->artifacts.clear();
  EXPECT_EQ(refused_end(scene.observed(), end(scene).status, "too large", at(10)).phase, api::Phase::kSucceeded)
      << "there were none to lose";
}

TEST(Ended, FramesWarningIsKept) {
  Scene scene = finished();
  scene.result->warning = "2 artifacts were left out";
  EXPECT_EQ(end(scene).status.warning, "2 artifacts were left out");
}

TEST(Pinned, ParametersDigestIsCanonical) {
  Scene one = Scene().resolved().admitted();
  Scene two = one;
  one.run.spec.parameters = nlohmann::json::parse(R"({"a":1.0,"b":2})");
  two.run.spec.parameters = nlohmann::json::parse(R"({"b":2,"a":1})");
  EXPECT_EQ(one.plan(0).status->provenance.parameters_digest, two.plan(0).status->provenance.parameters_digest);
  one.run.spec.parameters = nlohmann::json::object();
  EXPECT_NE(one.plan(0).status->provenance.parameters_digest, "") << "{} is not absent";
}

}  // namespace
}  // namespace modelrun::controller::testing
