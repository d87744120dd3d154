#include "source/git/tree.h"

#include <gmock/gmock.h>

#include "source/git/tree_reader.h"

namespace modelrun::source {
namespace {

using ::testing::HasSubstr;
using namespace std::string_literals;

Node file() {
  return {NodeKind::kFile, 1, {}, {}};
}
Node link(std::string target) {
  return {NodeKind::kSymlink, 0, std::move(target), {}};
}

TEST(TreePath, RefusesWhatIsNotSafeToCreate) {
  for (const char* path : {"", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".git", ".GIT/config",
                           "a/.Git/x", "a\nb", "a\rb", "a\x1b[31m", "a\x7f", "a\\b", "\xff", "a\xc3"}) {
    EXPECT_FALSE(check_tree_path(path)) << path;
  }
  EXPECT_FALSE(check_tree_path("a\0b"s));
  EXPECT_FALSE(check_tree_path(std::string(256, 'a')));
  EXPECT_FALSE(check_tree_path(std::string(200, 'a') + "/" + std::string(1000, 'b')));
  for (const char* path :
       {"run.py", "model/a b.py", ".gitignore", ".github/x", "a..b", "…", "h\xc3\xa9", "-rf", "CON"}) {
    EXPECT_TRUE(check_tree_path(path)) << path;
  }
}

TEST(TreePath, IsNamedWithoutItsControlCharacters) {
  EXPECT_EQ(check_tree_path("a\n'b").error().message,
            "the commit is refused: 'a\\x0a\\x27b' has a control character in its name");
}

TEST(Tree, FollowsSymlinksInside) {
  Tree tree;
  ASSERT_TRUE(tree.add("model/a.py", file()));
  ASSERT_TRUE(tree.add("run.py", link("model/a.py")));
  ASSERT_TRUE(tree.add("m", link("model")));
  ASSERT_TRUE(tree.add("model/up", link("../m/./a.py")));
  ASSERT_TRUE(tree.add("gone", link("nowhere/x")));
  ASSERT_TRUE(tree.add("loop", link("loop")));
  EXPECT_TRUE(tree.check_symlinks());
  for (const char* path : {"run.py", "model/a.py", "m/a.py", "m/up", "./run.py"})
    EXPECT_TRUE(tree.follow(path).is_file) << path;
  for (const char* path :
       {"model", "m", "gone", "loop", "x", "", "../run.py", "/run.py", "run.py/x", "m/../../run.py"}) {
    EXPECT_FALSE(tree.follow(path).is_file) << path;
  }
  EXPECT_EQ(tree.follow("m").directory, "model");
  EXPECT_EQ(tree.follow("").directory, "");
  EXPECT_FALSE(tree.follow("run.py").directory);
  EXPECT_EQ(tree.file_count(), 6U);
}

TEST(Tree, RefusesSymlinksThatLeave) {
  struct Case {
    std::string path;
    std::string target;
  };
  for (const Case& c :
       {Case{"l", "/etc/passwd"}, Case{"l", ".."}, Case{"l", "../x"}, Case{"d/l", "../../x"},
        // 'deep' is d/e: what looks like the root's parent from its text is, and what looks inside is not.
        Case{"l", "deep/../../../x"}, Case{"l", "missing/../../x"}, Case{"l", "abs/x"}, Case{"l", "run.py/../../x"}}) {
    Tree tree;
    ASSERT_TRUE(tree.add("d/e/f", file()));
    ASSERT_TRUE(tree.add("run.py", file()));
    ASSERT_TRUE(tree.add("deep", link("d/e")));
    if (c.target == "abs/x") {
      ASSERT_TRUE(tree.add("abs", link("/")));
    }
    ASSERT_TRUE(tree.add(c.path, link(c.target)));
    const auto checked = tree.check_symlinks();
    ASSERT_FALSE(checked) << c.target;
    EXPECT_EQ(checked.error().kind, ErrorKind::kDenied);
  }
  Tree inside;
  ASSERT_TRUE(inside.add("d/e/f", file()));
  ASSERT_TRUE(inside.add("deep", link("d/e")));
  ASSERT_TRUE(inside.add("l", link("deep/../../x")));
  EXPECT_TRUE(inside.check_symlinks()) << "followed, deep/../../x is x";
}

TEST(Tree, ChainsOfLongSymlinksAreCut) {
  Tree tree;
  std::string target = "x";
  for (int i = 0; i < 500; ++i) target += "/.";
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(tree.add(fmt::format("l{:05}", i), link(fmt::format("{}/../l{:05}", target, (i + 1) % 20'000))));
  }
  EXPECT_EQ(tree.check_symlinks().error().kind, ErrorKind::kTooLarge);
}

TEST(Tree, RefusesDoublesAndFilesAsParents) {
  Tree tree;
  ASSERT_TRUE(tree.add("a", file()));
  EXPECT_FALSE(tree.add("a", file()));
  EXPECT_FALSE(tree.add("a/b", file()));
  EXPECT_FALSE(tree.add("a", Node{NodeKind::kDirectory, 0, {}, {}}));
  ASSERT_TRUE(tree.add("l", link("a")));
  EXPECT_FALSE(tree.add("l/b", file()));
  EXPECT_EQ(tree.file_count(), 2U);
}

class TreeReaderTest : public ::testing::Test {
 protected:
  Result<void> read(const std::string& text, std::size_t piece = 1) {
    for (std::size_t at = 0; at < text.size(); at += piece) {
      if (auto fed = reader_.feed(std::string_view(text).substr(at, piece)); !fed) return fed;
    }
    return reader_.finish();
  }
  static std::string line(const std::string& mode, const std::string& type, const std::string& size,
                          const std::string& path) {
    return fmt::format("{} {} {} {:>7}\t{}", mode, type, std::string(40, 'a'), size, path) + '\0';
  }
  Policy policy_{.max_tree_bytes = 100, .max_file_bytes = 60, .max_files = 3};
  TreeReader reader_{policy_};
};

TEST_F(TreeReaderTest, ReadsByteByByte) {
  const auto read_all = read(line("100644", "blob", "5", "a b") + line("040000", "tree", "-", "d") +
                             line("100755", "blob", "0", "d/x") + line("160000", "commit", "-", "sub"));
  ASSERT_TRUE(read_all) << read_all.error().message;
  EXPECT_TRUE(reader_.tree().follow("a b").is_file);
  EXPECT_EQ(reader_.tree().nodes().at("d/x").kind, NodeKind::kExecutable);
  EXPECT_TRUE(reader_.tree().follow("sub").directory);
}

TEST_F(TreeReaderTest, HoldsTheLimits) {
  EXPECT_EQ(read(line("100644", "blob", "61", "a")).error().kind, ErrorKind::kTooLarge);
  TreeReader second(policy_);
  EXPECT_EQ(second.feed(line("100644", "blob", "60", "a") + line("100644", "blob", "41", "b")).error().kind,
            ErrorKind::kTooLarge);
}

TEST_F(TreeReaderTest, CountsFilesAndDirectories) {
  std::string files;
  for (const char* name : {"a", "b", "c"}) files += line("100644", "blob", "0", name);
  EXPECT_TRUE(read(files));
  EXPECT_EQ(read(line("100644", "blob", "0", "d")).error().kind, ErrorKind::kTooLarge);
}

TEST_F(TreeReaderTest, CountsEmptyDirectories) {
  std::string text;
  for (const char* name : {"a", "b", "c", "d"}) text += line("040000", "tree", "-", name);
  EXPECT_EQ(read(text).error().kind, ErrorKind::kTooLarge);
}

TEST_F(TreeReaderTest, RefusesWhatItDoesNotUnderstand) {
  for (const std::string& text : {"x\0"s, "100644 blob aaaa\tx\0"s, line("100644", "blob", "BAD", "x"),
                                  line("100644", "blob", "-1", "x"), line("100644", "tag", "-", "x"), "100644 blob"s}) {
    TreeReader fresh(policy_);
    auto fed = fresh.feed(text);
    if (fed) fed = fresh.finish();
    EXPECT_FALSE(fed) << text;
  }
  EXPECT_FALSE(read(std::string(10'000, 'x'), 1000));
}

}  // namespace
}  // namespace modelrun::source
