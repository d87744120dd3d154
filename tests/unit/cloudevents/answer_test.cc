#include <gtest/gtest.h>

#include "cloudevents/sink.h"

namespace modelrun::cloudevents {
namespace {

using namespace std::chrono_literals;

Answer of(int status, std::optional<std::chrono::seconds> retry_after = {}) {
  return judge(kube::Response{status, "secret words of the receiver", retry_after});
}

TEST(Answer, SaysWhatBecomesOfTheEvent) {
  struct Row {
    int status;
    Outcome outcome;
    std::string_view word;
  };
  for (const auto& row : {Row{200, Outcome::kDelivered, "delivered"}, Row{202, Outcome::kDelivered, "delivered"},
                          Row{204, Outcome::kDelivered, "delivered"}, Row{301, Outcome::kTryAgain, "redirected"},
                          Row{304, Outcome::kTryAgain, "redirected"}, Row{400, Outcome::kTryAgain, "refused"},
                          Row{401, Outcome::kTryAgain, "refused"}, Row{404, Outcome::kTryAgain, "refused"},
                          Row{410, Outcome::kRefused, "gone"}, Row{429, Outcome::kTryAgain, "throttled"},
                          Row{500, Outcome::kTryAgain, "error"}, Row{503, Outcome::kTryAgain, "error"},
                          Row{100, Outcome::kTryAgain, "redirected"}}) {
    const auto answer = of(row.status);
    EXPECT_EQ(answer.outcome, row.outcome) << row.status;
    EXPECT_EQ(answer.word, row.word) << row.status;
    EXPECT_EQ(answer.what.find("secret"), std::string::npos) << answer.what;
  }
}

TEST(Answer, WithoutOneTheEventIsTriedAgain) {
  const auto word = [](ErrorKind kind) {
    const auto answer = judge(fail(kind, "send an event to hidden.example.com:443: why"));
    EXPECT_EQ(answer.outcome, Outcome::kTryAgain);
    EXPECT_FALSE(answer.what.empty());
    EXPECT_EQ(answer.what.find("hidden"), std::string::npos) << "tenants read it";
    EXPECT_EQ(answer.detail, "send an event to hidden.example.com:443: why");
    return answer.word;
  };
  EXPECT_EQ(word(ErrorKind::kTimeout), "timeout");
  EXPECT_EQ(word(ErrorKind::kUnavailable), "unreachable");
  EXPECT_EQ(word(ErrorKind::kTooLarge), "too_large");
  EXPECT_EQ(word(ErrorKind::kDenied), "configuration");
  EXPECT_EQ(word(ErrorKind::kInvalid), "configuration");
}

TEST(Answer, RetryAfterCountsWhereItMeansThatAndHasABound) {
  EXPECT_EQ(of(429, 7s).retry_after, 7s);
  EXPECT_EQ(of(503, 7s).retry_after, 7s);
  EXPECT_EQ(of(503, 86'400s).retry_after, kLongestRetryAfter);
  EXPECT_FALSE(of(429).retry_after);
  EXPECT_FALSE(of(500, 7s).retry_after);
  EXPECT_FALSE(of(301, 7s).retry_after);
}

}  // namespace
}  // namespace modelrun::cloudevents
