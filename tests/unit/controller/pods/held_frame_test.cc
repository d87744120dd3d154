#include "controller/pods/held_frame.h"

#include <gtest/gtest.h>

#include <vector>

namespace modelrun::controller {
namespace {

api::ResultFrame of_size(std::size_t bytes) {
  api::ResultFrame frame;
  frame.artifacts.push_back({"a.bin", bytes, "", "", std::string(bytes, 'x')});
  return frame;
}

constexpr std::size_t kMiB = 1U << 20U;

// All frames of this size that the namespace can hold.
std::vector<FramePtr> fill(HeldFrames& frames, const std::string& namespace_, std::size_t bytes) {
  std::vector<FramePtr> held;
  while (auto frame = frames.hold(namespace_, of_size(bytes))) held.push_back(std::move(*frame));
  return held;
}

TEST(HeldFrames, TheLargestFrameFitsIntoAShare) {
  HeldFrames frames;
  EXPECT_TRUE(frames.hold("n", of_size(api::kMaxFrameBytes)));
}

TEST(HeldFrames, WhatNeverFitsIsNotAskedForAgain) {
  HeldFrames frames;
  EXPECT_EQ(frames.hold("n", of_size(kHeldShare)).error().kind, ErrorKind::kTooLarge);
  EXPECT_FALSE(can_hold(of_size(kHeldShare)));
  EXPECT_EQ(frames.used(), 0U);
}

TEST(HeldFrames, OneNamespaceLeavesRoomForOthers) {
  HeldFrames frames;
  const auto held = fill(frames, "greedy", kMiB);
  EXPECT_EQ(held.size(), kHeldShare / kMiB - 1) << "each is a little more than 1 MiB";
  EXPECT_EQ(frames.hold("greedy", of_size(kMiB)).error().kind, ErrorKind::kUnavailable) << "asked again later";
  EXPECT_TRUE(frames.hold("other", of_size(kMiB)));
}

TEST(HeldFrames, LargeOnesLeaveRoomForSmallOnes) {
  HeldFrames frames;
  const auto first = fill(frames, "greedy", kMiB);
  const auto second = fill(frames, "as-greedy", kMiB);
  const auto third = fill(frames, "late", kMiB);
  ASSERT_FALSE(frames.hold("other", of_size(kMiB)));
  EXPECT_TRUE(frames.hold("other", of_size(kLargeResult / 2)));
  EXPECT_TRUE(frames.hold("greedy", of_size(1000)));
  EXPECT_GE(fill(frames, "other", kLargeResult - 1000).size(), 3U)
      << "more than what is left of the room for large ones";
  const auto small = fill(frames, "greedy", 100'000);
  EXPECT_LE(small.size(), kSmallHeldShare / 100'000);
  EXPECT_TRUE(frames.hold("other", of_size(1000)));
}

TEST(HeldFrames, AFrameGivesItsRoomBackWithTheLastPointer) {
  HeldFrames frames;
  auto frame = *frames.hold("n", of_size(kMiB));
  FramePtr observed = frame;
  frame.reset();
  EXPECT_GT(frames.used(), kMiB);
  observed.reset();
  EXPECT_EQ(frames.used(), 0U);
}

TEST(HeldFrames, EveryTextOfAFrameCounts) {
  HeldFrames frames;
  api::ResultFrame frame;
  frame.rings = frame.warning = frame.run_uid = std::string(1000, 'x');
  frame.error = api::FrameError{std::string(1000, 'x'), std::string(1000, 'x')};
  frame.out = frame.err = {std::string(1000, 'x'), std::string(1000, 'x'), 2000};
  frame.outputs = nlohmann::json{{"x", std::string(1000, 'x')}};
  const auto held = frames.hold("n", frame);
  ASSERT_TRUE(held);
  EXPECT_GE(frames.used(), 10'000U);
}

}  // namespace
}  // namespace modelrun::controller
