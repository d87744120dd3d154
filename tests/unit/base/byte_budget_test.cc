#include "base/byte_budget.h"

#include <gtest/gtest.h>

namespace modelrun {
namespace {

TEST(ByteBudget, HasATotalAndAShareForEachOwner) {
  const auto budget = ByteBudget::make(100, 60);
  auto a = budget->lease("a");
  auto more = budget->lease("a");
  auto b = budget->lease("b");
  EXPECT_TRUE(a.grow_to(50));
  EXPECT_FALSE(more.grow_to(11)) << "more than a's share";
  EXPECT_TRUE(more.grow_to(10));
  EXPECT_FALSE(b.grow_to(41)) << "more than the total";
  EXPECT_TRUE(b.grow_to(40));
  EXPECT_TRUE(b.grow_to(7)) << "it has that";
  EXPECT_EQ(budget->used(), 100U);
  EXPECT_EQ(budget->refusals(), 2U);
}

TEST(ByteBudget, GetsBackWhatALeaseHad) {
  const auto budget = ByteBudget::make(100, 100);
  {
    auto one = budget->lease("a");
    EXPECT_TRUE(one.grow_to(90));
    ByteBudget::Lease moved = std::move(one);
    one = ByteBudget::Lease();
    EXPECT_EQ(budget->used(), 90U) << "it is the other's now";
    moved.shrink_to(20);
    EXPECT_EQ(budget->used(), 20U);
    auto other = budget->lease("b");
    EXPECT_TRUE(other.grow_to(80));
    moved = std::move(other);
    EXPECT_EQ(budget->used(), 80U);
  }
  EXPECT_EQ(budget->used(), 0U);
}

TEST(ByteBudget, ALeaseOfNobodyHasNothing) {
  ByteBudget::Lease none;
  EXPECT_TRUE(none.grow_to(0));
  EXPECT_FALSE(none.grow_to(1));
}

}  // namespace
}  // namespace modelrun
