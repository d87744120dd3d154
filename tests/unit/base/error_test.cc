#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace modelrun {
namespace {

TEST(Error, NamesItsStage) {
  const Error error{ErrorKind::kDenied, "open /x: Permission denied"};
  EXPECT_EQ(error.in("read kubeconfig").message, "read kubeconfig: open /x: Permission denied");
  EXPECT_EQ(error.in("read kubeconfig").kind, ErrorKind::kDenied);
}

TEST(Error, FailFormatsAndFailInPassesOn) {
  const Result<int> failed = fail(ErrorKind::kInvalid, "ref '{}' begins with '-'", "-x");
  ASSERT_FALSE(failed);
  const Result<int> passed = fail_in("resolve", failed.error());
  ASSERT_FALSE(passed);
  EXPECT_EQ(passed.error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(passed.error().message, "resolve: ref '-x' begins with '-'");
}

TEST(Error, ErrnoSaysWhatAndWhy) {
  const Error error = errno_error("open /x", ENOENT);
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_EQ(error.message, "open /x: No such file or directory");
}

}  // namespace
}  // namespace modelrun
