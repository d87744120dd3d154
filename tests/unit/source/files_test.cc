#include "source/files.h"

#include <sys/stat.h>

#include "unit/source/git_fixture.h"

namespace modelrun::source::testing {
namespace {

using FilesTest = GitTest;

TEST_F(FilesTest, ReadsTheEndOfRegularFilesOnly) {
  ASSERT_TRUE(write_file(path("file"), "0123456789"));
  EXPECT_EQ(read_end(path("file"), 4), "6789");
  EXPECT_EQ(read_end(path("file"), 100), "0123456789");
  EXPECT_EQ(read_end(path("nowhere"), 100), "");
  std::filesystem::create_symlink(path("file"), path("link"));
  EXPECT_EQ(read_end(path("link"), 100), "");
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_end(path("fifo"), 100), "") << "and returns at all";
}

}  // namespace
}  // namespace modelrun::source::testing
