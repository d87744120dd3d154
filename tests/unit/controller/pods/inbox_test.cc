#include "controller/pods/inbox.h"

#include <gmock/gmock.h>

#include "fakes/manual_clock.h"
#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using api::ExitHow;
using runserver::Order;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kUid = "12345678-aaaa";

class InboxTest : public ::testing::Test {
 protected:
  // Answers come as "who ok" or "who conflict".
  Inbox::DoneFn answer(const std::string& who) {
    return [this, who](const Result<void>& result) {
      said_.push_back(who + (result ? " ok" : " " + std::string(to_string(result.error().kind))));
    };
  }
  Inbox::OrderFn order(const std::string& who) {
    return [this, who](const Result<Order>& result) {
      said_.push_back(who + (!result                     ? " error"
                             : *result == Order::kCancel ? " cancel"
                             : *result == Order::kOver   ? " over"
                                                         : " none"));
    };
  }
  void claim(const std::string& pod, int attempt = 1) { inbox_.claim(kUid, {attempt, pod, pod + "-uid"}, answer(pod)); }
  static FramePtr frame(int attempt = 1, ExitHow how = ExitHow::kExited, int code = 0) {
    api::ResultFrame made;
    made.run_uid = kUid;
    made.attempt = attempt;
    made.exit.how = how;
    made.exit.code = code;
    return std::make_shared<const api::ResultFrame>(std::move(made));
  }
  std::vector<std::string> said() { return std::exchange(said_, {}); }
  static api::ModelRun with_phase(Scene scene, api::Phase phase) {
    scene.run.status.phase = phase;
    return scene.run;
  }

  fakes::ManualSteadyClock clock_;
  const std::shared_ptr<Inbox> held_ = std::make_shared<Inbox>(clock_);
  Inbox& inbox_ = *held_;
  std::vector<std::string> said_;
  const api::ModelRun pending_ = Scene().pending().run;
  const api::ModelRun running_ = Scene().running().run;
  const api::ModelRun succeeded_ = with_phase(Scene().running(), api::Phase::kSucceeded);
};

TEST_F(InboxTest, ClaimsWaitForTheWrite) {
  claim("pod-a");
  claim("pod-b");
  inbox_.settle(pending_);
  EXPECT_THAT(said(), IsEmpty());
  ASSERT_EQ(inbox_.read(pending_).claims.size(), 2U);
  inbox_.settle(running_);
  EXPECT_THAT(said(), ElementsAre("pod-a ok", "pod-b conflict"));
  EXPECT_TRUE(inbox_.read(running_).claims.empty());
}

TEST_F(InboxTest, GrantedAgainToThePodThatHasIt) {
  inbox_.settle(running_);
  claim("pod-a");  // its connection broke off
  inbox_.settle(running_);
  EXPECT_THAT(said(), ElementsAre("pod-a ok"));
}

TEST_F(InboxTest, ClaimsOfAnotherAttemptAreRefused) {
  claim("pod-a", 2);
  inbox_.settle(pending_);
  EXPECT_THAT(said(), ElementsAre("pod-a conflict"));
}

TEST_F(InboxTest, NothingIsGrantedOfARunThatIsOver) {
  claim("pod-a");
  inbox_.settle(succeeded_);
  EXPECT_THAT(said(), ElementsAre("pod-a conflict"));
}

TEST_F(InboxTest, TheSameFrameTwiceIsAnsweredTwice) {
  inbox_.submit(kUid, "pod-a-uid", frame(), answer("first"));
  inbox_.submit(kUid, "pod-a-uid", frame(1, ExitHow::kExited, 9), answer("again"));
  EXPECT_EQ(inbox_.read(running_).frame->exit.code, 0) << "a pod has one result: the first";
  inbox_.settle(running_);
  EXPECT_THAT(said(), IsEmpty()) << "not before it is committed";
  inbox_.settle(succeeded_);
  EXPECT_THAT(said(), ElementsAre("first ok", "again ok"));
}

TEST_F(InboxTest, FramesOfOtherPodsAndAttemptsAreNotSeen) {
  inbox_.submit(kUid, "pod-b-uid", frame(), answer("other pod"));
  inbox_.submit(kUid, "pod-a-uid", frame(2), answer("other attempt"));
  EXPECT_FALSE(inbox_.read(running_).frame);
  inbox_.settle(running_);
  EXPECT_THAT(said(), ElementsAre("other pod conflict", "other attempt conflict"));
}

TEST_F(InboxTest, BeforeTheSourceIsGivenOnlyAFailureToBeginCounts) {
  inbox_.submit(kUid, "pod-a-uid", frame(), answer("ran"));
  EXPECT_FALSE(inbox_.read(pending_).frame);
  inbox_.submit(kUid, "pod-b-uid", frame(1, ExitHow::kNotStarted), answer("could not"));
  ASSERT_TRUE(inbox_.read(pending_).frame);
  EXPECT_EQ(inbox_.read(pending_).frame->exit.how, ExitHow::kNotStarted);
}

