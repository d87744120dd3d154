#include "controller/sources/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>
#include <string>

namespace modelrun::controller {
namespace {

constexpr std::chrono::seconds kDeadline{20};

// Waits until `count` is `wanted`, at most kDeadline.
bool reaches(const std::atomic<int>& count, int wanted) {
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (count != wanted && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  return count == wanted;
}

// A task that lasts until it is stopped, as one that asks a silent git server does.
Executor::Task silent(std::atomic<int>& begun) {
  return [&begun](const std::stop_token& stop) {
    ++begun;
    Mutex mutex;
    CondVar never;
    const MutexLock lock(mutex);
    never.wait(mutex, stop, [] { return false; });
  };
}

TEST(ThreadPool, AnOwnerWithManySilentTasksDelaysNobodyElse) {
  std::atomic<int> begun{0}, others{0};
  ThreadPool pool({.threads = 4, .per_owner = 2});
  for (int i = 0; i < 50; ++i) pool.post("greedy", silent(begun));
  ASSERT_TRUE(reaches(begun, 2));
  for (const char* owner : {"one", "two", "three"}) pool.post(owner, [&](const std::stop_token&) { ++others; });
  EXPECT_TRUE(reaches(others, 3));
  EXPECT_EQ(begun, 2) << "no more than two at a time";
}

TEST(ThreadPool, ATenantWithManySilentOwnersDelaysNoOtherTenant) {
  std::atomic<int> begun{0}, others{0}, held{0};
  ThreadPool pool({.threads = 8, .per_owner = 2, .per_tenant = 4});
  for (int i = 0; i < 40; ++i) pool.post("greedy/host-" + std::to_string(i % 20), silent(begun));
  ASSERT_TRUE(reaches(begun, 4));
  // A second tenant of this kind leaves no thread; until then there is one for everybody else.
  for (const char* owner : {"one/host", "two/host-1", "two/host-2", "three"})
    pool.post(owner, [&](const std::stop_token&) { ++others; });
  EXPECT_TRUE(reaches(others, 4));
  for (int i = 0; i < 40; ++i) pool.post("other/host-" + std::to_string(i), silent(held));
  EXPECT_TRUE(reaches(held, 4));
  EXPECT_EQ(begun, 4) << "no more than four at a time";
}

TEST(ThreadPool, TenantsTakeTurnsHoweverManyOwnersTheyHave) {
  Mutex mutex;
  std::string order;
  std::latch posted{1}, done{7};
  ThreadPool pool({.threads = 1, .per_owner = 1, .per_tenant = 1});
  pool.post("first", [&](const std::stop_token&) { posted.wait(); });
  const auto note = [&](char letter) {
    return [&, letter](const std::stop_token&) {
      {
        const MutexLock lock(mutex);
        order += letter;
      }
      done.count_down();
    };
  };
  for (const char* owner : {"a/1", "a/2", "a/3", "a/4", "a/5"}) pool.post(owner, note('a'));
  for (const char* owner : {"b/1", "b/1"}) pool.post(owner, note('b'));
  posted.count_down();
  done.wait();
  const MutexLock lock(mutex);
  EXPECT_EQ(order, "ababaaa");
}

TEST(ThreadPool, ShortTasksBeginAlsoWhenAllThreadsWait) {
  std::atomic<int> begun{0}, done{0};
  ThreadPool pool({.threads = 2, .short_threads = 1, .per_owner = 2});
  for (int i = 0; i < 50; ++i) pool.post("owner " + std::to_string(i), silent(begun));
  ASSERT_TRUE(reaches(begun, 2));
  for (int i = 0; i < 3; ++i) pool.post_short("owner 1", [&](const std::stop_token&) { ++done; });
  EXPECT_TRUE(reaches(done, 3));
}

TEST(ThreadPool, EachTaskIsDoneInTheOrderOfItsOwner) {
  Mutex mutex;
  std::map<std::string, std::vector<int>> done;
  std::atomic<int> count{0};
  ThreadPool pool({.threads = 4, .per_owner = 1});
  for (int i = 0; i < 100; ++i) {
    const auto owner = "owner-" + std::to_string(i % 7);
    pool.post(owner, [&, owner, i](const std::stop_token&) {
      {
        const MutexLock lock(mutex);
        done[owner].push_back(i);
      }
      ++count;
    });
  }
  ASSERT_TRUE(reaches(count, 100));
  const MutexLock lock(mutex);
  for (const auto& [owner, numbers] : done) EXPECT_TRUE(std::ranges::is_sorted(numbers)) << owner;
}

TEST(ThreadPool, ItsEndStopsWhatRunsAndDropsTheRest) {
  std::atomic<int> begun{0};
  {
    ThreadPool pool({.threads = 2, .per_owner = 2});
    for (int i = 0; i < 10; ++i) pool.post("owner", silent(begun));
    ASSERT_TRUE(reaches(begun, 2));
  }
  EXPECT_EQ(begun, 2);
}

}  // namespace
}  // namespace modelrun::controller
