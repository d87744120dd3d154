// Waking of those who wait for a run.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "gateway/runs/run_waiters.h"
#include "gateway/runs/summary_cache.h"
#include "unit/runtime/eventually.h"

namespace modelrun::gateway {
namespace {

constexpr std::chrono::hours kLong{1};

TEST(RunWaiters, WakesEachOnceByChangeTimeOrStop) {
  RunWaiters room;
  std::atomic<int> by_change = 0, by_time = 0, by_stop = 0, never = 0;
  std::stop_source stop;
  room.enter("a", kLong, {}, [&] { ++by_change; });
  room.enter("a", kLong, {}, [&] { ++by_change; });
  room.enter("b", kLong, stop.get_token(), [&] { ++by_stop; });
  room.enter("b", kLong, {}, [&] { ++never; });
  room.enter("c", std::chrono::milliseconds(1), {}, [&] { ++by_time; });
  room.changed("a");
  room.changed("a");
  room.changed("nobody waits for this");
  stop.request_stop();
  EXPECT_TRUE(eventually([&] { return by_change == 2 && by_time == 1 && by_stop == 1; }));
  room.enter("d", kLong, stop.get_token(), [&] { ++by_stop; });  // it has fired already
  EXPECT_TRUE(eventually([&] { return by_stop == 2; }));
  EXPECT_EQ(never, 0);
  EXPECT_EQ(by_change, 2);
}

TEST(RunWaiters, ShorterWaitIsNotHeldUpByALongerOne) {
  RunWaiters room;
  std::atomic<bool> woken = false;
  room.enter("a", kLong, {}, [] {});
  room.enter("b", std::chrono::milliseconds(1), {}, [&] { woken = true; });
  EXPECT_TRUE(eventually([&] { return woken.load(); }));
}

// Everybody enters again, changes and stops from several threads at once: nobody is forgotten.
TEST(RunWaiters, NobodyIsForgotten) {
  constexpr int kThreads = 4, kRounds = 500;
  std::atomic<int> woken = 0;
  {
    RunWaiters room;
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kRounds; ++i) {
          const auto uid = std::to_string(i % 7);
          std::stop_source stop;
          room.enter(uid, kLong, stop.get_token(), [&] {
            ++woken;
            room.enter("again", std::chrono::milliseconds(0), {}, [&] { ++woken; });
          });
          if ((i + t) % 2 == 0) stop.request_stop();
          room.changed(uid);
        }
      });
    }
    threads.clear();
    EXPECT_TRUE(eventually([&] { return woken == 2 * kThreads * kRounds; })) << woken;
  }
}

api::ModelRun run_in_version(std::uint64_t version) {
  api::ModelRun run;
  run.meta.namespace_ = "ns";
  run.meta.name = "r";
  run.meta.uid = "11111111-2222-3333-4444-555555555555";
  run.meta.resource_version = version;
  return run;
}

TEST(RunCache, TellsOfChangesAlsoOfThoseThatCameBefore) {
  RunCache cache;
  cache.note(run_in_version(7));
  const auto key = summarize(run_in_version(7)).key;
  std::atomic<int> woken = 0;
  cache.notify(key, 7, kLong, {}, [&] { ++woken; });
  cache.note(run_in_version(7));  // nothing new
  EXPECT_EQ(woken, 0);
  cache.note(run_in_version(8));
  EXPECT_TRUE(eventually([&] { return woken == 1; }));
  cache.notify(key, 7, kLong, {}, [&] { ++woken; });  // it is 8 already
  EXPECT_TRUE(eventually([&] { return woken == 2; }));
}

}  // namespace
}  // namespace modelrun::gateway
