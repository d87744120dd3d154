#include "base/text.h"

#include <gtest/gtest.h>

namespace modelrun {
namespace {

using Parts = std::vector<std::string_view>;

TEST(Text, PartsBetweenSeparators) {
  EXPECT_EQ(split_at("a,b,,c", ','), (Parts{"a", "b", "", "c"}));
  EXPECT_EQ(split_at("a", ','), Parts{"a"});
  EXPECT_EQ(split_at("", ','), Parts{""});
  EXPECT_EQ(split_at(",", ','), (Parts{"", ""}));
}

TEST(Text, WithoutBlanksAtTheEnds) {
  EXPECT_EQ(trimmed(" \ta b\t "), "a b");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed(" a\n"), "a\n");
  EXPECT_EQ(trimmed(" a\r\n", " \t\r\n"), "a");
}

TEST(Text, LettersOfAnyCaseAreEqualAndNothingElse) {
  EXPECT_TRUE(equal_ignoring_case("Content-Length", "content-LENGTH"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));  // they differ by the bit by which letters of two cases do
  EXPECT_FALSE(equal_ignoring_case("\xC4", "\xE4"));
}

TEST(Text, OnlyLettersOfAsciiChangeTheirCase) {
  EXPECT_EQ(ascii_lower("ABC-xyZ[\xC4"), "abc-xyz[\xC4");
}

TEST(Text, ControlCharactersAreThoseBelowASpaceAndDel) {
  for (const auto* text : {"a\nb", "\t", "\x1f", "\x7f"}) EXPECT_TRUE(has_control(text)) << text;
  EXPECT_TRUE(has_control(std::string_view("\0", 1)));
  for (const auto* text : {"", " ~", "\x80\xC3\xA4"}) EXPECT_FALSE(has_control(text)) << text;
}

TEST(Text, EscapesAreBytes) {
  EXPECT_EQ(percent_decoded("a%20b%3D%C3%A4+"), "a b=\xC3\xA4+");
  EXPECT_EQ(percent_decoded("%00%2541"), std::string("\0%41", 4));
  EXPECT_EQ(percent_decoded(""), "");
  for (const auto* text : {"%", "%2", "a%", "%zz", "%2x", "%%41", "%+1", "%-1", "% 1"}) {
    EXPECT_EQ(percent_decoded(text), std::nullopt) << text;
  }
}

TEST(TextTest, AFreedTextKeepsNoMemory) {
  for (const std::size_t size : {0U, 5U, 1000U, 1'000'000U}) {
    std::string text(size, 'x');
    free_text(text);
    EXPECT_EQ(text, "");
    EXPECT_EQ(text.capacity(), std::string().capacity()) << size;
  }
}

}  // namespace
}  // namespace modelrun
