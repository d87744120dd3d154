#include "source/single_flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>
#include <vector>

namespace modelrun::source {
namespace {

TEST(SingleFlight, OneWorksTheOthersWait) {
  SingleFlight<int> flights;
  std::latch begun(1);
  std::latch go(1);
  std::atomic<int> worked{0};
  std::jthread first([&] {
    EXPECT_EQ(*flights.run("k", {},
                           [&]() -> Result<int> {
                             begun.count_down();
                             go.wait();
                             return ++worked;
                           }),
              1);
  });
  begun.wait();
  // Another key does not wait.
  EXPECT_EQ(*flights.run("other", {}, []() -> Result<int> { return 7; }), 7);
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = flights.run("k", stop.get_token(), [&]() -> Result<int> { return ++worked; });
  EXPECT_EQ(stopped.error().kind, ErrorKind::kCancelled);
  go.count_down();
}

TEST(SingleFlight, AnotherTakesOverFromOneWhoIsStopped) {
  SingleFlight<int> flights;
  std::latch begun(1);
  std::latch go(1);
  std::jthread first([&] {
    const auto given_up = flights.run("k", {}, [&]() -> Result<int> {
      begun.count_down();
      go.wait();
      return fail(ErrorKind::kCancelled, "stopped");
    });
    EXPECT_FALSE(given_up);
  });
  begun.wait();
  std::jthread second([&] { EXPECT_EQ(*flights.run("k", {}, []() -> Result<int> { return 2; }), 2); });
  go.count_down();
}

TEST(SingleFlight, WorkThatThrowsKeepsNobodyWaiting) {
  SingleFlight<int> flights;
  std::latch begun(1);
  std::latch go(1);
  std::jthread first([&] {
    EXPECT_THROW((void)flights.run("k", {},
                                   [&]() -> Result<int> {
                                     begun.count_down();
                                     go.wait();
                                     throw std::bad_alloc();
                                   }),
                 std::bad_alloc);
  });
  begun.wait();
  std::stop_source stop;  // ends a wait for ever, so that the test fails instead of hanging
  std::promise<void> answered;
  std::jthread second([&] {
    const auto answer = flights.run("k", stop.get_token(), []() -> Result<int> { return 2; });
    EXPECT_TRUE(answer || answer.error().kind == ErrorKind::kInternal);
    answered.set_value();
  });
  go.count_down();
  first.join();
  EXPECT_EQ(answered.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  stop.request_stop();
  const auto third = flights.run("k", stop.get_token(), []() -> Result<int> { return 3; });
  ASSERT_TRUE(third) << "the key is free again";
  EXPECT_EQ(*third, 3);
}

}  // namespace
}  // namespace modelrun::source
