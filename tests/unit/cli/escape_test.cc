#include "cli/escape.h"

#include <gtest/gtest.h>

#include "cli/console.h"

namespace modelrun::cli {
namespace {

TEST(Escape, LeavesTextNewlinesAndTabs) {
  EXPECT_EQ(escape("a\tb\nGrüße, 世界 🙂"), "a\tb\nGrüße, 世界 🙂");
}

TEST(Escape, ShowsControlCharacters) {
  EXPECT_EQ(escape("\x1b[31mred\x1b[0m"), "\\x1b[31mred\\x1b[0m");
  EXPECT_EQ(escape("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(escape("1%\r2%\b"), "1%\\x0d2%\\x08");
  EXPECT_EQ(escape(std::string_view("a\0b\x7f", 4)), "a\\x00b\\x7f");
}

TEST(Escape, ShowsC1InBothForms) {
  EXPECT_EQ(escape("\xc2\x9b"
                   "31m"),
            "\\xc2\\x9b31m");  // U+009B, one-character CSI
  EXPECT_EQ(escape("\x9b"
                   "31m"),
            "\\x9b31m");
  EXPECT_EQ(escape("\xc2\xa0"), "\xc2\xa0");  // a no-break space is text
}

TEST(Escape, ShowsWhatIsNotUtf8) {
  EXPECT_EQ(escape("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(escape("\xc0\x9b"), "\\xc0\\x9b");           // overlong ESC-like form
  EXPECT_EQ(escape("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");  // overlong
  EXPECT_EQ(escape("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(escape("\xe4\xb8"), "\\xe4\\xb8");           // cut off
  EXPECT_EQ(escape("\xe4\x1b[2J"), "\\xe4\\x1b[2J");     // an escape behind a broken lead
}

TEST(Escaper, TakesSequencesInPieces) {
  const std::string text = "a世\xc2\x9b🙂\x1b!";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    Escaper escaper;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size) out += escaper.feed(std::string_view(text).substr(at, size));
    out += escaper.finish();
    EXPECT_EQ(out, "a世\\xc2\\x9b🙂\\x1b!") << "pieces of " << size;
  }
}

TEST(Console, EscapesOnATerminalOnly) {
  std::string out, err;
  Console console({[&](std::string_view text) { out += text; }, true},
                  {[&](std::string_view text) { err += text; }, false}, [] { return Result<std::string>(""); });
  console.out("\x1b[0m");
  console.err("\x1b[0m");
  EXPECT_EQ(out, "\\x1b[0m");
  EXPECT_EQ(err, "\x1b[0m");
  console.set_raw(true);
  console.out("\x1b[1m");
  EXPECT_EQ(out, "\\x1b[0m\x1b[1m");
}

}  // namespace
}  // namespace modelrun::cli
