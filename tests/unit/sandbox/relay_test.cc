// The relay between a source that ends when it likes and an `exec` that is played by the test.
#include "sandbox/relay.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "api/frame_json.h"
#include "api/json_access.h"
#include "base/child_process.h"

namespace modelrun::sandbox {
namespace {

namespace fs = std::filesystem;

class NoOrders : public Orders {
 public:
  void start() const override {}
  [[nodiscard]] const Event& cancelled() const override { return never_; }

 private:
  Event never_;
};

// Has ended when start() returns.
class EndedSource : public Source {
 public:
  explicit EndedSource(bool standby) : standby_(standby) {}
  [[nodiscard]] bool awaits_work() const override { return standby_; }
  void start() const override { done_.raise(); }
  [[nodiscard]] const Event& done() const override { return done_; }
  [[nodiscard]] std::optional<Result<void>> result() const override { return Result<void>(); }

 private:
  const bool standby_;
  Event done_;
};

class NoWork : public Source {
 public:
  [[nodiscard]] bool awaits_work() const override { return true; }
  void start() const override {}
  [[nodiscard]] const Event& done() const override { return never_; }
  [[nodiscard]] std::optional<Result<void>> result() const override { return std::nullopt; }

 private:
  Event never_;
};

std::chrono::nanoseconds processor_time_of_this_thread() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// The test plays `exec`, whose messages wait in the socket when the relay begins.
class RelayTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string directory = testing::TempDir() + "relay-XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    std::ofstream(directory + "/installed") << listener_->name();
    auto exec = Channel::connect(directory + "/installed", 10'000);
    fs::remove_all(directory);
    ASSERT_TRUE(exec && out_ && err_);
    exec_ = *std::move(exec);
    ASSERT_TRUE(exec_.send(Message::kHello, {}, {out_->read.get(), err_->read.get()}));
  }

  RelayedRun relay(const Source& source, std::chrono::seconds connect) {
    return Relay(*listener_, source, orders_, no_signal_.fd(), 1024).run(connect);
  }
  // The next message of the agent, if it comes within `time`.
  std::optional<Message> told_within(std::chrono::seconds time) {
    if (!wait_ready(exec_.fd(), POLLIN, -1, Monotonic::now() + time)) return std::nullopt;
    const auto packet = exec_.receive();
    return packet ? std::optional(packet->type) : std::nullopt;
  }
  // The source may end at any moment, also between two looks at what there is to wait for: nothing may be waited for
  // once everything is there.
  void starts_at_once(bool standby) {
    auto exec = std::async(std::launch::async, [this] {
      const auto told = told_within(std::chrono::seconds(10));
      api::ExitRecord record;
      record.how = api::ExitHow::kExited;
      record.code = 0;
      (void)exec_.send(Message::kExit, api::json_text(api::exit_to_json(record)));
      return told;
    });
    const auto run = relay(EndedSource(standby), std::chrono::hours(1));
    EXPECT_EQ(exec.get(), Message::kGo) << "no permit to start";
    EXPECT_EQ(run.exit.how, api::ExitHow::kExited);
  }

  Result<AgentSocket> listener_ = AgentSocket::open();
  Result<Pipe> out_ = make_pipe();
  Result<Pipe> err_ = make_pipe();
  Channel exec_;
  const NoOrders orders_;
  const Event no_signal_;
};

TEST_F(RelayTest, AModelStartsAtOnceWhenTheSourceEndsWhileAMessageIsTaken) {
  starts_at_once(/*standby=*/false);
}

TEST_F(RelayTest, AStandbysModelToo) {
  ASSERT_TRUE(exec_.send(Message::kReady));
  starts_at_once(/*standby=*/true);
}

// A standby may be ready for longer than it was allowed to take until then.
TEST_F(RelayTest, AStandbyWaitsForWorkWithoutUsingTheProcessor) {
  ASSERT_TRUE(exec_.send(Message::kReady));
  auto exec = std::async(std::launch::async, [this] {
    // A second longer than the time that it was allowed.
    const auto told = told_within(std::chrono::seconds(2));
    exec_.close();
    return told;
  });
  const auto before = processor_time_of_this_thread();
  const auto run = relay(NoWork(), std::chrono::seconds(0));
  EXPECT_LT(processor_time_of_this_thread() - before, std::chrono::milliseconds(200));
  EXPECT_EQ(exec.get(), std::nullopt);
  EXPECT_EQ(run.exit.how, api::ExitHow::kNotStarted);
}

}  // namespace
}  // namespace modelrun::sandbox
