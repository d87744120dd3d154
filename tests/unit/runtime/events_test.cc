#include "runtime/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <thread>

#include "eventually.h"
#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"

namespace modelrun::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class EventsTest : public ::testing::Test {
 protected:
  EventsTest() {
    run_.namespace_ = "n";
    run_.name = "r";
    run_.uid = "u";
  }
  void send(EventRecorder& recorder, const std::string& note) {
    recorder.event(kube::kModelRuns, run_, EventKind::kWarning, "Retried", "Retry", note);
  }
  fakes::ManualClock clock_;
  fakes::FakeApiServer server_{clock_};
  kube::Client client_{server_};
  Metrics metrics_;
  api::ObjectMeta run_;
};

TEST_F(EventsTest, HasWhatTheApiAsksFor) {
  EventRecorder recorder(client_, {.instance = "pod-1"}, clock_, &metrics_);
  send(recorder, std::string(1022, 'x') + "\xc3\xa9\xc3\xa9");
  recorder.flush();
  const auto events = server_.all(kube::kEvents);
  ASSERT_EQ(events.size(), 1U);
  const auto& event = events[0];
  EXPECT_EQ(event["kind"], "Event");
  EXPECT_EQ(event["eventTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(event["reportingController"], "modelrun.dev/operator");
  EXPECT_EQ(event["reportingInstance"], "pod-1");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "Retried");
  EXPECT_EQ(event["action"], "Retry");
  EXPECT_EQ(event["note"].get<std::string>().size(), 1024U);
  EXPECT_EQ(event["regarding"], (kube::Json{{"apiVersion", "modelrun.dev/v1alpha1"},
                                            {"kind", "ModelRun"},
                                            {"name", "r"},
                                            {"namespace", "n"},
                                            {"uid", "u"}}));
}

TEST_F(EventsTest, ANoteIsOneLineThatCanBeShown) {
  EventRecorder recorder(client_, {}, clock_);
  send(recorder, "a\nb\x1b[2J" + std::string(5000, 'x'));
  recorder.flush();
  const auto note = server_.all(kube::kEvents).at(0)["note"].get<std::string>();
  EXPECT_EQ(note.substr(0, 7), "a b?[2J");
  EXPECT_EQ(note.size(), 1024U);
}

TEST_F(EventsTest, RepetitionsBecomeASeries) {
  EventRecorder recorder(client_, {}, clock_);
  for (int i = 0; i < 9; ++i) send(recorder, "same");
  send(recorder, "other");
  recorder.flush();
  const auto events = server_.all(kube::kEvents);
  ASSERT_EQ(events.size(), 2U);
  const auto& series = events[0].contains("series") ? events[0] : events[1];
  EXPECT_EQ(series["series"]["count"], 8);
  EXPECT_EQ(server_.writes(), 5) << "one, two, four, eight; and the other";
  clock_.advance(7min);
  send(recorder, "same");
  recorder.flush();
  EXPECT_EQ(server_.all(kube::kEvents).size(), 3U);
}

TEST_F(EventsTest, SeriesOfAForgottenEventBeginsAgain) {
  EventRecorder recorder(client_, {}, clock_);
  send(recorder, "same");
  recorder.flush();
  server_.erase(kube::kEvents, "n", server_.all(kube::kEvents)[0]["metadata"]["name"].get<std::string>());
  send(recorder, "same");
  recorder.flush();
  EXPECT_EQ(server_.all(kube::kEvents).size(), 1U);
}

TEST_F(EventsTest, NeverWaitsAndCountsWhatItDrops) {
  std::mutex gate;
  std::unique_lock closed(gate);
  std::atomic<int> inside{0};
  server_.set_hook([&](const kube::Request&, int) {
    ++inside;
    const std::lock_guard wait(gate);
    return fakes::Fault::kNone;
  });
  EventRecorder recorder(client_, {.queue = 2}, clock_, &metrics_);
  send(recorder, "0");
  ASSERT_TRUE(eventually([&] { return inside == 1; }));
  for (int i = 1; i < 6; ++i) send(recorder, std::to_string(i));
  EXPECT_EQ(recorder.dropped(), 3U);
  closed.unlock();
  recorder.flush();
  EXPECT_EQ(server_.all(kube::kEvents).size(), 3U);
  EXPECT_THAT(metrics_.text(), HasSubstr("modelrun_events_dropped_total 3"));
}

TEST_F(EventsTest, RefusedEventsAreDropped) {
  server_.set_hook([](const kube::Request&, int) { return fakes::Fault::k403; });
  EventRecorder recorder(client_, {}, clock_);
  send(recorder, "x");
  recorder.flush();
  EXPECT_EQ(recorder.dropped(), 1U);
}

TEST_F(EventsTest, StopSendsWhatIsQueued) {
  EventRecorder recorder(client_, {}, clock_);
  for (int i = 0; i < 20; ++i) send(recorder, std::to_string(i));
  recorder.stop();
  EXPECT_EQ(server_.all(kube::kEvents).size(), 20U);
  send(recorder, "late");
  EXPECT_EQ(recorder.dropped(), 1U);
}

}  // namespace
}  // namespace modelrun::runtime
