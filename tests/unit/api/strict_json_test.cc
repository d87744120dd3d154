#include "api/strict_json.h"

#include "api/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace modelrun::api {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Case {
  std::string text;
  std::string message;  // empty: accepted
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.text.substr(0, 60);
}

class StrictJson : public testing::TestWithParam<Case> {};

template <class Parsed>
void accepts_or_names_the_place(const Parsed& parsed, const std::string& message) {
  if (message.empty()) {
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  } else {
    ASSERT_FALSE(parsed.has_value());
    EXPECT_THAT(parsed.error().message, StartsWith(message));
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalid);
    EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos);
  }
}

TEST_P(StrictJson, AcceptsOrNamesThePlace) {
  accepts_or_names_the_place(parse_strict(GetParam().text), GetParam().message);
}

TEST_P(StrictJson, AsTextToo) {
  accepts_or_names_the_place(compact_strict(GetParam().text), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, StrictJson,
    testing::Values(
        Case{R"({})", ""}, Case{R"({"a":[1,2.5,-3,"x",null,true]})", ""}, Case{"3", ""}, Case{" [ ] ", ""},
        Case{"9223372036854775807", ""}, Case{"-9223372036854775808", ""}, Case{R"("\u0000\ud83d\ude00")", ""},
        Case{"1e308", ""}, Case{"1e-400", ""}, Case{R"({"a":{"b":1},"b":2})", ""},
        Case{"9223372036854775808", "at the top: integer 9223372036854775808 is outside"},
        Case{R"({"a":[0,18446744073709551616]})", "at /a/1: integer 18446744073709551616 is outside"},
        Case{R"({"a":[0,-9223372036854775809]})", "at /a/1: integer -9223372036854775809 is outside"},
        Case{R"([[1,2],[3,{"x":1e999}]])", "at /1/1/x: number 1e999 overflows"},
        Case{R"({"r":-1e999})", "at /r: number -1e999 overflows"},
        Case{R"({"a":{"b":1,"b":2}})", "at /a/b: duplicate key"}, Case{R"({"a/~":NaN})", "at /a~1~0: NaN and Infinity"},
        Case{R"({"a":[1,Infinity]})", "at /a/1: NaN and Infinity"},
        Case{R"({"a":-Infinity})", "at /a: NaN and Infinity"}, Case{"", "at the top: byte"}, Case{"{", "at "},
        Case{R"({"a":1)", "at "}, Case{R"({"a":1} x)", "at the top: byte"}, Case{R"({"a":1,})", "at "},
        Case{"{'a':1}", "at "}, Case{R"({"a":"nan)", "at /a: byte"}, Case{"[01]", "at "}, Case{"[1] // comment", "at "},
        Case{"\"\xff\"", "at the top: byte"}, Case{"{\"\xc0\xaf\":1}", "at "},
        Case{"{\"k\":\"\xed\xa0\x80\"}", "at /k: byte"}, Case{R"(["\ud800"])", "at /0: byte"},
        Case{std::string("[1\0]", 4), "at "}, Case{std::string("[1]\0", 4), "at the top: byte 4: a zero byte"},
        Case{std::string("{}\0{}", 5), "at the top: byte 3: a zero byte"}, Case{"[\"a\nb\"]", "at /0: byte"}));

std::string nested(int depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(StrictJsonDepth, LimitIsExact) {
  EXPECT_TRUE(parse_strict(nested(100)).has_value());
  EXPECT_FALSE(parse_strict(nested(101)).has_value());
  EXPECT_TRUE(parse_strict(nested(3), {.max_depth = 3}).has_value());
  EXPECT_FALSE(parse_strict(R"({"a":{"b":[[]]}})", {.max_depth = 3}).has_value());
}

TEST(StrictJsonDepth, HostileDepthNeedsNoStack) {
  EXPECT_FALSE(parse_strict(std::string(5'000'000, '[')).has_value());
  std::string objects;
  for (int i = 0; i < 200'000; ++i) objects += R"({"a":)";
  const auto parsed = parse_strict(objects);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_THAT(parsed.error().message, HasSubstr("deeper than 100"));
  EXPECT_LT(parsed.error().message.size(), 1000U);
}

TEST(StrictJsonKeys, LongAndControlKeysStayShortOnOneLine) {
  const auto parsed = parse_strict("{\"" + std::string(100'000, 'k') + "\":{\"a\\n\":[1,NaN]}}");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_LT(parsed.error().message.size(), 300U);
  EXPECT_THAT(parsed.error().message, HasSubstr("/a /1"));
}

TEST(StrictJsonKeys, ManyKeys) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += fmt::format("{}\"{}\":1", i == 0 ? "" : ",", i);
  EXPECT_TRUE(parse_strict(text + "}").has_value());
  EXPECT_FALSE(parse_strict(text + ",\"7\":1}").has_value());
}

TEST(CanonicalJson, SortsKeysAndDropsSpaces) {
  EXPECT_EQ(canonical_json(*parse_strict(R"( { "b" : [ 1 , { } , [ ] ] , "a" : "ä\n" } )")),
            R"({"a":"ä\n","b":[1,{},[]]})");
}

TEST(CanonicalJson, NumbersAsTheApiServerGivesThemBack) {
  const std::vector<std::pair<std::string, std::string>> table{{"1.0", "1"},
                                                               {"-0.0", "0"},
                                                               {"0", "0"},
                                                               {"1e3", "1000"},
                                                               {"2.50", "2.5"},
                                                               {"0.1", "0.1"},
                                                               {"1e20", "100000000000000000000"},
                                                               {"1e21", "1e+21"},
                                                               {"123456789012345678901.0", "123456789012345680000"},
                                                               {"0.000001", "0.000001"},
                                                               {"1e-7", "1e-7"},
                                                               {"-1.5e-9", "-1.5e-9"},
                                                               {"1.7976931348623157e308", "1.7976931348623157e+308"},
                                                               {"9223372036854775807", "9223372036854775807"},
                                                               {"-12.75", "-12.75"},
                                                               {"0.30000000000000004", "0.30000000000000004"}};
  for (const auto& [text, expected] : table) EXPECT_EQ(canonical_json(*parse_strict(text)), expected) << text;
}

TEST(CanonicalJson, IsAFixedPoint) {
  for (const char* text : {R"({"a":1.25,"b":[1e100,-7,1e-30],"c":{"d":null}})", "[1.0,3.0e2,5e-324]"}) {
    const std::string once = canonical_json(*parse_strict(text));
    EXPECT_EQ(canonical_json(*parse_strict(once)), once);
  }
}

}  // namespace
}  // namespace modelrun::api
