#include <gtest/gtest.h>

#include "net/rate_limit.h"

namespace modelrun::net {
namespace {

using namespace std::chrono_literals;

TEST(Rates, BucketsFillAgainAndNeverGrowWithoutEnd) {
  RateLimit limit({.per_second = 2, .burst = 3, .max_names = 2});
  const RateLimit::Point start{};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take("a", start));
  EXPECT_FALSE(limit.take("a", start));
  EXPECT_TRUE(limit.take("b", start));
  EXPECT_TRUE(limit.take("a", start + std::chrono::milliseconds(500)));
  EXPECT_FALSE(limit.take("a", start + std::chrono::milliseconds(500)));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limit.take(std::to_string(i), start + std::chrono::seconds(1)));
}

TEST(Rates, LookingTakesNothing) {
  RateLimit limit({.per_second = 1, .burst = 1, .max_names = 2});
  const RateLimit::Point start{};
  EXPECT_TRUE(limit.has("a", start));
  EXPECT_TRUE(limit.take("a", start));
  EXPECT_FALSE(limit.has("a", start));
  EXPECT_TRUE(limit.has("a", start + std::chrono::seconds(1)));
}

TEST(Rates, ALoanIsGivenBackUnlessItIsSpent) {
  RateLimit limit({.per_second = 1, .burst = 1, .max_names = 2});
  const RateLimit::Point start{};
  {
    auto loan = limit.borrow("a", start);
    ASSERT_TRUE(loan);
    EXPECT_FALSE(limit.borrow("a", start));
    const RateLimit::Loan moved = std::move(*loan);
    loan.reset();
    EXPECT_FALSE(limit.borrow("a", start));
  }
  limit.borrow("a", start)->spend();
  EXPECT_FALSE(limit.borrow("a", start));
}

TEST(Rates, TakesAheadOnlySoFar) {
  RateLimit limit({.per_second = 10, .burst = 1, .max_names = 10});
  const auto now = std::chrono::steady_clock::now();
  const auto wait = [&](std::chrono::milliseconds patience) { return limit.reserve("a", patience, now); };
  EXPECT_EQ(wait(1s), 0ns);
  EXPECT_TRUE(limit.can_reserve("a", 100ms, now));
  EXPECT_FALSE(limit.can_reserve("a", 99ms, now));
  EXPECT_EQ(wait(200ms), 100ms) << "one after the other";
  EXPECT_EQ(wait(200ms), 200ms);
  EXPECT_EQ(wait(200ms), std::nullopt);
  EXPECT_FALSE(limit.take("a", now + 299ms));
  EXPECT_TRUE(limit.take("a", now + 301ms)) << "what was taken ahead is gained first";
  limit.give_back("a", 0.5);
  EXPECT_FALSE(limit.take("a", now + 340ms));
  EXPECT_TRUE(limit.take("a", now + 355ms));
}

}  // namespace
}  // namespace modelrun::net
