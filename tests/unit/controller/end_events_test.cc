// The events of runs that end: who owes one, how it is delivered, and what waits for it.
#include <gmock/gmock.h>

#include "controller/deliver_end_event.h"
#include "fakes/fake_sink.h"
#include "faults/world.h"

namespace modelrun::faults {
namespace {

using namespace std::chrono_literals;
using api::EndEventState;
using kube::Json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kNoSuchEvent = "there is none";

// The word of status.endEvent.state.
std::string event_of(const World& world, const std::string& run = "run-00") {
  const auto& event = world.find(run).status.end_event;
  return event ? std::string(to_string(event->state)) : kNoSuchEvent;
}

void until(World& world, const std::string& state, const std::string& run = "run-00") {
  world.run([&] { return event_of(world, run) == state; });
}

void seconds(World& world, int n) {
  const Time later = world.machine().clock.now() + std::chrono::seconds(n);
  world.run([&] { return world.machine().clock.now() >= later; });
}

bool exists(World& world, const std::string& run) {
  return world.machine().server.find(kube::kModelRuns, world.namespace_(), run).has_value();
}

double metric(World& world, const std::string& series) {
  const auto text = world.process().context().metrics.text();
  const auto line = "\n" + series + " ";  // not the line that explains it
  const auto found = text.find(line);
  return found == std::string::npos ? 0 : std::stod(text.substr(found + line.size()));
}

double tries(World& world, const std::string& result) {
  return metric(world, "modelrun_end_event_tries_total{result=\"" + result + "\"}");
}

TEST(EndEvents, OfARunIsDeliveredOnce) {
  fakes::FakeSink sink;
  World world({.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", .sink = &sink});
  until(world, "Delivered");
  world.run_to_the_end();
  const auto run = world.find("run-00");
  EXPECT_GE(*run.status.end_event->delivered_at, *run.status.timeline.recorded);
  ASSERT_THAT(sink.events(), SizeIs(1));
  const auto event = sink.events()[0];
  EXPECT_EQ(event.id, "end-" + run.meta.uid);
  const auto object = Json::parse(event.body);
  EXPECT_EQ(object["source"], "/test/namespaces/n");
  EXPECT_EQ(object["type"], "dev.modelrun.run.succeeded");
  EXPECT_EQ(object["traceparent"], "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(object["data"]["commitSHA"], repository_commit());
  EXPECT_EQ(event.body.find("hello"), std::string::npos) << "what the model printed";
  EXPECT_EQ(tries(world, "delivered"), 1);
  EXPECT_EQ(metric(world, "modelrun_end_events_total{state=\"Delivered\"}"), 1);
  EXPECT_EQ(world.process().context().owed.counts().owed, 0U);
}

TEST(EndEvents, CostOneWriteOfARun) {
  fakes::FakeSink sink;
  World with({.sink = &sink});
  with.run_to_the_end();
  EXPECT_EQ(with.written().at("PUT modelruns/status"), 4) << "pinned, running, ended, delivered";
}

TEST(EndEvents, WithoutASinkThereAreNone) {
  World world({});
  world.run_to_the_end();
  EXPECT_EQ(event_of(world), kNoSuchEvent);
  EXPECT_EQ(world.written().at("PUT modelruns/status"), 3);
  EXPECT_TRUE(world.process().context().end_event_queue.idle());
}

TEST(EndEvents, OfRunsThatEndedBeforeThereWasASinkThereAreNone) {
  fakes::FakeSink sink;
  World world({.runs = 0, .sink = &sink});
  world.machine().settings.end_events.reset();
  // World's own invariant wants an event of every run that has ended.
  Json run{{"metadata", {{"name", "old"}, {"namespace", "n"}}},
           {"spec", {{"project", "p"}, {"scope", "project"}}},
           {"status", {{"observedGeneration", 1}, {"phase", "Succeeded"}}}};
  world.machine().server.put(kube::kModelRuns, run);
  world.process().sync(Collection::kRuns);
  world.machine().settings.end_events = {"/test", 1h};
  world.process().stop_leading();
  world.process().begin_leading();
  while (world.process().work()) {
  }
  EXPECT_THAT(sink.events(), IsEmpty());
  EXPECT_EQ(event_of(world, "old"), kNoSuchEvent);
}

TEST(EndEvents, OfEachEndThereIsOne) {
  fakes::FakeSink sink;
  World world({.runs = 0, .reuse = "Join", .sink = &sink});
  world.add_run("ok", {{"reuse", "Never"}});
  world.add_run("refused", {{"reuse", "Never"}, {"project", "absent"}});
  world.add_run("cancelled", {{"reuse", "Never"}, {"suspend", true}});
  world.add_run("first");
  world.add_run("joined");
  seconds(world, 5);
  world.set_spec("cancelled", {{"cancel", true}});
  world.run_to_the_end();
  std::map<std::string, std::string> types;
  for (const auto& event : sink.events()) {
    const auto object = Json::parse(event.body);
    types[object["subject"]] = object["type"];
  }
  EXPECT_EQ(types, (std::map<std::string, std::string>{{"ok", "dev.modelrun.run.succeeded"},
                                                       {"refused", "dev.modelrun.run.failed"},
                                                       {"cancelled", "dev.modelrun.run.cancelled"},
                                                       {"first", "dev.modelrun.run.succeeded"},
                                                       {"joined", "dev.modelrun.run.succeeded"}}));
  EXPECT_THAT(sink.events(), SizeIs(5));
}

TEST(EndEvents, AreTriedAgainUntilTheSinkTakesThem) {
  fakes::FakeSink sink;
  for (const int status : {500, 503, 401, 404, 429, 307}) {
    World world({.sink = &sink});
    const auto before = sink.events().size();
    sink.answer(status);
    world.run();
    world.run([&] { return sink.events().size() >= before + 3; });
    EXPECT_EQ(event_of(world), "Pending") << status;
    sink.answer(200);
    until(world, "Delivered");
    std::set<std::string> ids;
    for (std::size_t i = before; i < sink.events().size(); ++i) ids.insert(sink.events()[i].id);
    EXPECT_THAT(ids, SizeIs(1)) << "the same id for each try";
  }
}

TEST(EndEvents, AreGivenUpInTheEndAndSayWhy) {
  fakes::FakeSink sink;
  sink.answer(500);
  World world({.sink = &sink});
  world.machine().settings.end_events->give_up = 120s;
  world.run();
  const Time ended = *world.find("run-00").status.timeline.recorded;
  until(world, "GivenUp");
  EXPECT_GE(world.machine().clock.now() - ended, 120s);
  EXPECT_LE(world.machine().clock.now() - ended, 180s);
  const auto said = world.find("run-00").status.end_event->message;
  EXPECT_THAT(said, HasSubstr("not delivered within 120 s of the run's end"));
  EXPECT_LE(sink.events().size(), 12U) << "ever less often";
  EXPECT_EQ(metric(world, "modelrun_end_events_total{state=\"GivenUp\"}"), 1);
  const auto tried = sink.events().size();
  sink.answer(200);
  world.run_to_the_end();
  EXPECT_EQ(sink.events().size(), tried) << "it stays given up";
}

TEST(EndEvents, AreGivenUpAtOnceIfTheSinkSaysThatItIsGone) {
  fakes::FakeSink sink;
  sink.answer(410);
  World world({.sink = &sink});
  world.run_to_the_end();
  EXPECT_EQ(event_of(world), "GivenUp");
  EXPECT_THAT(sink.events(), SizeIs(1));
  EXPECT_EQ(world.find("run-00").status.end_event->message, "the receiver answered with HTTP status 410");
}

TEST(EndEvents, TheSinksWishToWaitIsHeardAndBounded) {
  fakes::FakeSink sink;
  sink.answer(429, 100s);
  World world({.sink = &sink});
  world.run([&] { return sink.events().size() == 1; });
  sink.answer(200);
  seconds(world, 95);
  EXPECT_THAT(sink.events(), SizeIs(1));
  seconds(world, 10);
  EXPECT_EQ(event_of(world), "Delivered");
}

TEST(EndEvents, ASinkThatIsDownIsAskedByOneOfManyAtATime) {
  fakes::FakeSink sink;
  sink.answer([](const auto&) { return fail(ErrorKind::kUnavailable, "nobody listens"); });
  World world({.runs = 12, .sink = &sink});
  world.run();
  seconds(world, 300);
  EXPECT_LE(sink.events().size(), 25U);
  int reads = 0;
  world.set_faults([&](const kube::Request& request, int) {
    if (request.method == kube::Method::kGet && request.path.find("/modelruns/") != std::string::npos) ++reads;
    return fakes::Fault::kNone;
  });
  seconds(world, 120);
  EXPECT_LE(reads, 6) << "the events that wait cost the API server nothing";
  sink.answer(200);
  world.run([&] { return world.process().context().owed.counts().owed == 0; });
  EXPECT_EQ(tries(world, "delivered"), 12);
}

// An event that its receiver cannot bear does not hold up the others.
TEST(EndEvents, OneThatIsAlwaysRefusedIsInNoOthersWay) {
  fakes::FakeSink sink;
  World world({.runs = 6, .sink = &sink});
  const auto poison = world.find("run-03").meta.uid;
  sink.answer([&](const auto& event) { return kube::Response{event.id == "end-" + poison ? 400 : 200, "", {}}; });
  world.run([&] { return tries(world, "delivered") == 5; });
  EXPECT_EQ(event_of(world, "run-03"), "Pending");
}

TEST(EndEvents, AProcessThatDiesAfterTheAnswerSendsTheSameAgain) {
  fakes::FakeSink sink;
  World world({.sink = &sink});
  bool died = false;
  world.set_faults([&](const kube::Request& request, int) {
    const bool delivered = request.body.find(R"("state":"Delivered")") != std::string::npos;
    return delivered && !std::exchange(died, true) ? fakes::Fault::kCrashBefore : fakes::Fault::kNone;
  });
  until(world, "Delivered");
  EXPECT_TRUE(died);
  ASSERT_THAT(sink.events(), SizeIs(2));
  EXPECT_EQ(sink.events()[0].id, sink.events()[1].id);
  EXPECT_EQ(sink.events()[0].body, sink.events()[1].body);
}

TEST(EndEvents, AWriteThatFailsDoesNotSendItAgain) {
  for (const auto fault : {fakes::Fault::k409, fakes::Fault::k503, fakes::Fault::kDropAfter}) {
    fakes::FakeSink sink;
    World world({.sink = &sink});
    bool failed = false;
    world.set_faults([&](const kube::Request& request, int) {
      const bool delivered = request.body.find(R"("state":"Delivered")") != std::string::npos;
      return delivered && !std::exchange(failed, true) ? fault : fakes::Fault::kNone;
    });
    until(world, "Delivered");
    world.run_to_the_end();
    EXPECT_TRUE(failed);
    EXPECT_THAT(sink.events(), SizeIs(1));
  }
}

TEST(EndEvents, ThatAreOverdueAfterALongTimeWithoutAnOperatorAreTriedOnce) {
  fakes::FakeSink sink;
  sink.answer(500);
  World world({.sink = &sink});
  world.run();
  world.run([&] { return !sink.events().empty(); });
  sink.answer(200);
  world.machine().advance(48h);
  world.restart();
  until(world, "Delivered");
}

TEST(EndEvents, AClockThatIsSetForwardGivesNothingUp) {
  fakes::FakeSink sink;
  sink.answer(500);
  World world({.sink = &sink});
  world.run();
  world.run([&] { return sink.events().size() == 2; });
  world.machine().clock.advance(48h);
  world.run([&] { return sink.events().size() == 4; });
  EXPECT_EQ(event_of(world), "Pending");
}

TEST(EndEvents, ARunIsKeptUntilItsEventIsSettled) {
  fakes::FakeSink sink;
  sink.answer(500);
  World world({.runs = 0, .sink = &sink});
  world.set_project({{"history", {{"ttlSecondsAfterFinished", 10}, {"successful", 0}, {"includeApplied", true}}}});
  world.add_run("kept");
  world.run();
  seconds(world, 60);
  ASSERT_TRUE(exists(world, "kept")) << "ttlSecondsAfterFinished and successful are over";
  sink.answer(200);
  world.run([&] { return !exists(world, "kept"); });
  EXPECT_EQ(tries(world, "delivered"), 1);
  EXPECT_EQ(world.process().context().owed.counts().owed, 0U);
}

TEST(EndEvents, ByTheLimitsOfTheHistoryAlsoOnlyAfterIts) {
  fakes::FakeSink sink;
  sink.answer(500);
  World world({.runs = 0, .sink = &sink});
  world.set_project({{"history", {{"successful", 0}, {"includeApplied", true}}}});
  world.add_run("kept");
  world.run();
  seconds(world, 60);
  ASSERT_TRUE(exists(world, "kept"));
  sink.answer(200);
  world.run([&] { return !exists(world, "kept"); });
}

TEST(EndEvents, OfARunThatIsDeletedIsForgotten) {
  fakes::FakeSink sink;
  sink.answer(500);
  World world({.runs = 2, .sink = &sink});
  world.run();
  world.run([&] { return !sink.events().empty(); });
  for (const auto* run : {"run-00", "run-01"}) world.machine().server.erase(kube::kModelRuns, "n", run);
  seconds(world, 400);
  EXPECT_EQ(world.process().context().owed.counts().owed, 0U);
  EXPECT_TRUE(world.process().context().end_event_queue.idle());
}

// Its labels change while it waits, which has the run looked at, and the sink not asked more often.
TEST(EndEvents, AChangeOfTheRunDoesNotCutTheWaitShort) {
  fakes::FakeSink sink;
  sink.answer(500);
  World world({.sink = &sink});
  world.run([&] { return sink.events().size() == 3; });  // the next try is due in four seconds or more
  for (int i = 0; i < 3; ++i) {
    auto run = world.machine().server.find(kube::kModelRuns, "n", "run-00").value();
    run["metadata"]["labels"]["i"] = std::to_string(i);
    world.machine().server.put(kube::kModelRuns, run);
    world.process().sync(Collection::kRuns);
    while (world.process().work()) {
    }
  }
  EXPECT_THAT(sink.events(), SizeIs(3));
}

// Another leader has delivered it, and this one's cache is behind.
TEST(EndEvents, ThatIsSettledElsewhereIsNotSentAgain) {
  fakes::FakeSink sink;
  sink.answer(429, 50s);
  World world({.sink = &sink});
  world.run([&] { return sink.events().size() == 1; });
  auto run = world.machine().server.find(kube::kModelRuns, "n", "run-00").value();
  run["status"]["endEvent"] = {{"state", "Delivered"}};
  world.machine().server.put(kube::kModelRuns, run);
  sink.answer(200);
  world.machine().advance(60s);
  while (world.process().work()) {
  }
  EXPECT_THAT(sink.events(), SizeIs(1));
  EXPECT_EQ(world.process().context().owed.counts().owed, 0U);
}

TEST(EndEvents, HaveGaugesOfWhatIsOwed) {
  fakes::FakeSink sink;
  sink.answer(500);
  World world({.runs = 3, .sink = &sink});
  world.run();
  seconds(world, 60);
  auto& metrics = world.process().context().metrics;
  controller::report_owed_events(metrics, world.process().context().owed.counts());
  EXPECT_EQ(metric(world, "modelrun_end_events_owed"), 3);
  EXPECT_GE(metric(world, "modelrun_end_events_oldest_seconds"), 55);
}

}  // namespace
}  // namespace modelrun::faults
