#include "sweep/cells.h"

#include <gtest/gtest.h>

namespace modelrun::sweep {
namespace {

TEST(Cells, TextsAreQuotedWhereTheyMustBe) {
  EXPECT_EQ(text_cell("plain"), "plain");
  EXPECT_EQ(text_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(text_cell("say \"x\"\r\n"), "\"say \"\"x\"\"\r\n\"");
  EXPECT_EQ(text_cell(std::string_view("a\0b", 3)), "a\uFFFDb");
}

TEST(Cells, ATextIsNoFormula) {
  for (const char* text : {"=1+1", "+1", "-1", "@sum", "\tx", "\rx", "\uff1d1"}) {
    EXPECT_NE(text_cell(text).find('\''), std::string::npos) << text;
  }
  EXPECT_EQ(text_cell("=a,b"), "\"'=a,b\"");
}

TEST(Cells, ValuesKeepTheirDigits) {
  EXPECT_EQ(value_cell("-0.10"), "-0.10");
  EXPECT_EQ(value_cell("true"), "true");
  EXPECT_EQ(value_cell("null"), "");
  EXPECT_EQ(value_cell(""), "");
  EXPECT_EQ(value_cell(R"("-x")"), "'-x");
  EXPECT_EQ(value_cell(R"([1,"a"])"), R"("[1,""a""]")");
}

}  // namespace
}  // namespace modelrun::sweep
