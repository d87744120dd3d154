// Events of runs' ends, with a sink of each kind and every fault at every write: the end is that without faults, and no
// event is lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "fakes/fake_sink.h"
#include "faults/every_write.h"

namespace modelrun::faults {
namespace {

using namespace std::chrono_literals;

class EndEventsAtEveryWrite : public ::testing::TestWithParam<fakes::Fault> {};

// The ids of the events that were sent, but for the first ones.
std::set<std::string> sent(const fakes::FakeSink& sink, std::size_t but) {
  std::set<std::string> ids;
  const auto events = sink.events();
  for (auto i = but; i < events.size(); ++i) ids.insert(events[i].id);
  return ids;
}

// Until no run owes an event. Each that is Delivered was sent, with the same id each time.
Scenario settled(const fakes::FakeSink& sink) {
  return [&sink](World& world) {
    const auto before = sink.events().size();
    const auto owed = [&] {
      const auto runs = world.machine().server.all(kube::kModelRuns);
      return std::ranges::any_of(runs,
                                 [](const auto& run) { return api::decode_model_run(run).status.owes_end_event(); });
    };
    world.run([&] { return world.all_final() && !owed(); });
    world.run_to_the_end();
    const auto ids = sent(sink, before);
    for (const auto& object : world.machine().server.all(kube::kModelRuns)) {
      const auto run = api::decode_model_run(object);
      if (!ids.contains("end-" + run.meta.uid)) world.violated("no event was sent of " + run.meta.name);
    }
  };
}

TEST_P(EndEventsAtEveryWrite, OfASinkThatTakesThem) {
  fakes::FakeSink sink;
  at_every_write({.sink = &sink}, GetParam(), settled(sink));
}

TEST_P(EndEventsAtEveryWrite, OfASinkThatIsGone) {
  fakes::FakeSink sink;
  sink.answer(410);
  at_every_write({.sink = &sink}, GetParam(), settled(sink));
}

// It fails three times, with an error, without an answer, and with one too late; then it takes them.
TEST_P(EndEventsAtEveryWrite, OfASinkThatFailsAtFirst) {
  int calls = 0;
  fakes::FakeSink sink;
  sink.answer([&](const auto&) -> Result<kube::Response> {
    switch (calls++) {
      case 0:
        return kube::Response{500, "", {}};
      case 1:
        return fail(ErrorKind::kUnavailable, "nobody listens");
      case 2:
        return fail(ErrorKind::kTimeout, "no answer in time");
      default:
        return kube::Response{204, "", {}};
    }
  });
  at_every_write({.runs = 2, .sink = &sink}, GetParam(), [&](World& world) {
    calls = 0;
    settled(sink)(world);
  });
}

TEST_P(EndEventsAtEveryWrite, OfASinkThatNeverTakesThem) {
  fakes::FakeSink sink;
  sink.answer(500);
  at_every_write({.sink = &sink}, GetParam(), [&](World& world) {
    world.machine().settings.end_events->give_up = 60s;
    settled(sink)(world);
  });
}

INSTANTIATE_TEST_SUITE_P(All, EndEventsAtEveryWrite, ::testing::ValuesIn(kEvery), fault_name);

}  // namespace
}  // namespace modelrun::faults
