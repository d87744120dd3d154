#include "controller/owed_events.h"

#include <gtest/gtest.h>

#include "fakes/manual_clock.h"

namespace modelrun::controller {
namespace {

using namespace std::chrono_literals;

TEST(OwedEvents, AreOwedSinceTheFirstSightByTheSteadyClock) {
  fakes::ManualSteadyClock clock;
  OwedEvents owed(clock, 1);
  EXPECT_EQ(owed.owed_for("a", 10s), 10s);
  EXPECT_EQ(owed.owed_for("b", -10s), 0s) << "another machine's clock is ahead";
  clock.advance(5s);
  EXPECT_EQ(owed.owed_for("a", 48h), 15s) << "this machine's clock was set";
  EXPECT_EQ(owed.counts().owed, 2U);
  EXPECT_EQ(owed.counts().oldest, 15s);
  owed.forget("a");
  EXPECT_EQ(owed.counts().owed, 1U);
  EXPECT_EQ(owed.counts().oldest, 5s);
}

TEST(OwedEvents, WaitLongerAfterEachFailure) {
  fakes::ManualSteadyClock clock;
  OwedEvents owed(clock, 1);
  EXPECT_EQ(owed.failed("unknown"), 0s);
  owed.owed_for("a", 0s);
  for (Duration least = 1s; least <= 256s; least *= 2) {
    const auto delay = owed.failed("a");
    EXPECT_GE(delay, least);
    EXPECT_LE(delay, least * 3 / 2);
  }
  for (int i = 0; i < 100; ++i) EXPECT_LE(owed.failed("a"), 450s);
}

TEST(OwedEvents, RememberWhatTheSinkHasTaken) {
  fakes::ManualSteadyClock clock;
  OwedEvents owed(clock, 1);
  owed.accept("a", Time{} + 1s);
  EXPECT_FALSE(owed.accepted("a")) << "a run that is gone is not noted";
  owed.owed_for("a", 0s);
  EXPECT_FALSE(owed.accepted("a"));
  owed.accept("a", Time{} + 1s);
  EXPECT_EQ(owed.accepted("a"), Time{} + 1s);
  owed.forget("a");
  EXPECT_FALSE(owed.accepted("a"));
}

TEST(SinkPace, IsFullUntilSeveralHaveFailedInARow) {
  fakes::ManualSteadyClock clock;
  SinkPace pace(clock);
  for (int i = 0; i < 10; ++i) {
    for (int k = 0; k < 3; ++k) {
      EXPECT_EQ(pace.begin(), 0s);
      pace.failed({});
    }
    EXPECT_EQ(pace.begin(), 0s);
    pace.succeeded();
    EXPECT_EQ(pace.down_for(), 0s);
  }
}

TEST(SinkPace, OfASinkThatIsDownIsOneCallAtATimeEverLessOften) {
  fakes::ManualSteadyClock clock;
  SinkPace pace(clock);
  for (int k = 0; k < 3; ++k) EXPECT_FALSE(pace.failed({}));
  EXPECT_TRUE(pace.failed({})) << "it is down from now on";
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    EXPECT_EQ(pace.begin(), wait);
    clock.advance(wait);
    EXPECT_EQ(pace.begin(), 0s);
    EXPECT_EQ(pace.begin(), 1s) << "another call sees whether the sink is back";
    EXPECT_FALSE(pace.failed({})) << "it was down before";
  }
  EXPECT_EQ(pace.down_for(), 183s);
  clock.advance(60s);
  EXPECT_EQ(pace.begin(), 0s);
  pace.leave();
  EXPECT_EQ(pace.begin(), 0s) << "the one before did not call";
  EXPECT_TRUE(pace.succeeded());
  EXPECT_EQ(pace.down_for(), 0s);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(pace.begin(), 0s);
}

TEST(SinkPace, HeedsTheSinksWish) {
  fakes::ManualSteadyClock clock;
  SinkPace pace(clock);
  pace.failed(20s);
  EXPECT_EQ(pace.down_for(), 0s);
  EXPECT_EQ(pace.begin(), 20s);
  pace.succeeded();  // of a call that was under way
  EXPECT_EQ(pace.begin(), 20s);
  clock.advance(20s);
  EXPECT_EQ(pace.begin(), 0s);
}

}  // namespace
}  // namespace modelrun::controller
