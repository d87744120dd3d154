// Which rows are sent again, and when the reporter ends.
#include "sandbox/row_reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <condition_variable>
#include <mutex>

namespace modelrun::sandbox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

UnstoredRows rows_of(int count) {
  UnstoredRows rows;
  for (int i = 0; i < count; ++i) rows.add(std::to_string(i));
  return rows;
}

// ---- UnstoredRows ------------------------------------------------------------------------------------------------
TEST(UnstoredRows, WhatIsNotHeldIsSentAgain) {
  UnstoredRows rows = rows_of(3);
  EXPECT_THAT(rows.report(false).rows, ElementsAre("0", "1", "2"));
  EXPECT_TRUE(rows.has_unsent());
  EXPECT_TRUE(rows.take({.held = 2, .stored = 1}));
  EXPECT_EQ(rows.first(), 1);
  EXPECT_EQ(rows.report(false).from, 2);
  EXPECT_THAT(rows.report(false).rows, ElementsAre("2"));
  EXPECT_TRUE(rows.take({.held = 3, .stored = 1}));
  EXPECT_FALSE(rows.has_unsent());
  EXPECT_THAT(rows.report(false).rows, IsEmpty());
}

TEST(UnstoredRows, ARestartedOperatorGetsWhatItHasNotStored) {
  UnstoredRows rows = rows_of(5);
  EXPECT_TRUE(rows.take({.held = 5, .stored = 2}));
  EXPECT_FALSE(rows.take({.held = 2, .stored = 2}));
  const auto report = rows.report(true);
  EXPECT_EQ(report.from, 2);
  EXPECT_TRUE(report.last);
  EXPECT_THAT(report.rows, ElementsAre("2", "3", "4"));
}

TEST(UnstoredRows, NumbersThatMakeNoSense) {
  UnstoredRows rows = rows_of(3);
  rows.take({.held = 2, .stored = 2});
  rows.take({.held = 0, .stored = 0});
  EXPECT_EQ(rows.report(false).from, 2) << "what was stored is gone";
  rows.take({.held = 1'000'000, .stored = 1'000'000});
  EXPECT_TRUE(rows.empty());
  EXPECT_EQ(rows.first(), 3);
  rows.add("3");
  EXPECT_EQ(rows.report(false).from, 3);
  EXPECT_THAT(rows.report(false).rows, ElementsAre("3"));
}

TEST(UnstoredRows, AReportIsBounded) {
  UnstoredRows rows;
  const std::string row(30'000, 'x');
  while (rows.has_room()) rows.add(row);
  const auto report = rows.report(true);
  EXPECT_LE(api::encode_report(report).size(), api::kMaxReportBytes);
  EXPECT_GE(report.rows.size(), 15U);
  EXPECT_FALSE(report.last) << "there are more";
  ASSERT_TRUE(api::decode_report(api::encode_report(report)));
}

TEST(UnstoredRows, RoomIsBoundedByNumberAndBytes) {
  UnstoredRows rows;
  std::size_t count = 0;
  for (; rows.has_room(); ++count) rows.add("{}");
  EXPECT_EQ(count, api::kMaxUnstoredRows) << "a frame takes no more";
  EXPECT_TRUE(api::decode_report(api::encode_report(rows.report(true))));
  rows.take({.held = 1, .stored = 1});
  EXPECT_TRUE(rows.has_room());

  UnstoredRows large;
  for (count = 0; large.has_room(); ++count) large.add(std::string(api::kMaxRowBytes, 'x'));
  EXPECT_EQ(count, api::kMaxUnstoredBytes / api::kMaxRowBytes);
}

// ---- RowReporter -------------------------------------------------------------------------------------------------
// Plays the run server: takes rows, and answers as it is told.
class Server {
 public:
  Result<api::RowReceipt> take(const api::RowReport& report) {
    const std::lock_guard lock(mutex_);
    ++asked_;
    changed_.notify_all();
    if (failures_ > 0) {
      --failures_;
      return std::unexpected(failure_);
    }
    last_ = last_ || report.last;
    const auto held = static_cast<std::int64_t>(rows_.size());
    for (std::int64_t i = held - report.from; i >= 0 && i < std::ssize(report.rows); ++i) {
      rows_.push_back(report.rows[static_cast<std::size_t>(i)]);
    }
    if (stores_) stored_ = std::ssize(rows_);
    return api::RowReceipt{std::ssize(rows_), stored_};
  }
  void fail_next(int times, ErrorKind kind) {
    const std::lock_guard lock(mutex_);
    failures_ = times;
    failure_ = {kind, "no"};
  }
  void store(bool yes) {
    const std::lock_guard lock(mutex_);
    stores_ = yes;
  }
  // What has come is lost but for what is stored, as in a restart.
  void restart() {
    const std::lock_guard lock(mutex_);
    rows_.resize(static_cast<std::size_t>(stored_));
  }
  bool await_rows(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return rows_.size() >= count; });
  }
  std::vector<std::string> rows() {
    const std::lock_guard lock(mutex_);
    return rows_;
  }
  bool last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> rows_;
  std::int64_t stored_ = 0;
  bool stores_ = true;
  bool last_ = false;
  int failures_ = 0;
  int asked_ = 0;
  Error failure_;
};

