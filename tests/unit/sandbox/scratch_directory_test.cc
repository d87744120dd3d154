// What a model can leave in a directory that has to be empty again.
#include "sandbox/scratch_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/fd.h"

namespace modelrun::sandbox {
namespace {

namespace fs = std::filesystem;

class ScratchTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(top_.data()), nullptr);
    path_ = top_ + "/scratch";
    ASSERT_EQ(::mkdir(path_.c_str(), 0755), 0);
    directory_ = ScratchDirectory::find(path_);
    ASSERT_TRUE(directory_);
  }
  void TearDown() override {
    (void)directory_->clear();
    fs::remove_all(top_);
  }
  void put(const std::string& name) const { std::ofstream(path_ + "/" + name) << "x"; }
  void expect_cleared() const {
    const auto cleared = directory_->clear();
    EXPECT_TRUE(cleared) << cleared.error().message;
    EXPECT_TRUE(fs::is_empty(path_));
  }

  std::string top_ = testing::TempDir() + "scratch-XXXXXX";
  std::string path_;
  std::optional<ScratchDirectory> directory_;
};

TEST_F(ScratchTest, WhatDoesNotExistIsNotFound) {
  EXPECT_FALSE(ScratchDirectory::find(top_ + "/missing"));
  put("file");
  EXPECT_FALSE(ScratchDirectory::find(path_ + "/file"));
}

TEST_F(ScratchTest, FilesOfAllKinds) {
  put("file");
  put(".modelrun-0");
  ASSERT_EQ(::mkfifo((path_ + "/fifo").c_str(), 0), 0);
  fs::create_hard_link(path_ + "/file", path_ + "/second");
  fs::create_directories(path_ + "/empty");
  fs::create_directories(path_ + "/a/b/c");
  put("a/b/file");
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string name = path_ + "/socket";
  ASSERT_LT(name.size(), sizeof address.sun_path);
  name.copy(address.sun_path, name.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  expect_cleared();
}

TEST_F(ScratchTest, SymbolicLinksAreNotFollowed) {
  const std::string outside = top_ + "/outside";
  fs::create_directories(outside + "/sub");
  std::ofstream(outside + "/kept") << "x";
  fs::permissions(outside, fs::perms(0755));
  fs::create_symlink(outside, path_ + "/link");
  fs::create_directories(path_ + "/a");
  fs::create_symlink(outside + "/sub", path_ + "/a/link");
  fs::create_symlink("/nowhere", path_ + "/a/dangling");
  fs::create_symlink("..", path_ + "/a/up");
  expect_cleared();
  EXPECT_TRUE(fs::exists(outside + "/kept"));
  EXPECT_TRUE(fs::exists(outside + "/sub"));
  EXPECT_EQ(fs::status(outside).permissions(), fs::perms(0755));
}

// As root the permissions would not matter.
TEST_F(ScratchTest, DirectoriesWithoutPermissions) {
  fs::create_directories(path_ + "/a/b/c/d");
  fs::create_directories(path_ + "/empty");
  put("a/b/c/file");
  ::chmod((path_ + "/a/b/c/file").c_str(), 0);
  for (const char* name : {"a/b/c/d", "a/b/c", "a/b", "a", "empty"}) ::chmod((path_ + "/" + name).c_str(), 0);
  ::chmod(path_.c_str(), 0);
  if (::geteuid() != 0) {
    expect_cleared();
  } else {
    for (const std::string& each : {top_, path_, path_ + "/a", path_ + "/a/b", path_ + "/a/b/c", path_ + "/a/b/c/d",
                                    path_ + "/a/b/c/file", path_ + "/empty"}) {
      ASSERT_EQ(::lchown(each.c_str(), 65534, 65534), 0) << each;
    }
    const pid_t child = ::fork();
    if (child == 0) {
      ::_exit(::setgid(65534) == 0 && ::setuid(65534) == 0 && directory_->clear() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(fs::is_empty(path_));
  }
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms(0755)) << "the directory itself has what it had";
}

// Deeper than a path may be long, than there may be descriptors, and than a recursion would bear.
TEST_F(ScratchTest, TreesOfAnyDepth) {
  UniqueFd at(::open(path_.c_str(), O_RDONLY | O_DIRECTORY));
  for (int depth = 0; depth < 30'000; ++depth) {
    ASSERT_EQ(::mkdirat(at.get(), "deep", 0700), 0);
    if (depth % 100 == 0) {
      ASSERT_EQ(::mkdirat(at.get(), "side", 0700), 0);
      UniqueFd file(::openat(at.get(), "side/file", O_CREAT | O_WRONLY, 0));
      ASSERT_TRUE(file);
    }
    at = UniqueFd(::openat(at.get(), "deep", O_RDONLY | O_DIRECTORY));
    ASSERT_TRUE(at);
  }
  at.reset();
  expect_cleared();
}

TEST_F(ScratchTest, ManyEntriesAndNamesThatAreTaken) {
  for (int i = 0; i < 3000; ++i) put(".modelrun-" + std::to_string(i));
  for (int i = 0; i < 50; ++i) {
    fs::create_directories(path_ + "/d/" + std::to_string(i) + "/x/y");
    fs::create_directories(path_ + "/.modelrun-" + std::to_string(3000 + i) + "/x");
    put("d/" + std::to_string(i) + "/x/file");
  }
  expect_cleared();
}

TEST_F(ScratchTest, AnErrorNamesTheDirectory) {
  fs::remove_all(path_);
  const auto cleared = directory_->clear();
  ASSERT_FALSE(cleared);
  EXPECT_EQ(cleared.error().kind, ErrorKind::kInternal);
  EXPECT_NE(cleared.error().message.find(path_ + " could not be emptied before a point"), std::string::npos)
      << cleared.error().message;
}

}  // namespace
}  // namespace modelrun::sandbox
