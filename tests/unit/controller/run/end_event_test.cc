#include "controller/run/end_event.h"

#include <gtest/gtest.h>

#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using namespace std::chrono_literals;
using api::EndEventState;

// "send", "wait 5", or the state and what is said.
std::string said(const EndEventPlan& plan) {
  if (plan.end) return std::string(to_string(plan.end->state)) + ": " + plan.end->message;
  if (!plan.wait) return "send";
  return fmt::format("wait {}", std::chrono::duration<double>(*plan.wait).count());
}

EndEventObserved owed(Duration for_, Duration hold = {}, Duration down_for = {}) {
  return {.owed_for = for_, .give_up = 100s, .hold = hold, .down_for = down_for};
}

TEST(EndEvent, IsSentUnlessTheSinkIsToBeLeftAlone) {
  EXPECT_EQ(said(decide_end_event(owed(0s))), "send");
  EXPECT_EQ(said(decide_end_event(owed(0s, 7s))), "wait 7");
  EXPECT_EQ(said(decide_end_event(owed(0s, 7s, 1h))), "wait 7");
  EXPECT_EQ(said(decide_end_event(owed(95s, 7s))), "wait 5") << "then it is overdue";
}

TEST(EndEvent, ThatIsOverdueIsTriedUnlessTheSinkIsDown) {
  EXPECT_EQ(said(decide_end_event(owed(100s))), "send");
  EXPECT_EQ(said(decide_end_event(owed(1000s, 7s))), "wait 7");
  EXPECT_EQ(said(decide_end_event(owed(100s, 7s, 299s))), "wait 7") << "it may be an event that it refuses";
  EXPECT_EQ(said(decide_end_event(owed(100s, 7s, 300s))),
            "GivenUp: not delivered within 100 s of the run's end: the receiver takes no events");
  EXPECT_EQ(said(decide_end_event(owed(100s, 0s, 300s))), "send") << "its turn to see whether the sink is back";
}

TEST(EndEvent, ThatTheSinkHasTakenIsDeliveredWhateverElseIsTrue) {
  auto observed = owed(1000s, 7s, 1h);
  observed.accepted = at(3);
  const auto plan = decide_end_event(observed);
  EXPECT_EQ(said(plan), "Delivered: ");
  EXPECT_EQ(plan.end->delivered_at, at(3));
}

TEST(EndEvent, ThatFailedIsTriedAgainUntilItIsOverdue) {
  EXPECT_EQ(said(decide_failed_event(owed(0s), true, 4s, "why")), "wait 4");
  EXPECT_EQ(said(decide_failed_event(owed(98s), true, 4s, "why")), "wait 2") << "one last try when it is overdue";
  EXPECT_EQ(said(decide_failed_event(owed(100s), true, 4s, "why")),
            "GivenUp: not delivered within 100 s of the run's end: why");
  EXPECT_EQ(said(decide_failed_event(owed(0s), false, 4s, "gone")), "GivenUp: gone");
}

TEST(EndEvent, WhatIsSaidOfItHasABound) {
  const auto plan = decide_failed_event(owed(0s), false, 4s, std::string(100'000, '\n'));
  EXPECT_LE(plan.end->message.size(), 512U);
  EXPECT_EQ(plan.end->message.find('\n'), std::string::npos);
}

// Whatever ends a run owes its event, if there is a sink; what does not end it owes none.
TEST(EndEvent, IsOwedFromTheWriteThatEndsTheRun) {
  for (const bool sink : {true, false}) {
    auto ends = Scene().running().frame(api::ExitHow::kExited, 0);
    auto waits = Scene().resolved();
    auto blocked = Scene().pending();
    for (auto* scene : {&ends, &waits, &blocked}) {
      if (sink) scene->settings.end_events.emplace();
    }
    const auto of = [](const Plan& plan) { return plan.status ? plan.status->end_event : std::nullopt; };
    EXPECT_EQ(of(ends.plan(9)), sink ? std::optional(api::EndEvent{}) : std::nullopt);
    EXPECT_FALSE(of(waits.plan(9)));
    const Error error{ErrorKind::kUnavailable, "x"};
    EXPECT_FALSE(of(decide_blocked(blocked.observed(9), error, 20s, at(9), blocked.settings)));
    const auto given_up = decide_blocked(blocked.observed(9), error, 24h, at(9), blocked.settings);
    ASSERT_TRUE(given_up.status && api::is_final(given_up.status->phase));
    EXPECT_EQ(of(given_up).has_value(), sink);
  }
}

TEST(EndEvent, KeepsItsRunFromBeingDeleted) {
  FinishedRun run{.finished_at = at(0), .managed = true, .job_name = {}, .history = {}};
  run.history.ttl_seconds = 60;
  run.owes_end_event = true;
  EXPECT_EQ(show(decide_finished(run, at(1000))), "");
  run.owes_end_event = false;
  EXPECT_EQ(show(decide_finished(run, at(1000))), "delete-run");
}

}  // namespace
}  // namespace modelrun::controller::testing
