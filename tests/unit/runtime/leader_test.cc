#include "runtime/leader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "eventually.h"
#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"

namespace modelrun::runtime {
namespace {

using namespace std::chrono_literals;
using fakes::Fault;

class Candidate {
 public:
  Candidate(kube::Transport& transport, const std::string& identity, const Clock& wall, SteadyClock& clock)
      : client_(transport),
        elector_(client_, {.namespace_ = "n", .lease = "l", .identity = identity, .seed = 1},
                 {[this] { ++started; }, [this] { ++stopped; }}, wall, clock) {}
  ~Candidate() { stop(); }
  void start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { elector_.run(stop); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
  }
  [[nodiscard]] bool leads() const { return elector_.is_leader(); }
  [[nodiscard]] const LeaderElector& elector() const { return elector_; }
  std::atomic<int> started{0};
  std::atomic<int> stopped{0};

 private:
  kube::Client client_;
  LeaderElector elector_;
  std::jthread thread_;
};

class LeaderTest : public ::testing::Test {
 protected:
  bool advance_until(const std::function<bool()>& done, SteadyClock::Span step = 500ms) {
    return eventually([&] {
      if (clock_.waiting() >= waiters_) clock_.advance(step);
      std::this_thread::yield();
      return done();
    });
  }
  std::string holder() const {
    const auto lease = server_.find(kube::kLeases, "n", "l");
    return lease ? (*lease)["spec"].value("holderIdentity", "") : "none";
  }
  int waiters_ = 1;
  fakes::ManualClock wall_;
  fakes::ManualSteadyClock clock_;
  fakes::FakeApiServer server_{wall_};
  Candidate a_{server_, "a", wall_, clock_};
  Candidate b_{server_, "b", wall_, clock_};
};

TEST_F(LeaderTest, FirstLeadsRenewsAndReleases) {
  a_.start();
  ASSERT_TRUE(eventually([&] { return a_.leads() && a_.started == 1; }));
  EXPECT_EQ(holder(), "a");
  const int before = server_.writes();
  ASSERT_TRUE(advance_until([&] { return server_.writes() >= before + 5; }));
  EXPECT_TRUE(a_.leads());
  EXPECT_EQ(a_.started, 1);
  a_.stop();
  EXPECT_EQ(a_.stopped, 1);
  EXPECT_FALSE(a_.leads());
  EXPECT_EQ(holder(), "");
  const auto lease = server_.find(kube::kLeases, "n", "l");
  EXPECT_EQ((*lease)["spec"]["leaseTransitions"], 0);
}

TEST_F(LeaderTest, SecondWaitsThenTakesAReleasedLeaseAtOnce) {
  a_.start();
  ASSERT_TRUE(eventually([&] { return a_.leads(); }));
  b_.start();
  waiters_ = 2;
  ASSERT_TRUE(advance_until([&] { return b_.elector().leader() == "a"; }));
  EXPECT_FALSE(b_.leads());
  a_.stop();
  waiters_ = 1;
  const auto released = clock_.now();
  ASSERT_TRUE(advance_until([&] { return b_.leads(); }));
  EXPECT_LT(clock_.now() - released, 10s);
  EXPECT_EQ((*server_.find(kube::kLeases, "n", "l"))["spec"]["leaseTransitions"], 1);
}

TEST_F(LeaderTest, DeadLeaderIsReplacedAfterItsDurationByOurClock) {
  // A holder that never renews, with a clock far in the future.
  server_.put(
      kube::kLeases,
      {{"metadata", {{"name", "l"}, {"namespace", "n"}}},
       {"spec",
        {{"holderIdentity", "dead"}, {"leaseDurationSeconds", 15}, {"renewTime", "2099-01-01T00:00:00.000000Z"}}}});
  const auto begin = clock_.now();
  a_.start();
  ASSERT_TRUE(advance_until([&] { return a_.leads(); }));
  EXPECT_GE(clock_.now() - begin, 15s);
  EXPECT_LT(clock_.now() - begin, 20s);
}

TEST_F(LeaderTest, GivesUpAtItsDeadlineWhenTheServerIsAway) {
  a_.start();
  ASSERT_TRUE(eventually([&] { return a_.leads() && clock_.waiting() == 1; }));
  const auto begin = clock_.now();
  server_.set_hook([](const kube::Request&, int) { return Fault::kDropBefore; });
  ASSERT_TRUE(advance_until([&] { return a_.stopped == 1; }));
  EXPECT_LE(clock_.now() - begin, 11s);
  EXPECT_FALSE(a_.leads());
  server_.set_hook({});
  EXPECT_TRUE(advance_until([&] { return a_.started == 2; }));
}

TEST_F(LeaderTest, KnowsAfterASleepThatItsTimeIsOver) {
  a_.start();
  ASSERT_TRUE(eventually([&] { return a_.leads() && clock_.waiting() == 1; }));
  server_.set_hook([](const kube::Request&, int) { return Fault::kDropBefore; });  // else it may renew at once
  clock_.advance(11s);  // as after SIGSTOP and SIGCONT: no callback has run yet
  EXPECT_FALSE(a_.leads());
}

TEST_F(LeaderTest, LosesToWhoeverHoldsTheLease) {
  a_.start();
  ASSERT_TRUE(eventually([&] { return a_.leads() && clock_.waiting() == 1; }));
  auto lease = *server_.find(kube::kLeases, "n", "l");
  lease["spec"]["holderIdentity"] = "thief";
  server_.put(kube::kLeases, lease);
  const auto begin = clock_.now();
  ASSERT_TRUE(advance_until([&] { return a_.stopped == 1; }));
  EXPECT_LT(clock_.now() - begin, 5s) << "at the next renewal, not at the deadline";
  EXPECT_EQ(holder(), "thief");
}

TEST_F(LeaderTest, LostAnswerIsNoLoss) {
  std::atomic<int> faults{0};
  server_.set_hook([&](const kube::Request&, int write) {
    if (write == 1 || write == 3) {
      ++faults;
      return Fault::kDropAfter;
    }
    return Fault::kNone;
  });
  a_.start();
  ASSERT_TRUE(advance_until([&] { return server_.writes() >= 6; }));
  EXPECT_EQ(faults, 2);
  EXPECT_TRUE(eventually([&] { return a_.leads(); }));
  EXPECT_EQ(a_.stopped, 0);
}

}  // namespace
}  // namespace modelrun::runtime
