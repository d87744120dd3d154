#include "source/suspects.h"

#include <gtest/gtest.h>

namespace modelrun::source {
namespace {

class SuspectsTest : public ::testing::Test {
 protected:
  ErrorKind kind_of_begin(const std::string& repository) {
    const auto begun = suspects_.begin(repository);
    return begun ? ErrorKind::kInternal : begun.error().kind;
  }
  ErrorKind die(const std::string& repository) {
    const auto begun = suspects_.begin(repository);
    EXPECT_TRUE(begun);
    now_ += std::chrono::milliseconds(1);
    return suspects_.died(repository, *begun).kind;
  }

  Suspects::Instant now_{};
  Suspects suspects_{[this] { return now_; }};
};

TEST_F(SuspectsTest, WhoKillsAgainAndAgainIsRefusedForATimeThatDoubles) {
  EXPECT_EQ(die("bad"), ErrorKind::kUnavailable);
  EXPECT_EQ(die("bad"), ErrorKind::kUnavailable);
  EXPECT_EQ(die("bad"), ErrorKind::kTooLarge);
  EXPECT_EQ(kind_of_begin("bad"), ErrorKind::kTooLarge);
  EXPECT_TRUE(suspects_.begin("good"));
  now_ += Suspects::kRefusal;
  EXPECT_EQ(die("bad"), ErrorKind::kTooLarge);
  now_ += Suspects::kRefusal;
  EXPECT_EQ(kind_of_begin("bad"), ErrorKind::kTooLarge);
  now_ += Suspects::kRefusal;
  EXPECT_TRUE(suspects_.begin("bad"));
}

TEST_F(SuspectsTest, ADeathCountsOnceForAllRequestsThatItEnds) {
  const auto first = suspects_.begin("good");
  now_ += std::chrono::seconds(1);
  const auto second = suspects_.begin("good");
  now_ += std::chrono::seconds(1);
  for (const auto& begun : {*first, *second, *second, *first}) {
    EXPECT_EQ(suspects_.died("good", begun).kind, ErrorKind::kUnavailable);
  }
  EXPECT_EQ(die("good"), ErrorKind::kUnavailable);
  EXPECT_EQ(die("good"), ErrorKind::kTooLarge);
}

TEST_F(SuspectsTest, SuspectsAreAskedOneAtATimeAndClearedByAnAnswer) {
  ASSERT_TRUE(suspects_.begin("bad"));
  ASSERT_TRUE(suspects_.begin("good"));
  (void)suspects_.died("bad", now_);
  (void)suspects_.died("good", now_);
  ASSERT_TRUE(suspects_.begin("bad"));
  EXPECT_EQ(kind_of_begin("good"), ErrorKind::kUnavailable);
  EXPECT_TRUE(suspects_.begin("another")) << "it is no suspect";
  EXPECT_EQ(suspects_.died("bad", now_).kind, ErrorKind::kUnavailable);
  ASSERT_TRUE(suspects_.begin("good"));
  suspects_.answered("good");
  ASSERT_TRUE(suspects_.begin("good"));
  EXPECT_EQ(die("bad"), ErrorKind::kTooLarge);
}

TEST_F(SuspectsTest, WhoGivesUpLetsTheNextOne) {
  (void)suspects_.died("a", now_);
  (void)suspects_.died("b", now_);
  ASSERT_TRUE(suspects_.begin("a"));
  suspects_.given_up("a");
  EXPECT_TRUE(suspects_.begin("b"));
}

TEST_F(SuspectsTest, RemembersSoManyAndNoMore) {
  for (std::size_t i = 0; i < Suspects::kMaxRemembered + 1; ++i) {
    now_ += std::chrono::seconds(1);
    (void)suspects_.died(std::to_string(i), now_);
  }
  ASSERT_TRUE(suspects_.begin("1"));
  EXPECT_EQ(kind_of_begin("2"), ErrorKind::kUnavailable);
  EXPECT_TRUE(suspects_.begin("0")) << "forgotten, so it is no suspect";
}

}  // namespace
}  // namespace modelrun::source
