#include "controller/pods/standbys.h"

#include <gmock/gmock.h>

#include <set>

#include "fakes/manual_clock.h"

namespace modelrun::controller {
namespace {

using std::chrono::seconds;

class RequestsTest : public ::testing::Test {
 protected:
  std::unique_ptr<runserver::LongPoll> ask(const std::string& pod) {
    return standbys_->await_work(pod, [this, pod](Result<runserver::GivenWork> work) {
      said_.push_back(pod + ":" + (work ? work->line : std::string(to_string(work.error().kind))));
    });
  }
  fakes::ManualSteadyClock clock_;
  std::shared_ptr<Standbys> standbys_ = std::make_shared<Standbys>(clock_, 1);
  std::vector<std::string> said_;
};

TEST_F(RequestsTest, APodIsReadyWhileItAsksAndAMomentLonger) {
  EXPECT_FALSE(standbys_->ready("p"));
  auto watch = ask("p");
  clock_.advance(seconds(100));
  EXPECT_TRUE(standbys_->ready("p"));
  watch.reset();
  clock_.advance(seconds(2));
  EXPECT_TRUE(standbys_->ready("p"));
  clock_.advance(seconds(1));
  EXPECT_FALSE(standbys_->ready("p"));
  watch = ask("p");
  EXPECT_TRUE(standbys_->ready("p"));
}

TEST_F(RequestsTest, ALaterRequestTakesThePlaceOfTheEarlierOne) {
  auto first = ask("p");
  const auto second = ask("p");
  first.reset();  // the connection that was lost is noticed late
  EXPECT_TRUE(standbys_->take_request("p"));
}

TEST_F(RequestsTest, ARequestIsAnsweredOnce) {
  const auto watch = ask("p");
  const auto give = standbys_->take_request("p");
  ASSERT_TRUE(give);
  EXPECT_FALSE(standbys_->take_request("p"));
  give(runserver::GivenWork{"work", nullptr});
  EXPECT_THAT(said_, ::testing::ElementsAre("p:work"));
}

TEST_F(RequestsTest, OnePodIsKeptForOneRun) {
  EXPECT_FALSE(standbys_->reserve("p", "run-1"));  // it has never asked
  const auto p = ask("p");
  const auto q = ask("q");
  EXPECT_TRUE(standbys_->reserve("p", "run-1"));
  EXPECT_TRUE(standbys_->reserve("p", "run-1"));
  EXPECT_FALSE(standbys_->reserve("p", "run-2"));
  EXPECT_TRUE(standbys_->reserve("q", "run-1"));  // and gives p back
  EXPECT_TRUE(standbys_->reserve("p", "run-2"));
  standbys_->release("run-1");
  EXPECT_TRUE(standbys_->reserve("q", "run-3"));
  standbys_->forget("q");
  EXPECT_FALSE(standbys_->ready("q"));
  EXPECT_THAT(said_, ::testing::ElementsAre("q:" + std::string(to_string(ErrorKind::kConflict))));
}

TEST_F(RequestsTest, TheEndOfTheTermAnswersAll) {
  const auto watch = ask("p");
  standbys_->close();
  const auto late = ask("q");
  const std::string gone(to_string(ErrorKind::kUnavailable));
  EXPECT_THAT(said_, ::testing::ElementsAre("p:" + gone, "q:" + gone));
}

TEST_F(RequestsTest, FailuresAreTriedAgainEverMoreSeldom) {
  EXPECT_FALSE(standbys_->trouble("u"));
  std::vector<long> waits;
  for (int i = 0; i < 12; ++i) {
    standbys_->note_failure("u", "why");
    standbys_->note_failure("u", "why");  // made with the other, and failed with it
    const auto wait = standbys_->trouble("u")->retry_in;
    waits.push_back(std::chrono::duration_cast<seconds>(wait).count());
    clock_.advance(wait);
  }
  EXPECT_THAT(waits, ::testing::ElementsAre(1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300));
  standbys_->forget_failures("u");
  EXPECT_FALSE(standbys_->trouble("u"));
}

TEST_F(RequestsTest, APoolIsRefilledAMomentAfterTheLastOfABurst) {
  using std::chrono::milliseconds;
  EXPECT_EQ(standbys_->refill_in("u"), Duration::zero());
  standbys_->note_adopted("u");
  EXPECT_EQ(standbys_->refill_in("u"), milliseconds(500));
  clock_.advance(milliseconds(400));
  standbys_->note_adopted("u");
  EXPECT_EQ(standbys_->refill_in("u"), milliseconds(500));
  clock_.advance(milliseconds(400));
  standbys_->note_adopted("u");
  EXPECT_EQ(standbys_->refill_in("u"), milliseconds(200)) << "those that go on for ever do not keep it empty";
  EXPECT_EQ(standbys_->refill_in("other"), Duration::zero());
  clock_.advance(milliseconds(200));
  EXPECT_EQ(standbys_->refill_in("u"), Duration::zero());
  standbys_->note_adopted("u");
  EXPECT_EQ(standbys_->refill_in("u"), milliseconds(500)) << "the next burst";
  standbys_->forget_project("u");
  EXPECT_EQ(standbys_->refill_in("u"), Duration::zero());
}

TEST_F(RequestsTest, AStandbyIsWaitedForSinceThisProcessFirstLooked) {
  EXPECT_EQ(standbys_->unready_for("job", false), Duration::zero());
  clock_.advance(seconds(5));
  EXPECT_EQ(standbys_->unready_for("job", false), seconds(5));
  EXPECT_EQ(standbys_->unready_for("job", true), Duration::zero());
  clock_.advance(seconds(5));
  EXPECT_EQ(standbys_->unready_for("job", false), Duration::zero());
  clock_.advance(seconds(5));
  standbys_->forget_job("job");
  EXPECT_EQ(standbys_->unready_for("job", false), Duration::zero());
}

TEST_F(RequestsTest, AStandbysNodeIsKnownSinceThisProcessFirstSawIt) {
  EXPECT_EQ(standbys_->placed_for("job", false), Duration::zero());
  clock_.advance(seconds(5));
  EXPECT_EQ(standbys_->placed_for("job", true), Duration::zero()) << "it had to wait for its node";
  clock_.advance(seconds(5));
  EXPECT_EQ(standbys_->placed_for("job", true), seconds(5));
  standbys_->forget_job("job");
  EXPECT_EQ(standbys_->placed_for("job", true), Duration::zero());
}

TEST_F(RequestsTest, NamesAreShortAndDiffer) {
  std::set<std::string> names;
  for (int i = 0; i < 1000; ++i) names.insert(standbys_->new_name(std::string(63, 'a')));
  EXPECT_EQ(names.size(), 1000U);
  EXPECT_EQ(names.begin()->size(), 63U);
  EXPECT_TRUE(standbys_->new_name("forecasts").starts_with("forecasts-standby-"));
}

}  // namespace
}  // namespace modelrun::controller
