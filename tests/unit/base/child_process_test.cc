#include "base/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace modelrun {
namespace {

using Clock = std::chrono::steady_clock;

class ChildProcessTest : public ::testing::Test {
 protected:
  // Runs `script` by a shell whose standard output is the pipe.
  Result<ChildProcess> shell(const std::string& script, bool apart = false) {
    auto child = spawn({.argv = {"sh", "-c", script},
                        .environment = {"GREETING=hello"},
                        .descriptors = {null_.get(), pipe_->write.get()},
                        .apart = apart});
    pipe_->write.reset();
    return child;
  }
  Result<std::string> output(std::size_t most = 100, std::stop_token stop = {}, Clock::duration span = kLong) {
    return read_to_end(pipe_->read.get(), most, Clock::now() + span, stop);
  }

  static constexpr std::chrono::seconds kLong{60};
  UniqueFd null_{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  Result<Pipe> pipe_ = make_pipe();
};

TEST_F(ChildProcessTest, HasItsDescriptorsAndItsEnvironmentAlone) {
  auto child = shell("echo $GREETING $HOME; cat; exit 3");
  EXPECT_EQ(output(), "hello\n");
  const int status = child->wait();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST_F(ChildProcessTest, ApartItLeadsASession) {
  auto child = shell("test $(ps -o sid= -p $$) -eq $$ && echo leads", /*apart=*/true);
  EXPECT_EQ(output(), "leads\n");
}

TEST_F(ChildProcessTest, IsKilledWithItsOwner) {
  {
    const auto child = shell("echo $$; exec sleep 600");
    char first = 0;
    ASSERT_EQ(::read(pipe_->read.get(), &first, 1), 1);
  }
  EXPECT_TRUE(output()) << "nobody has the other end any more";
}

TEST_F(ChildProcessTest, WhatIsReadHasABoundATimeAndAStop) {
  const auto child = shell("echo 0123456789; exec sleep 600");
  EXPECT_EQ(output(5).error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(output(100, {}, std::chrono::milliseconds(1)).error().kind, ErrorKind::kTimeout);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(output(100, stop.get_token()).error().kind, ErrorKind::kCancelled);
}

TEST_F(ChildProcessTest, AProgramThatIsNotThereIsNamed) {
  const auto child = spawn({.argv = {"no-such-program"}, .environment = {}, .descriptors = {}});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(child.error().message.find("no-such-program"), std::string::npos);
}

}  // namespace
}  // namespace modelrun
