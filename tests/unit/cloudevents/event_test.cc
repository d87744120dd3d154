#include "cloudevents/event.h"

#include <gtest/gtest.h>

namespace modelrun::cloudevents {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* kUid = "6f1c2f0e-4a1b-4c1e-9f57-0d2a4c8e7b11";

api::ModelRun ended() {
  const Time created = *parse_rfc3339("2026-04-28T10:00:00Z");
  api::ModelRun run;
  run.meta.namespace_ = "team-a";
  run.meta.name = "forecasts-x7k2p";
  run.meta.uid = kUid;
  run.meta.creation = created;
  run.spec.project = "forecasts";
  run.spec.model_name = "revenue";
  run.labels = {{"team", "a"}};
  run.trace = api::parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  auto& status = run.status;
  status.phase = api::Phase::kFailed;
  status.commit_sha = "abc1234def5678901234567890abcdef12345678";
  status.branch = "main";
  status.run_number = 42;
  status.exit_code = 3;
  status.attempts = 1;
  status.started_at = created + 2s;
  status.finished_at = created + 3500ms;
  status.timeline.recorded = created + 4s;
  status.error = api::RunError{"NonZeroExit", "words of the model"};
  status.message = "words of the model";
  status.out = "words of the model";
  status.err = "words of the model";
  status.outputs = json{{"answer", "words of the model"}};
  return run;
}

TEST(RunEnd, IsACloudEvent) {
  const auto event = run_end(ended(), "/clusters/a");
  EXPECT_EQ(event.id, std::string("end-") + kUid);
  EXPECT_EQ(json::parse(event.body), json::parse(R"({
    "specversion": "1.0",
    "id": "end-6f1c2f0e-4a1b-4c1e-9f57-0d2a4c8e7b11",
    "source": "/clusters/a/namespaces/team-a",
    "type": "dev.modelrun.run.failed",
    "subject": "forecasts-x7k2p",
    "time": "2026-04-28T10:00:04.000000Z",
    "datacontenttype": "application/json",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "data": {
      "namespace": "team-a",
      "name": "forecasts-x7k2p",
      "uid": "6f1c2f0e-4a1b-4c1e-9f57-0d2a4c8e7b11",
      "project": "forecasts",
      "modelName": "revenue",
      "commitSHA": "abc1234def5678901234567890abcdef12345678",
      "branch": "main",
      "runNumber": 42,
      "attempts": 1,
      "phase": "Failed",
      "reason": "NonZeroExit",
      "exitCode": 3,
      "createdAt": "2026-04-28T10:00:00.000000Z",
      "startedAt": "2026-04-28T10:00:02.000000Z",
      "finishedAt": "2026-04-28T10:00:03.500000Z",
      "durationSeconds": 1.5,
      "labels": {"team": "a"}
    }
  })"));
}

TEST(RunEnd, HasNoneOfTheModelsWords) {
  EXPECT_EQ(run_end(ended(), "/a").body.find("words"), std::string::npos);
}

TEST(RunEnd, NamesTheEnd) {
  auto run = ended();
  const auto type = [&](api::Phase phase) {
    run.status.phase = phase;
    return json::parse(run_end(run, "/a").body).at("type").get<std::string>();
  };
  EXPECT_EQ(type(api::Phase::kSucceeded), "dev.modelrun.run.succeeded");
  EXPECT_EQ(type(api::Phase::kFailed), "dev.modelrun.run.failed");
  EXPECT_EQ(type(api::Phase::kTimedOut), "dev.modelrun.run.timedout");
  EXPECT_EQ(type(api::Phase::kCancelled), "dev.modelrun.run.cancelled");
}

TEST(RunEnd, OfARunThatNeverRanHasWhatIsKnown) {
  api::ModelRun run;
  run.meta.name = "x";
  run.meta.uid = "u";
  run.status.phase = api::Phase::kSucceeded;
  run.status.reused_from = api::RunRef{"other", "o", 0};
  run.meta.owner_kind = "ModelSweep";
  run.meta.owner_name = "sweep";
  run.status.points = api::PointsStatus{3, 2, 1, {}};
  const auto object = json::parse(run_end(run, "/a").body);
  EXPECT_FALSE(object.contains("traceparent"));
  EXPECT_FALSE(object.contains("time"));
  const auto& data = object.at("data");
  EXPECT_EQ(data.at("exitCode"), nullptr);
  EXPECT_EQ(data.at("reason"), "Succeeded");
  EXPECT_EQ(data.at("reusedFrom"), (json{{"name", "other"}, {"uid", "o"}}));
  EXPECT_EQ(data.at("sweep"), "sweep");
  EXPECT_EQ(data.at("points"), (json{{"total", 3}, {"succeeded", 2}, {"failed", 1}}));
  for (const auto* absent :
       {"modelName", "commitSHA", "branch", "runNumber", "startedAt", "durationSeconds", "labels"}) {
    EXPECT_FALSE(data.contains(absent)) << absent;
  }
}

// Whoever may write a status, or has a branch of any name, does not make it longer.
TEST(RunEnd, HasABound) {
  auto run = ended();
  const std::string hostile(100'000, '"');
  for (auto* text : {&run.meta.namespace_, &run.meta.name, &run.meta.uid, &run.meta.owner_name, &run.spec.project,
                     &run.spec.model_name, &run.status.commit_sha, &run.status.branch, &run.status.error->reason}) {
    *text = hostile;
  }
  run.meta.owner_kind = "ModelSweep";
  run.status.reused_from = api::RunRef{hostile, hostile, 1};
  for (int i = 0; i < 1000; ++i) run.labels[fmt::format("example.com/label-{:04}", i)] = std::string(63, 'x');
  const auto event = run_end(run, std::string(kMaxSourceBytes, 's'));
  EXPECT_LE(event.body.size(), kMaxEventBytes);
  EXPECT_LE(event.id.size(), 300U);
  const auto data = json::parse(event.body).at("data");
  EXPECT_EQ(data.at("labelsTruncated"), true);
  EXPECT_GT(data.at("labels").size(), 10U);
  EXPECT_TRUE(data.at("labels").contains("example.com/label-0000"));
}

}  // namespace
}  // namespace modelrun::cloudevents
