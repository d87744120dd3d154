#include "controller/large_work.h"

#include <gmock/gmock.h>

#include "fakes/manual_clock.h"

namespace modelrun::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Turn = LargeWork::Turn;

class LargeWorkTest : public ::testing::Test {
 protected:
  static api::ObjectMeta run(const std::string& namespace_, const std::string& name) {
    api::ObjectMeta meta;
    meta.namespace_ = namespace_;
    meta.name = name;
    meta.uid = "uid-" + name;
    return meta;
  }
  // One pass of the run. Returns whether it had its turn.
  bool pass(const std::string& namespace_, const std::string& name) {
    Turn turn(work_, run(namespace_, name));
    return turn.take();
  }
  // The keys that were woken since the last call.
  std::vector<std::string> woken() { return std::exchange(woken_, {}); }

  fakes::ManualSteadyClock clock_;
  std::vector<std::string> woken_;
  LargeWork work_{clock_, [this](const std::string& key) { woken_.push_back(key); }};
};

TEST_F(LargeWorkTest, OneTurnAtATime) {
  {
    Turn first(work_, run("n", "a"));
    EXPECT_TRUE(first.take());
    EXPECT_TRUE(first.take()) << "it is this run's";
    EXPECT_FALSE(pass("n", "b"));
    EXPECT_FALSE(first.waits());
    EXPECT_FALSE(pass("n", "b")) << "another pass does not help";
    Turn second(work_, run("n", "b"));
    EXPECT_FALSE(second.waits()) << "it has not asked";
    EXPECT_FALSE(second.take());
    EXPECT_TRUE(second.waits());
    EXPECT_THAT(woken(), IsEmpty());
    EXPECT_EQ(work_.waiting(), 1U);
  }
  EXPECT_THAT(woken(), ElementsAre("n/b"));
  EXPECT_TRUE(pass("n", "b"));
  EXPECT_EQ(work_.waiting(), 0U);
}

TEST_F(LargeWorkTest, WhoComesLaterDoesNotPassByTheLine) {
  {
    Turn first(work_, run("n", "a"));
    ASSERT_TRUE(first.take());
    EXPECT_FALSE(pass("n", "b"));
  }
  EXPECT_FALSE(pass("n", "c")) << "it is b's turn, who has been woken";
  EXPECT_TRUE(pass("n", "b"));
  EXPECT_THAT(woken(), ElementsAre("n/b", "n/c"));
}

TEST_F(LargeWorkTest, NamespacesTakeTurns) {
  std::vector<std::string> order;
  {
    Turn first(work_, run("many", "0"));
    ASSERT_TRUE(first.take());
    for (const char* name : {"1", "2", "3", "4"}) EXPECT_FALSE(pass("many", name));
    EXPECT_FALSE(pass("few", "5"));
    EXPECT_FALSE(pass("one", "6"));
  }
  for (auto keys = woken(); !keys.empty(); keys = woken()) {
    ASSERT_EQ(keys.size(), 1U);
    order.push_back(keys[0]);
    const auto slash = keys[0].find('/');
    ASSERT_TRUE(pass(keys[0].substr(0, slash), keys[0].substr(slash + 1)));
  }
  EXPECT_THAT(order, ElementsAre("many/1", "few/5", "one/6", "many/2", "many/3", "many/4"));
}

TEST_F(LargeWorkTest, ARunThatDoesNotNeedItsTurnAnyMoreGivesItOn) {
  for (const bool gone : {false, true}) {
    {
      Turn first(work_, run("n", "a"));
      ASSERT_TRUE(first.take());
      EXPECT_FALSE(pass("n", "b"));
      EXPECT_FALSE(pass("n", "c"));
    }
    EXPECT_THAT(woken(), ElementsAre("n/b"));
    if (gone)
      work_.forget(run("n", "b"));
    else
      Turn(work_, run("n", "b"));  // a pass that does not ask
    EXPECT_THAT(woken(), ElementsAre("n/c"));
    EXPECT_TRUE(pass("n", "c"));
    EXPECT_THAT(woken(), IsEmpty());
  }
}

TEST_F(LargeWorkTest, SaysHowLongARunHasWaited) {
  Turn first(work_, run("n", "a"));
  ASSERT_TRUE(first.take());
  {
    Turn second(work_, run("n", "b"));
    EXPECT_EQ(second.waited(), Duration::zero());
    EXPECT_FALSE(second.take());
    clock_.advance(std::chrono::seconds(7));
  }
  Turn again(work_, run("n", "b"));
  EXPECT_EQ(again.waited(), std::chrono::seconds(7));
  EXPECT_FALSE(again.take());
  EXPECT_EQ(again.waited(), std::chrono::seconds(7)) << "it keeps its place";
}

TEST_F(LargeWorkTest, ATurnOfNothingIsNeverHad) {
  Turn none;
  EXPECT_FALSE(none.take());
  EXPECT_EQ(work_.waiting(), 0U);
}

}  // namespace
}  // namespace modelrun::controller
