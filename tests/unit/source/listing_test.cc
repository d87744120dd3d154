#include "source/listing.h"

#include <gtest/gtest.h>

#include "source/files.h"
#include "unit/source/git_fixture.h"

namespace modelrun::source::testing {
namespace {

class ListingTest : public GitTest {
 protected:
  bool contains(std::string_view wanted) { return listing_contains(path("listing"), wanted).value(); }
  void write(std::string_view text) { ASSERT_TRUE(write_file(path("listing"), text)); }
};

TEST_F(ListingTest, FindsWholeLinesOnly) {
  write("model/revenue.py\nrun.py\n");
  EXPECT_TRUE(contains("run.py"));
  EXPECT_TRUE(contains("model/revenue.py"));
  for (const char* other : {"run.p", "un.py", "model", "model/", "", "model/revenue.py\nrun.py"}) {
    EXPECT_FALSE(contains(other)) << other;
  }
}

TEST_F(ListingTest, FollowsSymlinksToDirectories) {
  write("code/v2/revenue.py\nlatest/\tcode/v2\nmodel/\tlatest\nroot/\t\nrun.py\n");
  EXPECT_TRUE(contains("latest/revenue.py"));
  EXPECT_TRUE(contains("model/revenue.py"));
  EXPECT_TRUE(contains("root/root/run.py"));
  EXPECT_FALSE(contains("latest"));
  EXPECT_FALSE(contains("latest/other.py"));
}

TEST_F(ListingTest, PlaceholdersComeFirst) {
  const Placeholders both{.submodule = "libs/shared", .lfs_pointer = "data/a.csv"};
  write(placeholder_lines(both) + "data/a.csv\nrun.py\n");
  EXPECT_TRUE(contains("run.py"));
  EXPECT_TRUE(contains("data/a.csv"));
  EXPECT_FALSE(contains("libs/shared"));
  const auto read = read_placeholders(path("listing")).value();
  EXPECT_EQ(read.submodule, both.submodule);
  EXPECT_EQ(read.lfs_pointer, both.lfs_pointer);
  std::filesystem::remove(path("listing"));
  write("run.py\n");
  EXPECT_EQ(placeholder_lines(read_placeholders(path("listing")).value()), "");
  EXPECT_FALSE(read_placeholders(path("nothing")));
}

TEST_F(ListingTest, AListingThatWasForgedEnds) {
  write("a/\tb\nb/\ta\n");
  EXPECT_FALSE(contains("a/x"));
}

TEST_F(ListingTest, AListingThatCannotBeReadSaysNothing) {
  std::filesystem::create_directory(path("directory"));
  for (const char* name : {"nowhere", "directory"}) {
    const auto found = listing_contains(path(name), "run.py");
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().kind, ErrorKind::kUnavailable);
  }
}

}  // namespace
}  // namespace modelrun::source::testing
