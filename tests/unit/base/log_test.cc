#include "base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace modelrun::log {
namespace {

// What is written, without its time.
std::string written(Format format, std::string_view message, Fields fields = {}) {
  configure(format, Level::kInfo);
  ::testing::internal::CaptureStderr();
  info(message, fields);
  std::string line = ::testing::internal::GetCapturedStderr();
  return format == Format::kText ? line.substr(std::min(line.find(' ') + 1, line.size())) : line;
}

TEST(Log, TextForPeople) {
  EXPECT_EQ(written(Format::kText, "pod \"a\" runs C:\\x", {{"run", "n/a"}}),
            "info  pod \"a\" runs C:\\x run=\"n/a\"\n");
  EXPECT_EQ(written(Format::kText, "für 5 €", {{"run", "Ü"}}), "info  für 5 € run=\"Ü\"\n");
}

TEST(Log, TextMakesNoLineOfItsOwn) {
  EXPECT_EQ(written(Format::kText, "a\r\n2026 error b\tc"), "info  a\\r\\n2026 error b\\tc\n");
  EXPECT_EQ(written(Format::kText, "\x1b[2J", {{"why", "\x1b[31m\n"}}), "info  \\u001b[2J why=\"\\u001b[31m\\n\"\n");
  EXPECT_EQ(written(Format::kText,
                    "\x7f \xc2\x9b"
                    "1m",
                    {{"why", "\xc2\x85"}}),
            "info  \\u007f \\u009b1m why=\"\\u0085\"\n");
  EXPECT_EQ(written(Format::kText,
                    "\x9b"
                    "1m"),
            "info  \xef\xbf\xbd"
            "1m\n")
      << "no UTF-8";
  EXPECT_EQ(written(Format::kText, "a", {{"b\nc", "d"}}), "info  a b\\nc=\"d\"\n");
}

TEST(Log, JsonIsOneObjectALine) {
  const auto line = written(Format::kJson, "a\r\n\x1b\x7f\xc2\x9b", {{"why", "\xc2\x9b\n"}});
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
  EXPECT_TRUE(std::ranges::all_of(line.substr(0, line.size() - 1), [](char c) { return c >= ' ' && c <= '~'; }));
  const auto object = nlohmann::json::parse(line);
  EXPECT_EQ(object["msg"], "a\r\n\x1b\x7f\xc2\x9b");
  EXPECT_EQ(object["why"], "\xc2\x9b\n");
}

}  // namespace
}  // namespace modelrun::log