TEST_F(InboxTest, AFrameAheadOfTheCacheWaits) {
  inbox_.submit(kUid, "pod-a-uid", frame(), answer("frame"));
  inbox_.settle(pending_);  // the cache has not seen yet that pod-a was given the source
  EXPECT_THAT(said(), IsEmpty());
  inbox_.settle(running_);
  EXPECT_TRUE(inbox_.read(running_).frame);
  inbox_.settle(succeeded_);
  EXPECT_THAT(said(), ElementsAre("frame ok"));
}

TEST_F(InboxTest, CancelReachesWhoWaitsAndWhoComesLater) {
  const auto one = inbox_.watch_orders(kUid, 1, "pod-a-uid", order("one"));
  EXPECT_THAT(said(), IsEmpty());
  (void)inbox_.read(running_);
  inbox_.order_cancel(kUid, 1);
  EXPECT_THAT(said(), ElementsAre("one cancel"));
  const auto two = inbox_.watch_orders(kUid, 1, "pod-a-uid", order("two"));
  EXPECT_THAT(said(), ElementsAre("two cancel"));
  inbox_.order_cancel(kUid, 1);
  EXPECT_THAT(said(), IsEmpty()) << "each is told once";
}

TEST_F(InboxTest, WatchesEnd) {
  auto gone = inbox_.watch_orders(kUid, 1, "pod-a-uid", order("gone"));
  const auto other = inbox_.watch_orders(kUid, 1, "pod-b-uid", order("other"));
  const auto mine = inbox_.watch_orders(kUid, 1, "pod-a-uid", order("mine"));
  gone.reset();
  inbox_.settle(pending_);
  EXPECT_THAT(said(), IsEmpty()) << "no pod has been chosen yet";
  inbox_.settle(running_);
  EXPECT_THAT(said(), ElementsAre("other over"));
  inbox_.settle(succeeded_);
  EXPECT_THAT(said(), ElementsAre("mine over"));
}

