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
  const struct {
    const char* text;
    const char* cell;
  } rows[] = {{"=1+1", "'=1+1"},     {"+1", "'+1"},         {"-1", "'-1"},         {"@SUM(A1)", "'@SUM(A1)"},
              {"\t=1", "'\t=1"},     {"\r=1", "\"'\r=1\""}, {"\n=1", "\"'\n=1\""}, {"\uff1d1", "'\uff1d1"},
              {"=a,b", "\"'=a,b\""}, {"a=1", "a=1"},        {" =1", " =1"}};
  for (const auto& row : rows) EXPECT_EQ(text_cell(row.text), row.cell) << row.text;
}

TEST(Cells, ValuesKeepTheirDigits) {
  EXPECT_EQ(value_cell("-0.10"), "-0.10");
  EXPECT_EQ(value_cell("-1e5"), "-1e5");
  EXPECT_EQ(value_cell("true"), "true");
  EXPECT_EQ(value_cell("null"), "");
  EXPECT_EQ(value_cell(""), "");
  EXPECT_EQ(value_cell(R"("-x")"), "'-x");
  EXPECT_EQ(value_cell(R"("a\u0000b")"), "a\uFFFDb");
  EXPECT_EQ(value_cell(R"(["=1",2])"), R"("[""=1"",2]")");
}

}  // namespace
}  // namespace modelrun::sweep
