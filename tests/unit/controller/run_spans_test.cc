#include "controller/run_spans.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>

#include "api/reason.h"
#include "fakes/fake_tracer.h"
#include "faults/world.h"

namespace modelrun::controller {
namespace {

using namespace std::chrono_literals;
using traces::Span;

const Time kCreated = *parse_rfc3339("2026-04-28T10:00:00Z");
constexpr const char* kUid = "6f1c2f0e-4a1b-4c1e-9f57-0d2a4c8e7b11";

// A run that went its whole way: a second for each part.
api::ModelRun ended() {
  api::ModelRun run;
  run.meta.namespace_ = "team-a";
  run.meta.name = "forecasts-x7k2p";
  run.meta.uid = kUid;
  run.meta.creation = kCreated;
  run.spec.project = "forecasts";
  run.spec.model_name = "revenue";
  auto& status = run.status;
  status.phase = api::Phase::kSucceeded;
  status.commit_sha = "abc1234def5678901234567890abcdef12345678";
  status.exit_code = 0;
  status.attempts = 1;
  status.pod_name = "pod-1";
  status.node_name = "node-1";
  status.provenance.start = api::kStartCold;
  auto& times = status.timeline;
  times.accepted = kCreated;
  times.resolved = kCreated + 1s;
  times.queued = kCreated + 2s;
  times.job_created = kCreated + 3s;
  times.started = kCreated + 4s;
  times.finished = kCreated + 5s;
  times.recorded = kCreated + 6s;
  return run;
}

std::map<std::string, Span> by_name(const std::vector<Span>& spans) {
  std::map<std::string, Span> named;
  for (const auto& span : spans) named.emplace(span.name, span);
  return named;
}

std::map<std::string, Span> spans(const api::ModelRun& run) {
  const fakes::FakeTracer tracer;
  return by_name(spans_of(run, trace_of(run, tracer)));
}

std::string text(const Span& span, const std::string& key) {
  for (const auto& [name, value] : span.attributes) {
    if (name != key) continue;
    const auto* number = std::get_if<std::int64_t>(&value);
    return number != nullptr ? std::to_string(*number) : std::get<std::string>(value);
  }
  return {};
}

std::vector<std::string> names(const std::map<std::string, Span>& spans) {
  std::vector<std::string> names;
  for (const auto& [name, span] : spans) names.push_back(name);
  return names;
}

// From where to where, in seconds after the creation.
std::pair<double, double> seconds(const Span& span) {
  const auto of = [](Time time) { return std::chrono::duration<double>(time - kCreated).count(); };
  return {of(span.begin), of(span.end)};
}

TEST(RunSpans, TheTimeThatItsJobWasSuspended) {
  auto run = ended();
  run.status.timeline.job_resumed = kCreated + 3500ms;
  const auto found = spans(run);
  EXPECT_EQ(seconds(found.at("suspended job")), std::pair(3., 3.5));
  EXPECT_EQ(seconds(found.at("pod")), std::pair(3.5, 4.));
}

TEST(RunSpans, TheWholeWay) {
  const auto found = spans(ended());
  ASSERT_EQ(names(found), (std::vector<std::string>{"ModelRun", "model", "pod", "queue", "record", "resolve"}));
  EXPECT_EQ(seconds(found.at("ModelRun")), std::pair(0., 6.));
  EXPECT_EQ(seconds(found.at("resolve")), std::pair(0., 1.));
  EXPECT_EQ(seconds(found.at("queue")), std::pair(2., 3.));
  EXPECT_EQ(seconds(found.at("pod")), std::pair(3., 4.));
  EXPECT_EQ(seconds(found.at("model")), std::pair(4., 5.));
  EXPECT_EQ(seconds(found.at("record")), std::pair(5., 6.));
  const auto& root = found.at("ModelRun");
  for (const auto& [name, span] : found) {
    EXPECT_FALSE(span.error) << name;
    EXPECT_EQ(span.self.trace_id, root.self.trace_id) << name;
    EXPECT_EQ(span.parent, name == "ModelRun" ? "" : root.self.span_id) << name;
    EXPECT_EQ(span.self.span_id, traces::span_id_of(kUid, name)) << name;
    EXPECT_EQ(text(span, "modelrun.run.name"), "forecasts-x7k2p") << name;
    EXPECT_EQ(text(span, "modelrun.run.uid"), kUid) << name;
    EXPECT_EQ(text(span, "k8s.namespace.name"), "team-a") << name;
    EXPECT_EQ(text(span, "modelrun.project"), "forecasts") << name;
  }
  EXPECT_EQ(text(root, "modelrun.model"), "revenue");
  EXPECT_EQ(text(root, "modelrun.commit"), "abc1234def5678901234567890abcdef12345678");
  EXPECT_EQ(text(root, "modelrun.phase"), "Succeeded");
  EXPECT_EQ(text(root, "modelrun.reason"), "Succeeded");
  EXPECT_EQ(text(root, "modelrun.start"), "Cold");
  EXPECT_EQ(text(found.at("model"), "k8s.pod.name"), "pod-1");
  EXPECT_EQ(text(found.at("model"), "modelrun.exit_code"), "0");
}

TEST(RunSpans, TheParentIsThatOfTheAnnotation) {
  auto run = ended();
  run.trace = api::TraceContext{"0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1};
  const auto root = spans(run).at("ModelRun");
  EXPECT_EQ(root.self.trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(root.parent, "b7ad6b7169203331");
  EXPECT_TRUE(root.remote_parent);
}

TEST(RunSpans, WithoutOneTheTraceFollowsFromTheUid) {
  const auto first = spans(ended()).at("ModelRun");
  const auto again = spans(ended()).at("ModelRun");
  EXPECT_EQ(first.self, again.self);
  EXPECT_EQ(first.self.trace_id, traces::trace_id_of(kUid));
  EXPECT_TRUE(first.self.sampled());
  EXPECT_FALSE(first.remote_parent);
}

TEST(RunSpans, OfAWarmStartThePodIsThatOfTheStandby) {
  auto run = ended();
  run.status.provenance.start = api::kStartWarm;
  run.status.timeline.job_created.reset();
  run.status.timeline.adopted = kCreated + 3s;
  const auto found = spans(run);
  EXPECT_EQ(seconds(found.at("queue")), std::pair(2., 3.));
  EXPECT_EQ(seconds(found.at("pod")), std::pair(3., 4.));
  EXPECT_EQ(text(found.at("ModelRun"), "modelrun.start"), "Warm");
}

TEST(RunSpans, OfFurtherAttemptsTheEarlierOnesAreOnePart) {
  auto run = ended();
  run.status.attempts = 3;
  const auto found = spans(run);
  EXPECT_FALSE(found.contains("queue"));
  EXPECT_EQ(seconds(found.at("queue and earlier attempts")), std::pair(2., 3.));
  EXPECT_EQ(text(found.at("ModelRun"), "modelrun.attempts"), "3");
}

struct Failure {
  const char* what;
  std::function<void(api::ModelRunStatus&)> change;
  std::vector<std::string> parts;
  std::vector<std::string> failed;
};

TEST(RunSpans, TellWhereARunFailed) {
  const std::vector<Failure> rows{
      {"no commit",
       [](auto& status) {
         status.exit_code.reset();
         status.timeline = {};
         status.timeline.finished = status.timeline.recorded = kCreated + 6s;
       },
       {"ModelRun", "resolve"},
       {"ModelRun", "resolve"}},
      {"no slot",
       [](auto& status) {
         status.exit_code.reset();
         status.timeline.job_created.reset();
         status.timeline.started.reset();
       },
       {"ModelRun", "queue", "resolve"},
       {"ModelRun", "queue"}},
      {"no pod",
       [](auto& status) {
         status.exit_code.reset();
         status.timeline.started.reset();
       },
       {"ModelRun", "pod", "queue", "resolve"},
       {"ModelRun", "pod"}},
      {"the model",
       [](auto& status) { status.exit_code = 3; },
       {"ModelRun", "model", "pod", "queue", "record", "resolve"},
       {"ModelRun", "model"}},
      {"the time-out",
       [](auto& status) {
         status.phase = api::Phase::kTimedOut;
         status.exit_code.reset();
       },
       {"ModelRun", "model", "pod", "queue", "record", "resolve"},
       {"ModelRun", "model"}},
      {"the artifacts", [](auto&) {}, {"ModelRun", "model", "pod", "queue", "record", "resolve"}, {"ModelRun"}},
  };
  for (const auto& row : rows) {
    auto run = ended();
    run.status.phase = api::Phase::kFailed;
    run.status.error = api::RunError{"AReason", "what happened"};
    row.change(run.status);
    const auto found = spans(run);
    EXPECT_EQ(names(found), row.parts) << row.what;
    std::vector<std::string> failed;
    for (const auto& [name, span] : found) {
      if (span.error) failed.push_back(name);
    }
    EXPECT_EQ(failed, row.failed) << row.what;
    EXPECT_EQ(text(found.at("ModelRun"), "modelrun.reason"), "AReason") << row.what;
    EXPECT_EQ(found.at("ModelRun").error_message, "AReason") << row.what;
  }
}

TEST(RunSpans, TheTimeInWhichARunWasSuspendedIsNoPart) {
  auto run = ended();
  run.status.timeline.resumed = kCreated + 500ms;
  EXPECT_EQ(seconds(spans(run).at("resolve")), std::pair(0.5, 1.));
  run.status.timeline.resumed = kCreated + 2500ms;  // its commit was pinned before
  EXPECT_EQ(seconds(spans(run).at("resolve")), std::pair(0., 1.));
  run = ended();
  run.status.phase = api::Phase::kCancelled;  // while it was suspended
  run.status.pod_name.clear();
  EXPECT_FALSE(spans(run).contains("model"));
}

TEST(RunSpans, ACancelledRunHasNotFailed) {
  auto run = ended();
  run.status.phase = api::Phase::kCancelled;
  run.status.error = api::RunError{"Cancelled", "somebody asked for it"};
  run.status.timeline.started.reset();
  for (const auto& [name, span] : spans(run)) EXPECT_FALSE(span.error) << name;
}

TEST(RunSpans, OfARunThatHasNotEndedThereAreNone) {
  auto run = ended();
  run.status.phase = api::Phase::kRunning;
  EXPECT_TRUE(spans(run).empty());
}

TEST(RunSpans, OfASweepsRunNameTheSweep) {
  auto run = ended();
  run.meta.owner_kind = "ModelSweep";
  run.meta.owner_name = "grid";
  run.status.points = api::PointsStatus{.total = 10, .succeeded = 8, .failed = 2, .config_maps = {}};
  const auto root = spans(run).at("ModelRun");
  EXPECT_EQ(text(root, "modelrun.sweep.name"), "grid");
  EXPECT_EQ(text(root, "modelrun.points.total"), "10");
  EXPECT_EQ(text(root, "modelrun.points.failed"), "2");
}

// What the operator exports of one run, from its beginning until nothing of it is left to do.
std::vector<Span> exported(fakes::FakeTracer& tracer, const std::string& traceparent) {
  faults::World world({.traceparent = traceparent, .tracer = &tracer});
  world.run_to_the_end();
  EXPECT_EQ(world.find("run-00").status.phase, api::Phase::kSucceeded);
  return tracer.spans();
}

TEST(RunSpans, AreExportedOnceWhenTheEndIsWritten) {
  fakes::FakeTracer tracer;
  const auto found = exported(tracer, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(found.size(), 6U);
  const auto named = by_name(found);
  EXPECT_EQ(names(named), (std::vector<std::string>{"ModelRun", "model", "pod", "queue", "record", "resolve"}));
  EXPECT_EQ(named.at("ModelRun").parent, "b7ad6b7169203331");
}

TEST(RunSpans, OfATraceThatIsNotSampledNoneIsExported) {
  fakes::FakeTracer all;
  EXPECT_TRUE(exported(all, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00").empty());
  fakes::FakeTracer none(0);
  EXPECT_TRUE(exported(none, "").empty());
}

}  // namespace
}  // namespace modelrun::controller
