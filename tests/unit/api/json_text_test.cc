#include "api/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "api/json_access.h"
#include "api/parameters.h"
#include "api/sandbox.h"
#include "base/encoding.h"
#include "fakes/peak_memory.h"
#include "fakes/random_json.h"

namespace modelrun::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// The text of `value` with the members of every object in any order.
std::string shuffled(std::mt19937_64& random, const json& value) {
  if (value.is_array()) {
    std::string text = "[ ";
    for (const auto& child : value) text += (text.size() > 2 ? " ,\n" : "") + shuffled(random, child);
    return text + "\t]";
  }
  if (!value.is_object()) return value.dump();
  std::vector<std::string> members;
  for (const auto& [name, child] : value.items())
    members.push_back(json(name).dump() + " : " + shuffled(random, child));
  std::ranges::shuffle(members, random);
  std::string text = "{";
  for (const auto& member : members) text += (text.size() > 1 ? "," : "") + member;
  return text + "}";
}

TEST(CompactStrict, IsTheTextOfTheValue) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 1000; ++i) {
    const auto value = fakes::random_value(random, 5);
    const auto text = shuffled(random, value);
    const auto compact = compact_strict(text);
    ASSERT_TRUE(compact) << text << ": " << compact.error().message;
    EXPECT_EQ(compact->text(), json_text(value)) << text;
    EXPECT_EQ(*compact, JsonText(value));
    EXPECT_EQ(compact->parse(), value);
    EXPECT_EQ(canonical_json(*compact), canonical_json(value)) << text;
  }
}

TEST(CompactStrict, FindsEveryDuplicate) {
  for (const char* text : {R"({"a":1,"a":2})", R"({"b":1,"a":2,"b":3})", R"({"x":[{"b":0,"a":{},"\u0061":1}]})"}) {
    const auto compact = compact_strict(text);
    ASSERT_FALSE(compact) << text;
    EXPECT_THAT(compact.error().message, HasSubstr(": duplicate key"));
  }
  EXPECT_THAT(compact_strict(R"({"x":[0,{"b":1,"a":2,"b":3}]})").error().message, HasSubstr("at /x/1/b:"));
}

TEST(CompactStrict, SortsNamesByTheirBytes) {
  const std::vector<std::string> names = {"",       "\x01",       "\x1f",    "\t", "\n", "\b\f\r", " ",   "\"",
                                          "\"a",    "\\",         "\\u0041", "/",  "a",  "a\n",    "ab",  "\x7f",
                                          "\u00e4", "\U0001f600", "A",       "[",  "]",  "a b",    "a\"b"};
  std::mt19937_64 random(3);
  for (int i = 0; i < 50; ++i) {
    json value = json::object();
    for (const auto& name : names) value[name] = i;
    const auto text = shuffled(random, value);
    const auto compact = compact_strict(text);
    ASSERT_TRUE(compact) << compact.error().message;
    EXPECT_EQ(compact->text(), json_text(value));
    const std::string twice = text.substr(0, text.size() - 1) + ",\"\\u0001\":0}";
    EXPECT_THAT(compact_strict(twice).error().message, HasSubstr("duplicate key"));
  }
}

// What a stranger's text costs must follow from its size, not from what is in it.
TEST(CompactStrict, NeedsASmallMultipleOfTheText) {
  constexpr std::size_t kBytes = 256 * 1024;
  const auto filled = [](std::string_view open, std::string_view piece, std::string_view close) {
    std::string text(open);
    while (text.size() < kBytes) text += piece;
    return text.substr(0, text.size() - 1) + std::string(close);
  };
  std::string members = "{";
  for (int i = 0; members.size() < kBytes; ++i) members += fmt::format("\"{}\":0,", 999'999 - i);
  members.back() = '}';
  for (const auto& text : {filled("[", "{},", "]"), filled("[", "[],", "]"), filled("[", "0,", "]"), members,
                           filled("[", "{\"a\":{}},", "]"), filled("[", "\"\",", "]")}) {
    const auto peak = fakes::peak_of([&] { ASSERT_TRUE(compact_strict(text)) << text.substr(0, 20); });
    EXPECT_LT(peak, 16 * text.size()) << text.substr(0, 20);
    const JsonText kept = *compact_strict(text);
    EXPECT_LT(fakes::peak_of([&] { EXPECT_FALSE(canonical_json(kept).empty()); }), 16 * text.size());
  }
}

TEST(Frame, OfAnyContentsNeedsASmallMultipleOfItsText) {
  const std::string begin = R"({"runUid":"u","attempt":1,"exit":{"how":"Exited","code":0},)";
  const auto repeat = [](std::string_view piece, std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += piece;
    return text.substr(0, text.size() - 1);
  };
  const std::size_t size = 512 * 1024;
  const std::string deep = begin + R"("outputs":{"x":[)" + repeat("{},", size) + "]}}";
  EXPECT_LT(fakes::peak_of([&] { ASSERT_TRUE(decode_frame(deep)); }), 8 * deep.size());
  // What an agent never sends is refused before it is many.
  for (const auto& text : {begin + R"("artifacts":[)" + repeat("{},", size) + "]}",
                           begin + R"("unknown":[)" + repeat("[],", size) + "]}", "[" + repeat("0,", size) + "]"}) {
    const auto peak = fakes::peak_of([&] { EXPECT_FALSE(decode_frame(text)) << text.substr(0, 80); });
    EXPECT_LT(peak, 2 * text.size()) << text.substr(0, 80);
  }
}

TEST(Frame, OutputsMustBeAnObject) {
  for (const char* outputs : {"1", "[]", "\"{}\"", "true"}) {
    const auto frame = decode_frame(fmt::format(R"({{"exit":{{"how":"Exited"}},"outputs":{}}})", outputs));
    ASSERT_FALSE(frame) << outputs;
    EXPECT_THAT(frame.error().message, HasSubstr("/outputs"));
  }
}

TEST(Parameters, KeepTheirDigestWithoutTheirText) {
  Parameters parameters(json::parse(R"({"b":1.0,"a":[{}]})"));
  const Parameters same(json::parse(R"({"a":[{}],"b":1})"));
  EXPECT_EQ(parameters.digest(), "sha256:" + sha256_hex(R"({"a":[{}],"b":1})"));
  EXPECT_EQ(parameters, same);
  const auto size = parameters.size();
  parameters.drop_text();
  EXPECT_EQ(parameters, same);
  EXPECT_EQ(parameters.size(), size);
}

}  // namespace
}  // namespace modelrun::api
