#include "source/suspects.h"

#include <gtest/gtest.h>

#include <optional>
#include <type_traits>

namespace modelrun::source {
namespace {

using Death = Suspects::Death;
static_assert(!std::is_copy_constructible_v<Suspects::Ticket> && !std::is_copy_assignable_v<Suspects::Ticket>);

class SuspectsTest : public ::testing::Test {
 protected:
  // The message of the refusal; empty if there is none.
  std::string refusal(const std::string& url, const std::string& from = "a") {
    const auto ticket = suspects_.begin(from, url);
    if (ticket) return {};
    EXPECT_EQ(ticket.error().kind, ErrorKind::kUnavailable) << "runs wait, and do not fail for good";
    return ticket.error().message;
  }
  bool is_refused(const std::string& url, const std::string& from = "a") {
    return refusal(url, from).find("is not asked again") != std::string::npos;
  }
  bool has_to_wait(const std::string& url, const std::string& from = "a") {
    return refusal(url, from).find("not this one's turn") != std::string::npos;
  }
  void die(const std::string& url, Death death = Death::kRequest, const std::string& from = "a") {
    auto ticket = suspects_.begin(from, url);
    ASSERT_TRUE(ticket) << ticket.error().message;
    EXPECT_EQ(ticket->died(death).kind, ErrorKind::kUnavailable);
  }
  void fetch(const std::string& url) {
    auto ticket = suspects_.begin("a", url);
    ASSERT_TRUE(ticket) << ticket.error().message;
    ticket->fetched();
  }

  Suspects::Instant now_{};
  Suspects suspects_{[this] { return now_; }};
};

TEST_F(SuspectsTest, WhoKillsAgainAndAgainIsRefusedForATimeThatDoubles) {
  for (std::uint32_t i = 0; i < Suspects::kDeaths; ++i) die("bad");
  EXPECT_TRUE(is_refused("bad"));
  EXPECT_EQ(refusal("good"), "");
  now_ += Suspects::kRefusal;
  die("bad");
  now_ += Suspects::kRefusal;
  EXPECT_TRUE(is_refused("bad"));
  now_ += Suspects::kRefusal;
  EXPECT_EQ(refusal("bad"), "");
}

TEST_F(SuspectsTest, ANamespaceRefusesNothingForAnotherOne) {
  for (std::uint32_t i = 0; i < Suspects::kDeaths; ++i) die("same", Death::kRequest, "mallory");
  EXPECT_TRUE(is_refused("same", "mallory"));
  EXPECT_EQ(refusal("same"), "");
}

TEST_F(SuspectsTest, TheFirstDeathOfTheProgramMakesSuspectsAndCountsForNobody) {
  {
    auto good = suspects_.begin("a", "good");
    auto bad = suspects_.begin("a", "bad");
    ASSERT_TRUE(good && bad);
    (void)bad->died(Death::kProgram);
    (void)good->died(Death::kProgram);
  }
  die("bad", Death::kProgram);
  die("bad", Death::kProgram);
  EXPECT_FALSE(is_refused("bad"));
  die("bad", Death::kProgram);
  EXPECT_TRUE(is_refused("bad")) << "it was the only suspect each time";
  EXPECT_EQ(refusal("good"), "");
}

TEST_F(SuspectsTest, SuspectsAreAskedOneAtATime) {
  die("bad", Death::kProgram);
  die("good", Death::kProgram);
  {
    const auto ticket = suspects_.begin("a", "bad");
    ASSERT_TRUE(ticket);
    EXPECT_TRUE(has_to_wait("good"));
    EXPECT_EQ(refusal("another"), "") << "it is no suspect";
  }
  EXPECT_EQ(refusal("good"), "") << "the ticket was given up";
}

TEST_F(SuspectsTest, AMovedTicketIsGivenUpOnce) {
  die("a", Death::kProgram);
  die("b", Death::kProgram);
  auto ticket = suspects_.begin("a", "a");
  ASSERT_TRUE(ticket);
  auto moved = std::make_optional(std::move(*ticket));
  ticket = fail(ErrorKind::kInternal, "gone");
  EXPECT_TRUE(has_to_wait("b"));
  moved.reset();
  EXPECT_EQ(refusal("b"), "");
}

TEST_F(SuspectsTest, AFetchTakesOneDeathAway) {
  die("bad");
  die("bad");
  fetch("bad");
  die("bad");
  EXPECT_FALSE(is_refused("bad"));
  die("bad");
  EXPECT_TRUE(is_refused("bad"));
}

TEST_F(SuspectsTest, ALongTimeWithoutADeathClears) {
  die("bad");
  die("bad");
  now_ += Suspects::kLongestRefusal;
  die("bad");
  EXPECT_FALSE(is_refused("bad"));
}

TEST_F(SuspectsTest, ANamespaceFillsItsOwnPlacesOnly) {
  die("victim", Death::kProgram, "b");
  for (std::size_t i = 0; i < Suspects::kMaxOfNamespace + 1; ++i) {
    now_ += std::chrono::seconds(1);
    die(std::to_string(i), Death::kProgram);
  }
  const auto ticket = suspects_.begin("b", "victim");
  EXPECT_TRUE(has_to_wait("1")) << "so the victim is still known";
  EXPECT_EQ(refusal("0"), "") << "forgotten, so it is no suspect";
}

TEST_F(SuspectsTest, RemembersSoManyAndNoMore) {
  for (std::size_t i = 0; i < Suspects::kMaxRemembered + 1; ++i) {
    now_ += std::chrono::milliseconds(1);
    die("x", Death::kProgram, std::to_string(i));
  }
  const auto ticket = suspects_.begin("1", "x");
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(has_to_wait("x", "2"));
  EXPECT_EQ(refusal("x", "0"), "") << "forgotten, so it is no suspect";
}

}  // namespace
}  // namespace modelrun::source
