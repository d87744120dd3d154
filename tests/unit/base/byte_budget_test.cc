#include "base/byte_budget.h"

#include <gtest/gtest.h>

namespace modelrun {
namespace {

TEST(ByteBudget, OneOwnerGetsAShareAndAllTogetherTheWhole) {
  ByteBudget budget(100, 40);
  auto a = budget.hold("a"), more = budget.hold("a");
  EXPECT_TRUE(a.set(30));
  EXPECT_TRUE(more.set(10));
  EXPECT_FALSE(more.set(11));
  auto b = budget.hold("b"), c = budget.hold("c");
  EXPECT_TRUE(b.set(40));
  EXPECT_FALSE(c.set(21));
  EXPECT_TRUE(c.set(20));
  EXPECT_EQ(budget.used(), 100U);
  EXPECT_TRUE(a.set(5));
  EXPECT_TRUE(more.set(35));
  a = std::move(more);
  EXPECT_EQ(budget.used(), 95U);
  a.release();
  b.release();
  c.release();
  EXPECT_EQ(budget.used(), 0U);
}

TEST(ByteBudget, GetsBackWhatAHoldHad) {
  ByteBudget budget(100, 100);
  {
    auto one = budget.hold("a");
    EXPECT_TRUE(one.set(90));
    EXPECT_TRUE(one.set(90)) << "it has that";
    ByteBudget::Hold moved = std::move(one);
    one = ByteBudget::Hold();
    EXPECT_EQ(budget.used(), 90U) << "it is the other's now";
    EXPECT_TRUE(moved.set(20));
    EXPECT_EQ(budget.used(), 20U);
    auto other = budget.hold("b");
    EXPECT_TRUE(other.set(80));
    moved = std::move(other);
    EXPECT_EQ(budget.used(), 80U);
  }
  EXPECT_EQ(budget.used(), 0U);
}

TEST(ByteBudget, AHoldWithoutABudgetHasNothing) {
  ByteBudget::Hold none;
  EXPECT_TRUE(none.set(0));
  EXPECT_FALSE(none.set(1));
}

}  // namespace
}  // namespace modelrun
