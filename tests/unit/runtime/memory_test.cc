#include "runtime/memory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace modelrun::runtime {
namespace {

// Resident KiB by the name of a line of /proc/self/status: RssFile counts code, constants and what the loader has not
// written to, RssAnon the heap and the stacks.
long resident(std::string_view name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  long value = 0;
  while (status >> word) {
    if (word == name && status >> value) return value;
  }
  return 0;
}

TEST(Memory, PagesOfCodeAreGivenBackAndComeAgain) {
  const long before = resident("RssFile:");
  give_back_memory();
  const long after = resident("RssFile:");
  EXPECT_GT(before, 0);
  EXPECT_LT(after, before * 3 / 4) << "before " << before << " KiB";
  // What is used again is what it was: code that throws walks through tables of three libraries.
  EXPECT_THROW((void)std::string("x").at(1), std::out_of_range);
}

TEST(Memory, FreePagesOfTheHeapAreGivenBack) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer has a heap of its own";
#endif
  std::vector<std::string> texts;
  for (int i = 0; i < 60'000; ++i) texts.emplace_back(1000, 'x');
  const long full = resident("RssAnon:");
  // The last one stays, so that the heap does not simply become shorter.
  texts.erase(texts.begin(), texts.end() - 1);
  give_back_memory();
  EXPECT_LT(resident("RssAnon:"), full - 40'000) << "full: " << full << " KiB";
}

}  // namespace
}  // namespace modelrun::runtime
