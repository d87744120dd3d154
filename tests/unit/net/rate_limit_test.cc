#include <gtest/gtest.h>

#include "net/rate_limit.h"

namespace modelrun::net {
namespace {

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

}  // namespace
}  // namespace modelrun::net
