#include "controller/pods/held_frame.h"

#include <gtest/gtest.h>

#include "controller/large_work.h"

namespace modelrun::controller {
namespace {

api::ResultFrame of_size(std::size_t bytes) {
  api::ResultFrame frame;
  frame.artifacts.push_back({"a.bin", bytes, "", "", std::string(bytes, 'x')});
  return frame;
}

constexpr std::size_t kMiB = 1U << 20U;

TEST(HeldFrame, TheLargestFrameFitsIntoAShare) {
  ByteBudget budget(kHeldBytes, kHeldShare);
  EXPECT_TRUE(hold_frame(budget, "n", of_size(api::kMaxFrameBytes)));
}

TEST(HeldFrame, OneNamespaceLeavesRoomForOthers) {
  ByteBudget budget(kHeldBytes, kHeldShare);
  std::vector<FramePtr> held;
  while (auto frame = hold_frame(budget, "greedy", of_size(kMiB))) held.push_back(std::move(*frame));
  EXPECT_EQ(held.size(), kHeldShare / kMiB - 1) << "each is a little more than 1 MiB";
  EXPECT_EQ(hold_frame(budget, "greedy", of_size(kMiB)).error().kind, ErrorKind::kUnavailable) << "asked again later";
  EXPECT_TRUE(hold_frame(budget, "other", of_size(kMiB)));
}

TEST(HeldFrame, GivesItsRoomBackWithTheLastPointer) {
  ByteBudget budget(kHeldBytes, kHeldShare);
  auto frame = *hold_frame(budget, "n", of_size(kMiB));
  const FramePtr observed = frame;
  frame.reset();
  EXPECT_GT(budget.used(), kMiB);
  const_cast<FramePtr&>(observed).reset();
  EXPECT_EQ(budget.used(), 0U);
}

TEST(LargeWork, OneTurnAtATime) {
  LargeWork work;
  LargeWork::Turn second(work);
  {
    LargeWork::Turn first(work);
    EXPECT_TRUE(first.take());
    EXPECT_TRUE(first.take()) << "it is this run's";
    EXPECT_EQ(second.take().error().kind, ErrorKind::kConflict);
  }
  EXPECT_TRUE(second.take());
}

}  // namespace
}  // namespace modelrun::controller
