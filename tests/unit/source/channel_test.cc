#include "source/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "source/wire.h"

namespace modelrun::source {
namespace {

TEST(ChannelTest, ACompleteAnswerIsReadAfterTheDeadlineToo) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd other(ends[1]);
  Channel channel(UniqueFd(ends[0]), Channel::Instant::min(), {});
  const std::string bytes = framed("whole") + framed("half").substr(0, 6);
  ASSERT_EQ(::write(other.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  const auto whole = channel.read_frame(100);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(*whole, "whole");
  const auto half = channel.read_frame(100);
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().kind, ErrorKind::kTimeout);
}

}  // namespace
}  // namespace modelrun::source
