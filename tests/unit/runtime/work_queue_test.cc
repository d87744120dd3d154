#include "runtime/work_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "eventually.h"
#include "fakes/manual_clock.h"
#include "runtime/backoff.h"
#include "runtime/workers.h"

namespace modelrun::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class WorkQueueTest : public ::testing::Test {
 protected:
  fakes::ManualSteadyClock clock_;
  Metrics metrics_;
  WorkQueue queue_{{.name = "q", .rate = {.initial = 5ms, .max = 60s, .jitter = 0}, .seed = 1}, clock_, &metrics_};
};

TEST_F(WorkQueueTest, OnceHoweverOftenAdded) {
  queue_.add("a");
  queue_.add("b");
  queue_.add("a");
  EXPECT_EQ(queue_.depth(), 2U);
  EXPECT_EQ(queue_.try_get(), "a");
  EXPECT_EQ(queue_.try_get(), "b");
  EXPECT_EQ(queue_.try_get(), std::nullopt);
}

TEST_F(WorkQueueTest, NamespacesTakeTurns) {
  for (const char* key : {"a/1", "a/2", "a/3", "a/4", "b/1", "b/2", "c", "a/5"}) queue_.add(key);
  EXPECT_EQ(queue_.depth(), 8U);
  std::vector<std::string> order;
  while (auto key = queue_.try_get()) {
    order.push_back(*key);
    queue_.done(*key);
    if (*key == "a/2") queue_.add("d/1");  // one that comes late has its turn before the rest of a
  }
  EXPECT_THAT(order, ::testing::ElementsAre("a/1", "b/1", "c", "a/2", "b/2", "a/3", "d/1", "a/4", "a/5"));
  EXPECT_EQ(queue_.depth(), 0U);
  EXPECT_TRUE(queue_.idle());
}

TEST_F(WorkQueueTest, ATurnIsNotLostWhileAKeyIsWorkedOn) {
  queue_.add("a/1");
  EXPECT_EQ(queue_.try_get(), "a/1");
  queue_.add("a/1");
  queue_.add("a/2");
  queue_.add("b/1");
  EXPECT_EQ(queue_.try_get(), "a/2");
  queue_.done("a/1");
  EXPECT_EQ(queue_.try_get(), "b/1");
  EXPECT_EQ(queue_.try_get(), "a/1");
  EXPECT_EQ(queue_.try_get(), std::nullopt);
}

TEST_F(WorkQueueTest, NeverTwiceAtOnceAndNeverLost) {
  queue_.add("a");
  EXPECT_EQ(queue_.try_get(), "a");
  queue_.add("a");
  queue_.add("a");
  EXPECT_EQ(queue_.try_get(), std::nullopt);
  queue_.done("a");
  EXPECT_EQ(queue_.try_get(), "a");
  queue_.done("a");
  EXPECT_EQ(queue_.try_get(), std::nullopt);
  EXPECT_TRUE(queue_.idle());
}

TEST_F(WorkQueueTest, EarliestDelayHolds) {
  queue_.add_after("a", 10s);
  queue_.add_after("a", 3s);
  queue_.add_after("a", 20s);
  EXPECT_EQ(queue_.next_due(), clock_.now() + 3s);
  EXPECT_EQ(queue_.try_get(), std::nullopt);
  clock_.advance(3s);
  EXPECT_EQ(queue_.try_get(), "a");
  queue_.done("a");
  clock_.advance(1h);
  EXPECT_EQ(queue_.try_get(), std::nullopt) << "the others are void";
}

TEST_F(WorkQueueTest, AddNowDropsTheDelay) {
  queue_.add_after("a", 10s);
  queue_.add("a");
  EXPECT_EQ(queue_.try_get(), "a");
  queue_.done("a");
  clock_.advance(1min);
  EXPECT_EQ(queue_.try_get(), std::nullopt);
}

TEST_F(WorkQueueTest, DelayThatFallsDueDuringWork) {
  queue_.add("a");
  EXPECT_EQ(queue_.try_get(), "a");
  queue_.add_after("a", 1s);
  clock_.advance(2s);
  EXPECT_EQ(queue_.try_get(), std::nullopt);
  queue_.done("a");
  EXPECT_EQ(queue_.try_get(), "a");
}

TEST_F(WorkQueueTest, RateLimitDoublesUntilForgotten) {
  EXPECT_EQ(queue_.add_rate_limited("a"), 5ms);
  EXPECT_EQ(queue_.add_rate_limited("a"), 10ms);
  EXPECT_EQ(queue_.add_rate_limited("b"), 5ms);
  EXPECT_EQ(queue_.failures("a"), 2U);
  for (int i = 0; i < 100; ++i) queue_.add_rate_limited("a");
  EXPECT_EQ(queue_.add_rate_limited("a"), 60s);
  queue_.forget("a");
  EXPECT_EQ(queue_.add_rate_limited("a"), 5ms);
}

