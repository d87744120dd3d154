#include "controller/pods/point_rows.h"

#include <gtest/gtest.h>

#include "fakes/manual_clock.h"

namespace modelrun::controller {
namespace {

std::string row(std::int64_t point, bool ok = true) {
  api::PointRow made;
  made.point = point;
  made.phase = ok ? api::PointPhase::kSucceeded : api::PointPhase::kFailed;
  made.message = ok ? "" : "it failed";
  return api::encode_row(made);
}

std::vector<std::string> many(std::int64_t first, std::int64_t count) {
  std::vector<std::string> rows;
  for (std::int64_t i = 0; i < count; ++i) rows.push_back(row(first + i));
  return rows;
}

class PointRowsTest : public ::testing::Test {
 protected:
  // Nothing is stored, and attempt `attempt` is the current one.
  void known(int attempt = 1, std::vector<std::int64_t> done = {}) {
    PointRows::Stored stored;
    stored.done.resize(200);
    for (const auto point : done) stored.done[static_cast<std::size_t>(point)] = true;
    rows_.set_stored("uid", attempt, std::move(stored));
  }
  // "held/stored", or the error; "" while there is no answer.
  std::string& report(std::int64_t from, const std::vector<std::string>& rows, bool last = false, int attempt = 1) {
    auto& answer = *answers_.emplace_back(std::make_unique<std::string>());
    due_ = rows_.add("uid", "n", attempt, {from, last, rows}, [&answer](const Result<api::RowReceipt>& receipt) {
      answer = receipt ? fmt::format("{}/{}", receipt->held, receipt->stored) : receipt.error().message;
    });
    return answer;
  }
  void note_stored(std::int64_t first, const std::vector<std::string>& rows) {
    rows_.note_stored("uid", 1, first, rows, "map-1", "map-uid", 7, 100);
  }