class RowReporterTest : public testing::Test {
 protected:
  RowReporter::Left finish(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    return reporter_.finish(limit, -1, limit);
  }
  Server server_;
  RowReporter reporter_{[this](const api::RowReport& report, int) { return server_.take(report); }};
};

TEST_F(RowReporterTest, RowsComeAsTheyAreAddedAndAreStoredAtTheEnd) {
  reporter_.add("0");
  ASSERT_TRUE(server_.await_rows(1));
  reporter_.add("1");
  const auto left = finish();
  EXPECT_THAT(server_.rows(), ElementsAre("0", "1"));
  EXPECT_THAT(left.rows, IsEmpty());
  EXPECT_EQ(left.first, 2);
}

TEST_F(RowReporterTest, TransientFailuresCostNoRow) {
  server_.fail_next(4, ErrorKind::kUnavailable);
  for (int i = 0; i < 20; ++i) reporter_.add(std::to_string(i));
  EXPECT_THAT(finish().rows, IsEmpty());
  EXPECT_EQ(server_.rows().size(), 20U);
  EXPECT_EQ(server_.rows().back(), "19");
}

TEST_F(RowReporterTest, WhatARestartHasLostIsSentAgainOnce) {
  reporter_.add("0");
  ASSERT_TRUE(server_.await_rows(1));
  server_.store(false);
  reporter_.add("1");
  ASSERT_TRUE(server_.await_rows(2));
  server_.restart();
  server_.store(true);
  reporter_.add("2");
  EXPECT_THAT(finish().rows, IsEmpty());
  EXPECT_THAT(server_.rows(), ElementsAre("0", "1", "2"));
}

TEST_F(RowReporterTest, WhatIsNotStoredInTimeIsGivenBack) {
  server_.store(false);
  reporter_.add("0");
  reporter_.add("1");
  const auto left = finish(std::chrono::milliseconds(300));
  EXPECT_THAT(left.rows, ElementsAre("0", "1"));
  EXPECT_EQ(left.first, 0);
  EXPECT_TRUE(server_.last());
}

TEST_F(RowReporterTest, RoomComesWhenRowsAreStoredThoughNoneIsAdded) {
  server_.store(false);
  while (reporter_.has_room()) reporter_.add("x");
  ASSERT_TRUE(server_.await_rows(api::kMaxUnstoredRows));
  EXPECT_FALSE(reporter_.has_room());
  server_.store(true);
  while (!reporter_.has_room()) {
    ASSERT_TRUE(wait_ready(reporter_.changed().fd(), POLLIN, -1, Monotonic::now() + std::chrono::seconds(20)));
    reporter_.changed().take();
  }
}

TEST_F(RowReporterTest, AnAttemptThatIsOver) {
  server_.fail_next(1, ErrorKind::kConflict);
  reporter_.add("0");
  ASSERT_TRUE(wait_ready(reporter_.over().fd(), POLLIN, -1, Monotonic::now() + std::chrono::seconds(20)));
  EXPECT_TRUE(reporter_.refused());
  const auto left = finish();
  EXPECT_THAT(left.rows, ElementsAre("0"));
  EXPECT_EQ(left.refusal, "no");
}

TEST_F(RowReporterTest, RefusedForGood) {
  for (const auto kind : {ErrorKind::kDenied, ErrorKind::kNotFound}) {
    Server server;
    RowReporter reporter([&](const api::RowReport& report, int) { return server.take(report); });
    server.fail_next(1, kind);
    reporter.add("0");
    while (!reporter.refused()) {
      ASSERT_TRUE(wait_ready(reporter.changed().fd(), POLLIN, -1, Monotonic::now() + std::chrono::seconds(20)));
      reporter.changed().take();
    }
    EXPECT_FALSE(reporter.over().raised());
    EXPECT_THAT(reporter.finish(std::chrono::seconds(20), -1, {}).rows, ElementsAre("0"));
    EXPECT_THAT(server.rows(), IsEmpty());
  }
}

TEST_F(RowReporterTest, HurriesWhenThePodIsBeingEnded) {
  server_.store(false);
  reporter_.add("0");
  const Event hurry;
  hurry.raise();
  const auto begun = Monotonic::now();
  EXPECT_THAT(reporter_.finish(std::chrono::hours(1), hurry.fd(), std::chrono::milliseconds(50)).rows,
              ElementsAre("0"));
  EXPECT_LT(Monotonic::now() - begun, std::chrono::seconds(20));
}

}  // namespace
}  // namespace modelrun::sandbox