TEST_F(WorkQueueTest, GetWakesForAddForDelayAndForStop) {
  std::atomic<int> got{0};
  std::jthread worker([&](const std::stop_token& stop) {
    while (auto key = queue_.get(stop)) {
      queue_.done(*key);
      ++got;
    }
  });
  queue_.add("a");
  EXPECT_TRUE(eventually([&] { return got == 1; }));
  queue_.add_after("b", 10s);
  queue_.add_after("c", 5s);
  EXPECT_TRUE(eventually([&] { return clock_.waiting() == 1; }));
  clock_.advance(5s);
  EXPECT_TRUE(eventually([&] { return got == 2; }));
  clock_.advance(5s);
  EXPECT_TRUE(eventually([&] { return got == 3; }));
  worker.request_stop();
  worker.join();
}

// Of a process that leads no longer.
TEST_F(WorkQueueTest, ADepthEndsWithItsQueue) {
  {
    WorkQueue gone({.name = "gone"}, clock_, &metrics_);
    gone.add("a");
    EXPECT_THAT(metrics_.text(), HasSubstr("modelrun_queue_depth{queue=\"gone\"} 1"));
  }
  EXPECT_THAT(metrics_.text(), HasSubstr("modelrun_queue_depth{queue=\"gone\"} 0"));
}

TEST_F(WorkQueueTest, ReportsDepthAndWait) {
  queue_.add("a");
  clock_.advance(2s);
  (void)queue_.try_get();
  const auto text = metrics_.text();
  EXPECT_THAT(text, HasSubstr("modelrun_queue_depth{queue=\"q\"} 0"));
  EXPECT_THAT(text, HasSubstr("modelrun_queue_wait_seconds_sum{queue=\"q\"} 2"));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes"));
}

TEST_F(WorkQueueTest, ManyWorkersOneKeyAtATime) {
  std::map<std::string, std::atomic<int>> working;
  for (int i = 0; i < 5; ++i) working[std::to_string(i)] = 0;
  std::atomic<int> overlaps{0};
  std::atomic<int> worked{0};
  RealSteadyClock real;
  WorkQueue queue({.name = "q"}, real);
  Workers workers(
      "w", 4, queue,
      [&](const std::string& key, const std::stop_token&) {
        auto& count = working.at(key);
        if (++count != 1) ++overlaps;
        ++worked;
        --count;
        return done();
      },
      real);
  workers.start();
  for (int i = 0; i < 2000; ++i) queue.add(std::to_string(i % 5));
  EXPECT_TRUE(eventually([&] { return queue.idle(); }));
  workers.stop();
  EXPECT_EQ(overlaps, 0);
  EXPECT_GE(worked, 5);
}

TEST_F(WorkQueueTest, OutcomesReachTheQueue) {
  const auto work = [&](const Reconcile& reconcile) {
    queue_.add("k");
    const auto key = queue_.try_get();
    work_one("c", queue_, *key, reconcile, {}, clock_, &metrics_);
  };
  work([](auto&, auto) { return failed({ErrorKind::kUnavailable, "no"}); });
  EXPECT_EQ(queue_.failures("k"), 1U);
  EXPECT_EQ(queue_.delayed(), 1U);
  work([](auto&, auto) -> ReconcileResult { throw std::runtime_error("bug"); });
  EXPECT_EQ(queue_.failures("k"), 2U);
  work([](auto&, auto) -> ReconcileResult { throw 1; });
  work([](auto&, auto) { return failed({ErrorKind::kConflict, "raced"}); });
  work([](auto&, auto) { return requeue_after(7s); });
  EXPECT_EQ(queue_.failures("k"), 0U);
  EXPECT_EQ(queue_.next_due(), clock_.now() + 7s);
  work([](auto&, auto) { return done(); });
  EXPECT_TRUE(queue_.idle());
  const auto text = metrics_.text();
  for (const char* line : {"result=\"failed\"} 3", "result=\"conflict\"} 1", "result=\"requeue\"} 1",
                           "result=\"done\"} 1", "modelrun_workers_busy{controller=\"c\"} 0"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Backoff, GrowsToTheMaximumWithJitter) {
  Backoff backoff({.initial = 100ms, .max = 1s, .factor = 2, .jitter = 0.5}, 1);
  for (const auto& [low, high] :
       {std::pair{100ms, 150ms}, {200ms, 300ms}, {400ms, 600ms}, {800ms, 1000ms}, {1000ms, 1000ms}}) {
    const auto delay = backoff.next();
    EXPECT_GE(delay, low);
    EXPECT_LE(delay, high);
  }
  backoff.reset();
  EXPECT_LE(backoff.next(), 150ms);
}

}  // namespace
}  // namespace modelrun::runtime
