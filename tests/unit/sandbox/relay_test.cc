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

class NoOrders : public Orders {
 public:
  void start() const override {}
  [[nodiscard]] const Event& cancelled() const override { return never_; }

 private:
  Event never_;
};

// Plays `exec`: sends `messages`, waits for the permit, and ends well. Whether the permit came.
bool play_exec(const std::string& marker, const std::vector<Message>& messages) {
  auto agent = Channel::connect(marker, 10'000);
  auto out = make_pipe();
  auto err = make_pipe();
  if (!agent || !out || !err) return false;
  for (const auto message : messages) {
    const bool pipes = message == Message::kHello;
    (void)agent->send(message, {}, pipes ? std::vector{out->read.get(), err->read.get()} : std::vector<int>{});
  }
  if (!wait_ready(agent->fd(), POLLIN, -1, Monotonic::now() + std::chrono::seconds(10))) return false;
  const auto packet = agent->receive();
  api::ExitRecord record;
  record.how = api::ExitHow::kExited;
  record.code = 0;
  (void)agent->send(Message::kExit, api::json_text(api::exit_to_json(record)));
  return packet && packet->type == Message::kGo;
}

class StandbyRelayTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "relay-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string directory_;
};

class RelayTest : public StandbyRelayTest, public testing::WithParamInterface<bool> {};

// The source may end at any moment, also between two looks at what there is to wait for: nothing may be waited for once
// everything is there.
TEST_P(RelayTest, TheModelStartsAtOnceWhenTheSourceHasEndedWhileAMessageWasTaken) {
  const bool standby = GetParam();
  auto listener = AgentSocket::open();
  ASSERT_TRUE(listener.has_value());
  const std::string marker = directory_ + "/installed";
  std::ofstream(marker) << listener->name();
  const EndedSource source(standby);
  const NoOrders orders;
  const Event no_signal;
  auto exec = std::async(std::launch::async, play_exec, marker,
                         standby ? std::vector{Message::kHello, Message::kReady} : std::vector{Message::kHello});
  Relay relay(*listener, source, orders, no_signal.fd(), 1024);
  const auto run = relay.run(std::chrono::hours(1));
  EXPECT_TRUE(exec.get()) << "no permit to start";
  EXPECT_EQ(run.exit.how, api::ExitHow::kExited);
}

// Never ends.
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

// A standby may be ready for longer than it was allowed to take until then.
TEST_F(StandbyRelayTest, AStandbyWaitsForWorkWithoutUsingTheProcessor) {
  auto listener = AgentSocket::open();
  ASSERT_TRUE(listener.has_value());
  const std::string marker = directory_ + "/installed";
  std::ofstream(marker) << listener->name();
  auto agent = Channel::connect(marker, 10'000);
  auto out = make_pipe();
  auto err = make_pipe();
  ASSERT_TRUE(agent && out && err);
  ASSERT_TRUE(agent->send(Message::kHello, {}, {out->read.get(), err->read.get()}));
  ASSERT_TRUE(agent->send(Message::kReady));
  auto exec = std::async(std::launch::async, [&] {
    // A second longer than the time that it was allowed.
    const auto told = wait_ready(agent->fd(), POLLIN, -1, Monotonic::now() + std::chrono::seconds(2));
    agent->close();
    return told ? std::string("something") : std::string("nothing");
  });
  const NoWork source;
  const NoOrders orders;
  const Event no_signal;
  Relay relay(*listener, source, orders, no_signal.fd(), 1024);
  const auto before = processor_time_of_this_thread();
  const auto run = relay.run(std::chrono::seconds(0));
  EXPECT_LT(processor_time_of_this_thread() - before, std::chrono::milliseconds(200));
  EXPECT_EQ(exec.get(), "nothing");
  EXPECT_EQ(run.exit.how, api::ExitHow::kNotStarted);
}

INSTANTIATE_TEST_SUITE_P(PodsAndStandbys, RelayTest, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "standby" : "pod"; });

}  // namespace
}  // namespace modelrun::sandbox
