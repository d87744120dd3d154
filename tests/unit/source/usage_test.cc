#include "source/git/usage.h"

#include <fstream>

#include "unit/source/git_fixture.h"

namespace modelrun::source::testing {
namespace {

using UsageTest = GitTest;

TEST_F(UsageTest, OnlyWhoUsesMoreThanTheLimitAloneIsTooLarge) {
  const std::vector<std::uint64_t> sizes = {30, 60, 20};
  EXPECT_FALSE(whom_to_end(sizes, 110, 0));
  const auto together = whom_to_end(sizes, 100, 0);
  ASSERT_TRUE(together);
  EXPECT_EQ(together->index, 1U);
  EXPECT_FALSE(together->alone);
  const auto alone = whom_to_end(sizes, 59, 0);
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->index, 1U);
  EXPECT_TRUE(alone->alone);
  const auto left_over = whom_to_end(sizes, 110, 1);
  ASSERT_TRUE(left_over);
  EXPECT_FALSE(left_over->alone);
  EXPECT_FALSE(whom_to_end({}, 0, 1)) << "nobody is there";
}

TEST_F(UsageTest, EmptyFilesAndDirectoriesTakeRoomToo) {
  std::filesystem::create_directories(path("some/directory"));
  for (int i = 0; i < 100; ++i) std::ofstream(path(fmt::format("some/directory/{}", i)));
  EXPECT_GE(disk_usage(path("some")), 100U * 4096U);
}

}  // namespace
}  // namespace modelrun::source::testing
