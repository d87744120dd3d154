#include "sandbox/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "api/json_access.h"
#include "api/json_text.h"

namespace modelrun::sandbox {
namespace {

using nlohmann::json;

// A random value, seldom deep.
json random_value(std::mt19937& random, int depth) {
  const auto word = [&] {
    std::string text;
    for (unsigned i = random() % 6; i > 0; --i) text += std::string_view("a\"\\/{}[],:\n\x01 é")[random() % 14];
    return json(json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace))).get<std::string>();
  };
  switch (random() % (depth > 0 ? 7 : 5)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random()) - 1'000'000;
    case 3:
      return static_cast<double>(random()) / 1000;
    case 4:
      return word();
    case 5: {
      json list = json::array();
      for (unsigned i = random() % 5; i > 0; --i) list.push_back(random_value(random, depth - 1));
      return list;
    }
    default: {
      json object = json::object();
      for (unsigned i = random() % 5; i > 0; --i) object[word()] = random_value(random, depth - 1);
      return object;
    }
  }
}

TEST(JsonText, MembersAreThoseOfTheValue) {
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    const json value = random_value(random, 5);
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

TEST(JsonText, MembersByName) {
  EXPECT_EQ(member_text(R"({"a":{"b":"}"},"b":[1,"]"]})", "b"), R"([1,"]"])");
  EXPECT_EQ(member_text(R"({"a":1})", "b"), "");
  EXPECT_EQ(member_text("[1]", "b"), "");
  EXPECT_EQ(text_of_json_string(json_string("a\"\n")), "a\"\n");
  EXPECT_EQ(text_of_json_string("[1]"), "");
}

}  // namespace
}  // namespace modelrun::sandbox