TEST_F(InboxTest, ForgetAnswersEverybody) {
  claim("pod-a");
  inbox_.submit(kUid, "pod-a-uid", frame(), answer("frame"));
  const auto watch = inbox_.watch_orders(kUid, 1, "pod-a-uid", order("order"));
  inbox_.forget(kUid);
  EXPECT_THAT(said(), ElementsAre("pod-a conflict", "frame conflict", "order over"));
  inbox_.forget(kUid);
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(InboxTest, NotesAreOfOneAttempt) {
  using std::chrono::seconds;
  for (const bool again : {false, true}) {
    inbox_.set_mark(kUid, 1, again ? Mark::kDurableRead : Mark::kCancel, again);
    clock_.advance(seconds(1));
    inbox_.set_mark(kUid, 1, again ? Mark::kDurableRead : Mark::kCancel, again);
  }
  inbox_.set_job(kUid, 1, false);
  inbox_.set_job_seen(kUid, 1, "job-uid");
  inbox_.set_source_lost(kUid, 1, {ErrorKind::kNotFound, "gone"});
  inbox_.put_durable(kUid, 1, frame(), true);
  auto notes = inbox_.read(running_);
  EXPECT_EQ(notes.marks.at(Mark::kCancel), seconds(2)) << "a clock that runs is not set again";
  EXPECT_EQ(notes.marks.at(Mark::kDurableRead), seconds(0));
  EXPECT_THAT(inbox_.jobs_seen(running_), ElementsAre("job-uid"));
  EXPECT_TRUE(notes.children_ensured && notes.frame && notes.source_lost);
  const auto second = Scene().pending(2).run;
  notes = inbox_.read(second);
  EXPECT_TRUE(notes.marks.empty());
  EXPECT_TRUE(inbox_.jobs_seen(second).empty());
  EXPECT_FALSE(notes.children_ensured || notes.frame || notes.source_lost);
}

// A pass that began with an old status ends after a pass of the next attempt.
TEST_F(InboxTest, NotesAboutAnEarlierAttemptComeTooLate) {
  inbox_.set_mark(kUid, 2, Mark::kAttempt, false);
  inbox_.put_durable(kUid, 1, frame(), true);
  inbox_.durable_failed(kUid, 1);
  inbox_.payload_refused(kUid, 1, "no");
  inbox_.set_mark(kUid, 1, Mark::kCancel, false);
  inbox_.set_job(kUid, 1, true);
  inbox_.job_failed(kUid, 1, "quota");
  inbox_.set_job_seen(kUid, 1, "job-uid");
  inbox_.set_source_lost(kUid, 1, {});
  inbox_.order_cancel(kUid, 1);
  const auto notes = inbox_.read(Scene().pending(2).run);
  EXPECT_EQ(notes.marks.size(), 1U);
  EXPECT_FALSE(notes.frame || notes.durable_final || notes.job_foreign || notes.source_lost);
  EXPECT_EQ(notes.job_error, "");
  EXPECT_TRUE(inbox_.jobs_seen(Scene().pending(2).run).empty());
  EXPECT_EQ(notes.durable_failures + notes.payload_refusals, 0);
  const auto watch = inbox_.watch_orders(kUid, 2, "pod-a-uid", order("second"));
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(InboxTest, JobThatWasRefusedOrIsSomebodyElses) {
  inbox_.job_failed(kUid, 1, "quota");
  inbox_.job_failed(kUid, 1, "quota again");
  EXPECT_EQ(inbox_.read(pending_).job_error, "quota again");
  EXPECT_FALSE(inbox_.read(pending_).children_ensured);
  inbox_.set_job(kUid, 1, true);
  EXPECT_TRUE(inbox_.read(pending_).job_foreign);
  EXPECT_FALSE(inbox_.read(pending_).children_ensured);
  inbox_.set_job(kUid, 1, false);
  EXPECT_TRUE(inbox_.read(pending_).children_ensured);
  EXPECT_EQ(inbox_.read(pending_).job_error, "");
}

TEST_F(InboxTest, ASourceThatWasLostMayBeFoundAgain) {
  EXPECT_FALSE(inbox_.source_found(kUid, 1));
  inbox_.set_source_lost(kUid, 1, {ErrorKind::kUnavailable, "away"});
  EXPECT_FALSE(inbox_.source_found(kUid, 2)) << "of another attempt";
  EXPECT_TRUE(inbox_.source_found(kUid, 1));
  EXPECT_FALSE(inbox_.read(running_).source_lost);
  EXPECT_FALSE(inbox_.read(running_).marks.contains(Mark::kSourceLost));
  EXPECT_FALSE(inbox_.source_found(kUid, 1));
}

TEST_F(InboxTest, WhatWasKnownOfPodsGoesWhenTheJobIsResumed) {
  const auto set = [&](Mark mark) { inbox_.set_mark(kUid, 1, mark, false); };
  set(Mark::kAttempt);
  set(Mark::kScheduled);
  inbox_.put_durable(kUid, 1, {}, true);
  clock_.advance(std::chrono::seconds(900));
  inbox_.job_resumed(kUid, 1);
  EXPECT_EQ(inbox_.read(running_).marks.at(Mark::kAttempt), std::chrono::seconds(900)) << "it was not suspended";
  set(Mark::kJobSuspended);
  clock_.advance(std::chrono::seconds(5));
  inbox_.job_resumed(kUid, 1);
  const auto notes = inbox_.read(running_);
  EXPECT_EQ(notes.marks, (std::map<Mark, Duration>{{Mark::kAttempt, Duration::zero()}}));
  EXPECT_FALSE(notes.durable_final);
}

TEST_F(InboxTest, TroubleLastsUntilItIsOver) {
  EXPECT_EQ(inbox_.trouble(kUid), Duration::zero());
  clock_.advance(std::chrono::seconds(7));
  EXPECT_EQ(inbox_.trouble(kUid), std::chrono::seconds(7));
  inbox_.trouble_over(kUid);
  EXPECT_EQ(inbox_.trouble(kUid), Duration::zero());
}

TEST_F(InboxTest, TheEndOfTheTermAnswersEverybodyThatHeMayAskAgain) {
  claim("pod-a");
  inbox_.submit(kUid, "pod-a-uid", frame(), answer("frame"));
  const auto watch = inbox_.watch_orders(kUid, 1, "pod-a-uid", order("order"));
  inbox_.close();
  EXPECT_THAT(said(), ElementsAre("pod-a unavailable", "frame unavailable", "order error"));
  claim("late");
  inbox_.submit(kUid, "pod-a-uid", frame(), answer("late frame"));
  const auto late = inbox_.watch_orders(kUid, 1, "pod-a-uid", order("late order"));
  EXPECT_THAT(said(), ElementsAre("late unavailable", "late frame unavailable", "late order error"));
}

TEST_F(InboxTest, AWatchMayOutliveTheTerm) {
  auto inbox = std::make_shared<Inbox>(clock_);
  auto watch = inbox->watch_orders(kUid, 1, "pod-a-uid", order("order"));
  inbox->close();
  inbox.reset();
  watch.reset();
  EXPECT_THAT(said(), ElementsAre("order error"));
}

TEST_F(InboxTest, DurableThatIsNotThere) {
  inbox_.put_durable(kUid, 1, {}, false);
  EXPECT_FALSE(inbox_.read(running_).durable_final);
  inbox_.put_durable(kUid, 1, {}, true);
  EXPECT_TRUE(inbox_.read(running_).durable_final);
  inbox_.durable_failed(kUid, 1);
  EXPECT_EQ(inbox_.read(running_).durable_failures, 1);
  inbox_.durable_failed(kUid, 1);
  EXPECT_EQ(inbox_.read(running_).durable_failures, 2);
  inbox_.durable_failed(kUid, 2);
  auto second = running_;
  second.status.attempts = 2;
  EXPECT_EQ(inbox_.read(second).durable_failures, 1) << "counted per attempt";
}

TEST_F(InboxTest, AnswersMayCallBack) {
  inbox_.claim(kUid, {1, "pod-a", "pod-a-uid"}, [this](const Result<void>&) { claim("pod-c"); });
  inbox_.settle(running_);
  inbox_.settle(running_);
  EXPECT_THAT(said(), ElementsAre("pod-c conflict"));
}

}  // namespace
}  // namespace modelrun::controller::testing
