#include "sandbox/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "api/strict_json.h"
#include "base/printable.h"

namespace modelrun::sandbox {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string error_of(std::string_view text, const CompactLimits& limits = {}) {
  const auto got = compact_json(text, limits);
  return got ? "accepted: " + *got : got.error().message;
}

TEST(CompactJson, TheSameValueWithoutSpaces) {
  EXPECT_EQ(*compact_json(
                " { \"b\" : [ 1 , 2.0, -0.0, 1e3, null,true ], \"a\" : { } , \"\\u00e4\\/\": \"\\ud83d\\ude00\\n\" } "),
            "{\"b\":[1,2,0,1000,null,true],\"a\":{},\"ä/\":\"😀\\n\"}");
  for (const char* text :
       {"[]", "{}", "[[],[{}],{}]", "\"\"", "null", "-7", "[[1],[2]]", "{\"a\":[{\"b\":1},{\"b\":2}]}"}) {
    EXPECT_EQ(*compact_json(text), text);
  }
}

TEST(CompactJson, RefusesWhatTheStrictParserRefusesInTheSameWords) {
  for (const char* text :
       {"", "[1,", "{\"a\":[1,NaN]}", "[18446744073709551616]", "[9223372036854775808]", "{\"x\":1e999}", "\"\xff\"",
        "{\"a\":1,}", "[1]x", "{\"a/b\":{\"c~\":[0,{\"d\":-Infinity}]}}", "{\"a\" 1}", "[\"\x01\"]"}) {
    const auto tree = api::parse_strict(text);
    ASSERT_FALSE(tree) << text;
    EXPECT_EQ(error_of(text), printable(tree.error().message)) << text;
  }
}

TEST(CompactJson, DuplicateKeysHoweverTheyAreWritten) {
  EXPECT_EQ(error_of(R"({"x":[{"a":1,"b":2,"\u0061":3}]})"), "at /x/0/a: duplicate key");
  EXPECT_EQ(error_of(R"({"a":{"a":1},"b":{"a":2}})"), R"(accepted: {"a":{"a":1},"b":{"a":2}})");
}

TEST(CompactJson, DepthIsBounded) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(compact_json(nested(100)));
  EXPECT_THAT(error_of(nested(101)), HasSubstr("nested deeper than 100 levels"));
  EXPECT_THAT(error_of(std::string(1'000'000, '[')), HasSubstr("nested deeper than 100 levels"));
}

TEST(CompactJson, SizeIsBoundedWhileItIsRead) {
  EXPECT_TRUE(compact_json("  [1, 2, 3]  ", {.max_bytes = 7}));
  const auto over = compact_json("  [1, 2, 3]  ", {.max_bytes = 6});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().kind, ErrorKind::kTooLarge);
  EXPECT_THAT(over.error().message, HasSubstr("more than 6 bytes"));
  std::string many = "[";
  for (int i = 0; i < 500'000; ++i) many += "{},";
  EXPECT_THAT(error_of(many + "{}]"), HasSubstr("at /349525: more than 1048576 bytes"));
}

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

TEST(CompactJson, AgainstTheTree) {
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    const json value = random_value(random, 5);
    const auto compact = compact_json(value.dump(static_cast<int>(random() % 3), ' ', random() % 2 == 0));
    ASSERT_TRUE(compact) << value.dump();
    ASSERT_EQ(*compact, api::canonical_json(value));  // the library sorts keys, so the order is the same here
    json again = json::object();
    for (const auto& [key, text] : members_of(*compact)) again[text_of_json_string(key)] = json::parse(text);
    if (value.is_object()) {
      ASSERT_EQ(again, value);
    } else {
      ASSERT_TRUE(members_of(*compact).empty());
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
