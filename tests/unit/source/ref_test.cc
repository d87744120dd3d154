#include "source/ref.h"

#include <gtest/gtest.h>

#include <string>

namespace modelrun::source {
namespace {

TEST(Ref, TakesBranchNames) {
  for (const char* branch : {"main", "feature/x", "v1.2", "a-b_c", "release/2026-11", "héllo", "a@b", "x{y}"}) {
    EXPECT_TRUE(check_branch(branch)) << branch;
  }
  EXPECT_TRUE(check_branch(std::string(250, 'a')));
}

TEST(Ref, RefusesWhatGitOrACommandLineWouldMisread) {
  for (const char* branch : {"",       "-",        "--upload-pack=x",
                             "-c",     "@",        "HEAD",
                             "a b",    "a\tb",     "a\nb",
                             "a\rb",   "a~1",      "a^",
                             "a:b",    "a?",       "a*",
                             "a[b",    "a\\b",     "a..b",
                             "a@{1}",  "/a",       "a/",
                             "a//b",   ".a",       "a/.b",
                             "a.lock", "a.lock/b", "a.",
                             "\x7f"}) {
    EXPECT_FALSE(check_branch(branch)) << branch;
  }
  EXPECT_FALSE(check_branch(std::string(251, 'a')));
  EXPECT_FALSE(check_branch(std::string_view("a\0b", 3)));
}

TEST(Ref, TakesFullCommitIdsOnly) {
  EXPECT_TRUE(is_commit(std::string(40, 'a')));
  EXPECT_TRUE(is_commit(std::string(64, 'F')));
  for (const std::string& text : {std::string(39, 'a'), std::string(41, 'a'), std::string(40, 'g'), std::string(),
                                  std::string("--upload-pack=aaaaaaaaaaaaaaaaaaaaaaaaaa")}) {
    EXPECT_FALSE(check_commit(text)) << text;
  }
}

}  // namespace
}  // namespace modelrun::source
