#include "runtime/memory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace modelrun::runtime {
namespace {

// Resident KiB of files: code, constants and what the loader has not written to.
long resident_of_files() {
  std::ifstream status("/proc/self/status");
  std::string word;
  long value = 0;
  while (status >> word) {
    if (word == "RssFile:" && status >> value) return value;
  }
  return 0;
}

TEST(Memory, PagesOfCodeAreGivenBackAndComeAgain) {
  const long before = resident_of_files();
  give_back_start_memory();
  const long after = resident_of_files();
  EXPECT_GT(before, 0);
  EXPECT_LT(after, before * 3 / 4) << "before " << before << " KiB";
  // What is used again is what it was: code that throws walks through tables of three libraries.
  EXPECT_THROW((void)std::string("x").at(1), std::out_of_range);
}

}  // namespace
}  // namespace modelrun::runtime
