#include "controller/leads.h"

#include <gtest/gtest.h>

namespace modelrun::controller {
namespace {

const auto kYes = [](const Leads::Lead&) { return true; };
const auto kNo = [](const Leads::Lead&) { return false; };

std::string lead_of(const Leads& leads, const std::string& identity) {
  const auto lead = leads.of(identity);
  return lead ? lead->uid : "nobody";
}

TEST(Leads, TheFirstLeadsUntilItLeaves) {
  Leads leads;
  EXPECT_EQ(lead_of(leads, "i"), "nobody");
  EXPECT_TRUE(leads.take("i", {"a", "n/a"}, kYes));
  EXPECT_TRUE(leads.take("i", {"a", "n/a"}, kYes)) << "once more";
  EXPECT_FALSE(leads.take("i", {"b", "n/b"}, kYes));
  EXPECT_EQ(lead_of(leads, "i"), "a");
  EXPECT_EQ(leads.of("i")->key, "n/a");
  leads.leave("b");
  EXPECT_EQ(lead_of(leads, "i"), "a");
  leads.leave("a");
  EXPECT_EQ(lead_of(leads, "i"), "nobody");
  EXPECT_TRUE(leads.take("i", {"b", "n/b"}, kYes));
}

TEST(Leads, OneThatLeadsNoMoreIsReplaced) {
  Leads leads;
  leads.take("i", {"a", "n/a"}, kYes);
  EXPECT_TRUE(leads.take("i", {"b", "n/b"}, kNo));
  EXPECT_EQ(lead_of(leads, "i"), "b");
  leads.leave("a");
  EXPECT_EQ(lead_of(leads, "i"), "b") << "the one before takes nothing with it";
}

TEST(Leads, ARunLeadsOneIdentity) {
  Leads leads;
  leads.take("before the project changed", {"a", "n/a"}, kYes);
  leads.take("after", {"a", "n/a"}, kYes);
  EXPECT_EQ(lead_of(leads, "before the project changed"), "nobody");
  leads.leave("a");
  EXPECT_EQ(lead_of(leads, "after"), "nobody");
}

}  // namespace
}  // namespace modelrun::controller
