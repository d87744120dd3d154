#include "sandbox/json_members.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "api/json_access.h"
#include "api/json_text.h"
#include "fakes/random_json.h"

namespace modelrun::sandbox {
namespace {

using nlohmann::json;

TEST(JsonMembers, MembersAreThoseOfTheValue) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 500; ++round) {
    const json value = fakes::random_value(random, 5);
    const auto compact = api::compact_strict(value.dump(static_cast<int>(random() % 3), ' ', random() % 2 == 0));
    ASSERT_TRUE(compact) << value.dump();
    ASSERT_EQ(compact->text(), api::json_text(value));
    json again = json::object();
    for (const auto& [key, text] : members_of(compact->text())) again[text_of_json_string(key)] = json::parse(text);
    if (value.is_object()) {
      ASSERT_EQ(again, value);
    } else {
      ASSERT_TRUE(members_of(compact->text()).empty());
    }
  }
}

TEST(JsonMembers, MembersByName) {
  EXPECT_EQ(member_text(R"({"a":{"b":"}"},"b":[1,"]"]})", "b"), R"([1,"]"])");
  EXPECT_EQ(member_text(R"({"a":1})", "b"), "");
  EXPECT_EQ(member_text("[1]", "b"), "");
  EXPECT_EQ(text_of_json_string(json_string("a\"\n")), "a\"\n");
  EXPECT_EQ(text_of_json_string("[1]"), "");
}

}  // namespace
}  // namespace modelrun::sandbox
