#include "base/large_document.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/mutex.h"
#include "fakes/large_document.h"

namespace modelrun {
namespace {

constexpr std::size_t kLarge = kLargeDocumentBytes + 1;

TEST(LargeDocumentTest, OneAtATime) {
  fakes::OtherLargeDocument other;
  const LargeDocument turn(kLarge);
  EXPECT_TRUE(other.has_to_wait());
}

TEST(LargeDocumentTest, ASmallOneNeedsNoTurn) {
  fakes::OtherLargeDocument other;
  {
    const LargeDocument small(kLargeDocumentBytes);
    EXPECT_FALSE(other.has_to_wait());
  }
  const LargeDocument turn(kLarge);
  const std::jthread second([] { const LargeDocument small(kLargeDocumentBytes); });  // would never end
}

TEST(LargeDocumentTest, AThreadGetsAnotherTurnAndKeepsItUntilTheLastOneEnds) {
  fakes::OtherLargeDocument other;
  const LargeDocument outer(kLarge);
  {
    const LargeDocument inner(kLarge);
  }
  EXPECT_TRUE(other.has_to_wait());
}

TEST(LargeDocumentTest, TurnsComeInTheOrderInWhichTheyWereAskedFor) {
  constexpr std::size_t kThreads = 4;
  Mutex mutex;
  std::vector<std::size_t> order;
  std::vector<std::jthread> threads;
  {
    const LargeDocument turn(kLarge);
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        const LargeDocument own(kLarge);
        const MutexLock lock(mutex);
        order.push_back(i);
      });
      while (LargeDocument::waiting() <= i) std::this_thread::yield();
    }
  }
  threads.clear();
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace modelrun