  fakes::ManualSteadyClock clock_;
  PointRows rows_{clock_};
  bool due_ = false;
  std::vector<std::unique_ptr<std::string>> answers_;
};

TEST_F(PointRowsTest, NothingIsTakenBeforeItIsKnownWhatIsStored) {
  EXPECT_NE(report(0, {row(0)}).find("being read"), std::string::npos);
  known();
  EXPECT_EQ(report(0, {row(0)}), "1/0");
}

TEST_F(PointRowsTest, AnAgentThatDoesNotKnowWhatIsHeldIsTold) {
  known();
  EXPECT_EQ(report(4, {row(4)}), "0/0") << "it sends from 0 on";
  EXPECT_EQ(report(0, {row(0), row(1)}), "2/0");
  EXPECT_EQ(report(0, {row(0), row(1), row(2)}), "3/0") << "what is held is not taken twice";
  EXPECT_EQ(rows_.read("uid")->waiting.size(), 3U);
  note_stored(0, {row(0), row(1)});
  EXPECT_EQ(report(3, {}), "3/2");
  EXPECT_EQ(rows_.read("uid")->waiting.size(), 1U);
  EXPECT_EQ(rows_.read("uid")->stored.of_attempt, 2);
}

TEST_F(PointRowsTest, ARunIsDueForTheFirstRowAndForMany) {
  known();
  report(0, {row(0)});
  EXPECT_TRUE(due_);
  report(1, {row(1)});
  EXPECT_FALSE(due_);
  report(2, many(2, 98));
  EXPECT_TRUE(due_);
}

TEST_F(PointRowsTest, TheLastReportIsAnsweredWhenAllIsStored) {
  known();
  auto& answer = report(0, {row(0)}, /*last=*/true);
  EXPECT_EQ(answer, "");
  EXPECT_TRUE(rows_.read("uid")->wanted);
  note_stored(0, {row(0)});
  EXPECT_EQ(answer, "1/1");
  EXPECT_EQ(report(1, {}, /*last=*/true), "1/1") << "at once: nothing waits";
  const auto last = rows_.last_map("uid");
  EXPECT_EQ(std::pair(last.uid, last.version), (std::pair<std::string, std::uint64_t>("map-uid", 7)));
}

TEST_F(PointRowsTest, WhatIsNoRowOfTheRunIsRefused) {
  known(1, {3});
  EXPECT_NE(report(0, {row(200)}).find("has no point 200"), std::string::npos);
  EXPECT_NE(report(0, {row(3)}).find("has a row already"), std::string::npos);
  EXPECT_NE(report(0, {"{}"}).find("row"), std::string::npos);
  EXPECT_TRUE(rows_.read("uid")->waiting.empty());
  EXPECT_NE(report(0, {row(4), row(4)}).find("has a row already"), std::string::npos);
}

TEST_F(PointRowsTest, AnEarlierAttemptHasNoSay) {
  known(2);
  EXPECT_EQ(report(0, {row(0)}, false, 1), "this attempt is over");
  auto& answer = report(0, {row(0)}, /*last=*/true, 2);
  known(3);
  EXPECT_EQ(answer, "this attempt is over");
  EXPECT_TRUE(rows_.read("uid")->waiting.empty());
}

TEST_F(PointRowsTest, ANamespaceHasItsShare) {
  std::size_t taken = 0;
  const auto fill = [&](const std::string& uid, const std::string& space) {
    PointRows::Stored stored;
    stored.done.resize(200);
    rows_.set_stored(uid, 1, std::move(stored));
    std::string refusal;
    for (std::int64_t i = 0; i < 200 && refusal.empty(); ++i) {
      api::PointRow large;
      large.point = i;
      large.outputs = nlohmann::json{{"text", std::string(api::kMaxRowOutputs - 32, 'x')}};
      const auto text = api::encode_row(large);
      rows_.add(uid, space, 1, {i, false, {text}}, [&](const Result<api::RowReceipt>& receipt) {
        if (!receipt) refusal = receipt.error().message;
      });
      if (refusal.empty()) taken += text.size();
    }
    return refusal;
  };
  EXPECT_EQ(fill("run-1", "n"), "");
  EXPECT_NE(fill("run-2", "n").find("no room"), std::string::npos);
  EXPECT_LE(taken, kWaitingRowShare);
  EXPECT_GT(taken, kWaitingRowShare - 64 * 1024);
  EXPECT_EQ(fill("run-3", "m"), "") << "others have their own";
}

TEST_F(PointRowsTest, ThePointsAreAskedForAndGiven) {
  known(1, {0, 1, 4});
  std::vector<std::string> answers;
  const auto ask = [&] {
    rows_.ask("uid", 1,
              [&](const Result<std::string>& text) { answers.push_back(text ? *text : text.error().message); });
  };
  ask();
  ask();
  EXPECT_EQ(answers.size(), 1U) << "the pod has asked again";
  const auto give = rows_.take_request("uid", 1);
  ASSERT_TRUE(give);
  give(std::string("list"));
  EXPECT_EQ(answers.back(), "list");
  EXPECT_FALSE(rows_.take_request("uid", 1));
  using Ranges = std::vector<std::pair<std::int64_t, std::int64_t>>;
  EXPECT_EQ(rows_.list_of("uid").done, (Ranges{{0, 1}, {4, 4}}));
}

TEST_F(PointRowsTest, EverybodyIsAnsweredAtTheEnd) {
  known();
  auto& answer = report(0, {row(0)}, /*last=*/true);
  rows_.forget("uid");
  EXPECT_EQ(answer, "this attempt is over");
  known();
  auto& other = report(0, {row(0)}, /*last=*/true);
  rows_.close();
  EXPECT_NE(other.find("no longer leads"), std::string::npos);
  EXPECT_NE(report(0, {}).find("no longer leads"), std::string::npos);
}

}  // namespace
}  // namespace modelrun::controller
