#include "base/printable.h"

#include <gtest/gtest.h>

#include <random>

#include "base/encoding.h"

namespace modelrun {
namespace {

TEST(Printable, PlainTextStaysAsItIs) {
  for (const char* text : {"", "plain", "spaces  stay ", "ä ß € 😀 עברית", "C:\\path \"quoted\"", "\xEF\xBF\xBD"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, NothingMovesTheCursorOrForgesALine) {
  EXPECT_EQ(printable("a\nMODELRUN-RESULT\r\n\tb\v\f"), "a MODELRUN-RESULT   b  ");
  EXPECT_EQ(printable("\x1b[2J\x07\x08\x7f"), "?[2J???");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m\xC2\x90\xC2\x85"
                      "x"),
            "?31m? x");  // C1: CSI, DCS; NEL
  EXPECT_EQ(printable("a\xE2\x80\xA8"
                      "b\xE2\x80\xA9"
                      "c"),
            "a b c");  // line and paragraph separators
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "gpj.exe\xE2\x80\xAC"),
            "?gpj.exe?");                                                          // right-to-left override
  EXPECT_EQ(printable("\xE2\x81\xA6x\xE2\x81\xA9\xE2\x80\x8F\xD8\x9C"), "?x???");  // isolates and marks
  EXPECT_EQ(printable("a\xE2\x80\x8B"
                      "b\xEF\xBB\xBF"
                      "c\xF3\xA0\x81\x81"),
            "a?b?c?");  // nobody sees these
}

TEST(Printable, WhatIsNotUtf8BecomesTheReplacement) {
  EXPECT_EQ(printable("a\xff\x9b"
                      "b"),
            "a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b");
}

TEST(Printable, LongTextIsCutBetweenTwoCharacters) {
  EXPECT_EQ(printable("0123456789", 10), "0123456789");
  EXPECT_EQ(printable("0123456789a", 10), "0123456...");
  EXPECT_EQ(printable("012345€€", 10), "012345...");
  EXPECT_EQ(printable("abcdef", 2), "..");
  EXPECT_EQ(printable("abcdef", 0), "");
  EXPECT_EQ(printable(std::string(std::size_t{8} << 20U, 'x')).size(), kMaxShownBytes);
  EXPECT_EQ(printable(std::string(5000, '\xff'), 100).size(), 99U);
}

TEST(Printable, AnyBytesGiveBoundedValidTextThatIsItsOwnCleanForm) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 80, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    const std::size_t limit = random() % 60;
    const std::string got = printable(bytes, limit);
    ASSERT_LE(got.size(), limit);
    ASSERT_EQ(make_valid_utf8(got), got);
    ASSERT_EQ(printable(got, limit), got);
    for (const char c : got) ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  }
}

}  // namespace
}  // namespace modelrun
