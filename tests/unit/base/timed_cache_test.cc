#include "base/timed_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace modelrun {
namespace {

using std::chrono::hours;

TEST(TimedCache, AKnownKeyIsRenewedAlsoWhenItIsFull) {
  const auto now = std::chrono::steady_clock::now();
  TimedCache<int> cache(hours(10), 2);
  cache.put("a", 1, now - hours(2));
  cache.put("b", 1, now);
  cache.put("a", 2, now);
  EXPECT_EQ(cache.find("a"), 2);
  cache.put("c", 3, now);
  EXPECT_FALSE(cache.find("c"));
  EXPECT_EQ(cache.find("b"), 1);
}

// Two who asked may come back in the other order.
TEST(TimedCache, AnOlderAnswerDoesNotReplaceANewerOne) {
  const auto now = std::chrono::steady_clock::now();
  TimedCache<int> cache(hours(10), 2);
  cache.put("a", 2, now);
  cache.put("a", 1, now - hours(1));
  EXPECT_EQ(cache.find("a"), 2);
}

TEST(TimedCache, WhatHasExpiredMakesRoom) {
  const auto now = std::chrono::steady_clock::now();
  TimedCache<int> cache(hours(1), 1);
  cache.put("a", 1, now - hours(2));
  EXPECT_FALSE(cache.find("a"));
  cache.put("b", 2, now);
  EXPECT_EQ(cache.find("b"), 2);
}

TEST(TimedCache, WhatHasExpiredIsForgottenLongBeforeItIsFull) {
  const auto begin = std::chrono::steady_clock::now();
  TimedCache<int> cache(hours(1), 1000);
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    cache.put(std::to_string(i), i, begin + std::chrono::minutes(20 * i));
    most = std::max(most, cache.size());
  }
  // Three come in an hour, and what has expired stays for another hour at most.
  EXPECT_LE(most, 7U);
  EXPECT_EQ(cache.find("99"), 99);
}

}  // namespace
}  // namespace modelrun
