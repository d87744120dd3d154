// The relay between a source that ends when it likes and an `exec` that is played by the test.
#include "sandbox/relay.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <time.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
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
    return Relay(Layout(), *listener_, source, orders_, nullptr, no_signal_.fd(), 1024).run(connect);
  }
  // The next message of the agent, if it comes within `time`.
  std::optional<Message> told_within(std::chrono::milliseconds time) {
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

// ---- Points ------------------------------------------------------------------------------------------------------

class PointSource : public EndedSource {
 public:
  explicit PointSource(api::PointList list) : EndedSource(/*standby=*/false), list_(std::move(list)) {}
  [[nodiscard]] bool awaits_ready() const override { return true; }
  [[nodiscard]] const api::PointList* points() const override { return &list_; }

 private:
  api::PointList list_;
};

class KeptRows : public RowSink {
 public:
  void add(std::string row) override { rows.push_back(std::move(row)); }
  [[nodiscard]] bool has_room() const override { return room; }
  [[nodiscard]] bool refused() const override { return refuses; }
  [[nodiscard]] const Wakeup& changed() const override { return changed_; }
  [[nodiscard]] const Event& over() const override { return over_; }

  std::vector<std::string> rows;
  std::atomic<bool> room = true;
  std::atomic<bool> refuses = false;
  Wakeup changed_;
  Event over_;
};

api::PointList points(std::size_t count) {
  api::PointList list;
  list.timeout = std::chrono::seconds(7);
  for (std::size_t i = 0; i < count; ++i) list.points.push_back(fmt::format(R"({{"i":{}}})", i));
  return list;
}

std::string exit_text(api::ExitHow how, std::optional<int> code, std::optional<int> signal = {}) {
  api::ExitRecord record;
  record.how = how;
  record.code = code;
  record.signal = signal;
  return api::json_text(api::exit_to_json(record));
}

class PointsTest : public RelayTest {
 protected:
  void SetUp() override {
    RelayTest::SetUp();
    ASSERT_NE(::mkdtemp(root_.data()), nullptr);
    layout_ = Layout(root_);
    fs::create_directories(root_ + "/inputs");
    fs::create_directories(root_ + "/outputs");
    ASSERT_TRUE(exec_.send(Message::kReady));
  }
  ~PointsTest() override { fs::remove_all(root_); }

  RelayedRun relay_points(api::PointList list) {
    return Relay(layout_, *listener_, PointSource(std::move(list)), orders_, &rows_, no_signal_.fd(), 1024)
        .run(std::chrono::seconds(20));
  }
  Message next() { return next_packet().type; }
  Packet next_packet() {
    if (!wait_ready(exec_.fd(), POLLIN, -1, Monotonic::now() + std::chrono::seconds(20)))
      return {Message::kHello, "", {}};
    auto packet = exec_.receive();
    return packet ? *std::move(packet) : Packet{Message::kHello, "", {}};
  }
  // Plays `exec` up to the end of the run; `point` ends each point and returns its record.
  void play(const std::function<std::string(const std::string& parameters)>& point) {
    EXPECT_EQ(next(), Message::kGo);
    (void)exec_.send(Message::kStarted, "2026-01-01T00:00:00Z process");
    auto packet = next_packet();
    for (; packet.type == Message::kPoint; packet = next_packet()) {
      EXPECT_EQ(packet.payload, "7");
      std::ifstream file(root_ + "/inputs/parameters.json");
      (void)exec_.send(Message::kPointEnded, point({std::istreambuf_iterator<char>(file), {}}));
    }
    ended_with_ = packet.type;
    (void)exec_.send(Message::kExit, exit_text(api::ExitHow::kExited, 0));
  }
  void leave(const std::string& name, const std::string& text) const {
    std::ofstream(root_ + "/outputs/" + name) << text;
  }
  api::PointRow row(std::size_t index) const {
    auto decoded = api::decode_row(rows_.rows.at(index));
    EXPECT_TRUE(decoded) << rows_.rows.at(index);
    return decoded ? *decoded : api::PointRow();
  }

  std::string root_ = testing::TempDir() + "points-XXXXXX";
  Layout layout_;
  KeptRows rows_;
  Message ended_with_ = Message::kHello;
};

TEST_F(RelayTest, TheExecOfARunWithPointsGoesWhenItIsReady) {
  auto exec = std::async(std::launch::async, [this] {
    EXPECT_EQ(told_within(std::chrono::milliseconds(200)), std::nullopt);
    (void)exec_.send(Message::kReady);
    EXPECT_EQ(told_within(std::chrono::seconds(20)), Message::kGo);
    (void)exec_.send(Message::kExit, exit_text(api::ExitHow::kExited, 0));
  });
  EXPECT_EQ(relay(PointSource(points(1)), std::chrono::seconds(20)).exit.how, api::ExitHow::kExited);
  exec.get();
}

TEST_F(PointsTest, EachPointIsExecutedWithItsParametersAndMakesARow) {
  auto exec = std::async(std::launch::async, [this] {
    play([this](const std::string& parameters) {
      leave("seen.json", parameters);
      (void)exec_.send(Message::kStderr, "noise of " + parameters);
      return exit_text(api::ExitHow::kExited, 0);
    });
  });
  const auto run = relay_points(points(3));
  exec.get();
  EXPECT_EQ(run.exit.how, api::ExitHow::kExited);
  EXPECT_EQ(run.at_point, std::nullopt);
  ASSERT_EQ(rows_.rows.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(row(i).point, i);
    EXPECT_EQ(row(i).phase, api::PointPhase::kSucceeded);
    EXPECT_EQ(row(i).outputs->text(), fmt::format(R"({{"seen":{{"i":{}}}}})", i));
    EXPECT_EQ(row(i).err, "");
  }
  EXPECT_EQ(ended_with_, Message::kNoMorePoints);
  EXPECT_EQ(run.err.total_bytes, 3 * std::string("noise of {'i':0}").size());
}

TEST_F(PointsTest, PointsThatAreDoneAreLeftOut) {
  auto exec = std::async(std::launch::async,
                         [this] { play([](const std::string&) { return exit_text(api::ExitHow::kExited, 0); }); });
  auto list = points(8);
  list.done = {{0, 1}, {3, 3}, {6, 7}};
  relay_points(std::move(list));
  exec.get();
  std::vector<std::int64_t> ran;
  for (std::size_t i = 0; i < rows_.rows.size(); ++i) ran.push_back(row(i).point);
  EXPECT_EQ(ran, (std::vector<std::int64_t>{2, 4, 5}));
}

TEST_F(PointsTest, ARunWhosePointsAreAllDoneEndsAtOnce) {
  auto exec = std::async(std::launch::async, [this] { play([](const std::string&) { return ""; }); });
  auto list = points(2);
  list.done = {{0, 1}};
  EXPECT_EQ(relay_points(std::move(list)).exit.how, api::ExitHow::kExited);
  exec.get();
  EXPECT_EQ(ended_with_, Message::kNoMorePoints);
  EXPECT_TRUE(rows_.rows.empty());
}

TEST_F(PointsTest, StopsWhenMoreHaveFailedThanMay) {
  auto exec = std::async(std::launch::async, [this] {
    play([](const std::string&) { return exit_text(api::ExitHow::kSignaled, {}, 11); });
  });
  auto list = points(10);
  list.failed = 1;
  list.max_failed = 3;
  relay_points(std::move(list));
  exec.get();
  ASSERT_EQ(rows_.rows.size(), 3U) << "the first of another attempt, and three here: more than three";
  EXPECT_EQ(row(0).reason, "Signaled");
  EXPECT_EQ(row(0).message, "the model was killed by SIGSEGV");
  EXPECT_EQ(row(0).exit_code, 139);
}

TEST_F(PointsTest, TheEndOfStderrIsThePointsOwn) {
  auto exec = std::async(std::launch::async, [this] {
    play([this](const std::string& parameters) {
      (void)exec_.send(Message::kStderr, std::string(3000, 'x'));
      (void)exec_.send(Message::kStderr, "why " + parameters);
      return exit_text(api::ExitHow::kExited, parameters == R"({"i":0})" ? 1 : 3);
    });
  });
  relay_points(points(2));
  exec.get();
  EXPECT_EQ(row(0).err, std::string(api::kMaxRowErr - 11, 'x') + R"(why {"i":0})");
  EXPECT_EQ(row(1).err, std::string(api::kMaxRowErr - 11, 'x') + R"(why {"i":1})");
  EXPECT_EQ(row(1).message, "the model exited with code 3; see stderr");
}

TEST_F(PointsTest, NoPointBeginsWhileThereIsNoRoomForItsRow) {
  auto exec = std::async(std::launch::async, [this] {
    play([this](const std::string& parameters) {
      if (parameters != R"({"i":0})") {
        EXPECT_TRUE(rows_.room);
        return exit_text(api::ExitHow::kExited, 0);
      }
      rows_.room = false;
      (void)exec_.send(Message::kPointEnded, exit_text(api::ExitHow::kExited, 0));
      EXPECT_FALSE(wait_ready(exec_.fd(), POLLIN, -1, Monotonic::now() + std::chrono::milliseconds(100)));
      rows_.room = true;
      rows_.changed_.notify();
      EXPECT_EQ(next(), Message::kPoint);
      return exit_text(api::ExitHow::kExited, 0);
    });
  });
  relay_points(points(3));
  exec.get();
  EXPECT_EQ(rows_.rows.size(), 3U);
}

TEST_F(PointsTest, NoPointBeginsOnceRowsAreRefused) {
  auto exec = std::async(std::launch::async, [this] {
    play([this](const std::string&) {
      rows_.refuses = true;
      return exit_text(api::ExitHow::kExited, 0);
    });
  });
  relay_points(points(3));
  exec.get();
  EXPECT_EQ(rows_.rows.size(), 1U);
  EXPECT_EQ(ended_with_, Message::kNoMorePoints);
}

TEST_F(PointsTest, AnAttemptThatIsOverIsCancelled) {
  auto exec = std::async(std::launch::async, [this] {
    EXPECT_EQ(next(), Message::kGo);
    (void)exec_.send(Message::kStarted, "2026-01-01T00:00:00Z process");
    EXPECT_EQ(next(), Message::kPoint);
    rows_.over_.raise();
    EXPECT_EQ(next(), Message::kCancel);
    (void)exec_.send(Message::kExit, exit_text(api::ExitHow::kCancelled, {}, 15));
  });
  EXPECT_EQ(relay_points(points(3)).exit.how, api::ExitHow::kCancelled);
  exec.get();
}

TEST_F(PointsTest, ALostSandboxNamesThePointThatItWasAt) {
  auto exec = std::async(std::launch::async, [this] {
    EXPECT_EQ(next(), Message::kGo);
    (void)exec_.send(Message::kStarted, "2026-01-01T00:00:00Z process");
    EXPECT_EQ(next(), Message::kPoint);
    (void)exec_.send(Message::kPointEnded, exit_text(api::ExitHow::kExited, 0));
    EXPECT_EQ(next(), Message::kPoint);
    exec_.close();
    out_->write.reset();
    err_->write.reset();
  });
  const auto run = relay_points(points(3));
  exec.get();
  EXPECT_EQ(run.exit.how, api::ExitHow::kLost);
  EXPECT_EQ(run.at_point, 1);
  EXPECT_EQ(rows_.rows.size(), 1U);
}

// `exec` may find only at a point that it cannot go on.
TEST_F(PointsTest, ASetupThatFailsAtAPointIsNoEndOfTheModel) {
  auto exec = std::async(std::launch::async, [this] {
    EXPECT_EQ(next(), Message::kGo);
    (void)exec_.send(Message::kStarted, "2026-01-01T00:00:00Z process");
    EXPECT_EQ(next(), Message::kPoint);
    (void)exec_.send(Message::kSetupFailed, "/outputs could not be emptied");
    exec_.close();
  });
  const auto run = relay_points(points(3));
  exec.get();
  EXPECT_EQ(run.exit.how, api::ExitHow::kNotStarted);
  ASSERT_TRUE(run.error);
  EXPECT_EQ(run.error->reason, "SandboxSetupFailed");
  EXPECT_EQ(run.error->message, "/outputs could not be emptied");
}

TEST_F(PointsTest, AnEndOfAPointThatDidNotBeginIsALostConnection) {
  auto exec = std::async(std::launch::async, [this] {
    EXPECT_EQ(next(), Message::kGo);
    out_->write.reset();
    err_->write.reset();
    (void)exec_.send(Message::kPointEnded, exit_text(api::ExitHow::kExited, 0));
    EXPECT_EQ(next(), Message::kHello) << "the connection is closed";
  });
  const auto run = relay_points(points(1));
  EXPECT_EQ(run.exit.how, api::ExitHow::kLost);
  EXPECT_TRUE(rows_.rows.empty());
  exec_.close();
  exec.get();
}

}  // namespace
}  // namespace modelrun::sandbox
