// Repositories made to do harm, by plumbing that checks nothing.
#include <gmock/gmock.h>

#include <fstream>

#include "source/git/git_fetcher.h"
#include "source/listing.h"
#include "unit/source/git_fixture.h"

namespace modelrun::source::testing {
namespace {

using ::testing::HasSubstr;

class HostileRepositoryTest : public GitTest {
 protected:
  HostileRepositoryTest() : repository_(path("repo.git")) {
    policy_ = lenient_policy();
    std::filesystem::create_directories(path("fetched"));
  }
  // Returns the archive and its listing.
  Result<ArchiveFiles> fetch(const std::string& commit) {
    GitFetcher git(policy_, path("scratch"));
    const auto name = std::to_string(++fetches_);
    ArchiveFiles files{path("fetched") / name, path("fetched") / (name + "-listing")};
    auto fetched = git.fetch(remote(url_.empty() ? repository_.file_url() : url_), commit, files, {});
    EXPECT_TRUE(std::filesystem::is_empty(path("scratch")));
    if (!fetched) return std::unexpected(fetched.error());
    return files;
  }
  Result<ArchiveFiles> fetch_tree(const std::vector<Repository::TreeEntry>& entries) {
    return fetch(repository_.commit(repository_.tree(entries)));
  }
  std::string blob(std::string_view content = "x") { return repository_.blob(content); }
  void expect(ErrorKind kind, const Result<ArchiveFiles>& archive, const std::string& words = {}) {
    ASSERT_FALSE(archive);
    EXPECT_EQ(archive.error().kind, kind) << archive.error().message;
    EXPECT_THAT(archive.error().message, HasSubstr(words));
    EXPECT_LE(archive.error().message.size(), 300U);
  }

  Repository repository_;
  std::string url_;  // of another server than the file system
  Policy policy_;
  int fetches_ = 0;
};

TEST_F(HostileRepositoryTest, NamesThatLeaveTheTree) {
  for (const char* name : {"..", ".", ".git", ".GIT", "a/b", "../x"}) {
    SCOPED_TRACE(name);
    expect(ErrorKind::kDenied, fetch_tree({{"100644", name, blob()}}));
    expect(ErrorKind::kDenied, fetch_tree({{"40000", name, repository_.tree({{"100644", "x", blob()}})}}));
  }
}

TEST_F(HostileRepositoryTest, NamesWithControlCharacters) {
  for (const char* name : {"a\rb", "a\nb", "\x1b[2J", "\x7f", "caf\xe9"})
    expect(ErrorKind::kDenied, fetch_tree({{"100644", name, blob()}}));
}

TEST_F(HostileRepositoryTest, OneNameTwice) {
  expect(ErrorKind::kDenied, fetch_tree({{"100644", "a", blob("1")}, {"100644", "a", blob("2")}}));
  expect(ErrorKind::kDenied,
         fetch_tree({{"120000", "a", blob("b")}, {"40000", "a", repository_.tree({{"100644", "x", blob()}})}}));
}

TEST_F(HostileRepositoryTest, SymlinksThatLeaveTheTree) {
  for (const char* target : {"/etc/passwd", "..", "../../x", "d/../../x"}) {
    SCOPED_TRACE(target);
    expect(ErrorKind::kDenied, fetch_tree({{"100644", "a", blob()}, {"120000", "run.py", blob(target)}}), "'run.py'");
  }
  using namespace std::string_literals;
  expect(ErrorKind::kDenied, fetch_tree({{"120000", "l", blob("a\0b"s)}}));
  expect(ErrorKind::kDenied, fetch_tree({{"120000", "l", blob(std::string(5000, 'a'))}}));
}

TEST_F(HostileRepositoryTest, SubmodulesAreEmptyDirectories) {
  const auto archive =
      fetch_tree({{"100644", ".gitmodules", blob("[submodule \"s\"]\n\tpath = s\n\turl = https://evil.invalid/x\n")},
                  {"160000", "s", std::string(40, 'a')}});
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_THAT(list_archive(archive->archive), HasSubstr("drwxr-xr-x 0/0/0 0 s "));
  EXPECT_EQ(read_placeholders(archive->listing)->submodule, "s");
}

TEST_F(HostileRepositoryTest, SubmoduleUrlsThatAreOptions) {
  expect(ErrorKind::kDenied,
         fetch_tree({{"100644", ".gitmodules", blob("[submodule \"s\"]\n\tpath = s\n\turl = -u./payload\n")},
                     {"160000", "s", std::string(40, 'a')}}));
}

TEST_F(HostileRepositoryTest, WhatOnlyLooksLikeAPointerIsNone) {
  const auto archive = fetch_tree({
      {"100644", "about.md", blob("A pointer begins with version https://git-lfs.github.com/spec/v1\n")},
      {"100644", "long", blob("version https://git-lfs.github.com/spec/v1\n" + std::string(2000, 'x'))},
      {"100644", "short", blob("version https")},
  });
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_EQ(read_placeholders(archive->listing)->lfs_pointer, "");
}

// Old and home-made tools left such heads in many public repositories. None of them changes a tree.
TEST_F(HostileRepositoryTest, HeadsOfCommitsThatGitFindsFaultWith) {
  const std::string tree = repository_.tree({{"100644", "run.py", blob("result = 1\n")}});
  const std::string good = "a <a@example.com> 1400000000 +0000";
  const auto head = [](const std::string& author, const std::string& committer) {
    return "author " + author + "\ncommitter " + committer + "\n";
  };
  for (const std::string& heads :
       {head("Ana<ana@example.com> 1400000000 +0000", good), head(good, "Ana<ana@example.com> 1400000000 +0000"),
        head("<ana@example.com> 1400000000 +0000", good), head("Ana 1400000000 +0000", good),
        head("Ana <ana@example.com> <b@example.com> 1400000000 +0000", good),
        head("Ana> <ana@example.com> 1400000000 +0000", good), head("Ana <ana@example.com>1400000000 +0000", good),
        head("Ana <ana@example.com> 01400000000 +0000", good),
        head("Ana <ana@example.com> 99999999999999999999 +0000", good), head("Ana <ana@example.com> soon +0000", good),
        head("Ana <ana@example.com> 1400000000 +0", good), head("Ana <ana@example.com> 1400000000", good),
        head("Ana <ana@example.com>", good), "author " + good + "\n" + head(good, good), "committer " + good + "\n",
        "author " + good + "\n"}) {
    const std::string commit = shell(
        "git --git-dir=" + repository_.path().string() + " hash-object --literally -t commit -w --stdin | tr -d '\\n'",
        "tree " + tree + "\n" + heads + "\nx\n");
    repository_.set_branch("main", commit);
    const auto archive = fetch(commit);
    ASSERT_TRUE(archive) << heads << archive.error().message;
    EXPECT_EQ(read_member(archive->archive, "run.py"), "result = 1\n");
  }
}

TEST_F(HostileRepositoryTest, AttributesDoNothing) {
  const auto archive = fetch_tree({
      {"100644", ".gitattributes",
       blob("secret export-ignore\nid ident export-subst\nlfs filter=lfs diff=lfs merge=lfs -text\ntext text eol=crlf "
            "working-tree-encoding=UTF-16\n")},
      {"100644", "id", blob("$Id$ $Format:%H$\n")},
      {"100644", "lfs", blob("version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1\n")},
      {"100644", "secret", blob("kept")},
      {"100644", "text", blob("a\nb\n")},
  });
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_EQ(read_member(archive->archive, "id"), "$Id$ $Format:%H$\n");
  EXPECT_THAT(read_member(archive->archive, "lfs"), HasSubstr("git-lfs"));
  EXPECT_EQ(read_placeholders(archive->listing)->lfs_pointer, "lfs");
  EXPECT_EQ(read_member(archive->archive, "secret"), "kept");
  EXPECT_EQ(read_member(archive->archive, "text"), "a\nb\n");
}

TEST_F(HostileRepositoryTest, BigFiles) {
  policy_.max_file_bytes = 1000;
  expect(ErrorKind::kTooLarge, fetch_tree({{"100644", "big", blob(std::string(1001, 'x'))}}), "'big'");
  ASSERT_TRUE(fetch_tree({{"100644", "fits", blob(std::string(1000, 'x'))}}));
}

TEST_F(HostileRepositoryTest, ManyFilesThatAreOneBlob) {
  policy_.max_files = 50;
  std::vector<Repository::TreeEntry> entries;
  for (int i = 0; i < 51; ++i) entries.push_back({"100644", fmt::format("f{:03}", i), blob()});
  expect(ErrorKind::kTooLarge, fetch_tree(entries), "50 files");
  entries.pop_back();
  ASSERT_TRUE(fetch_tree(entries));
}

TEST_F(HostileRepositoryTest, TreesThatMultiply) {
  // Ten entries a level, ten levels: a few hundred bytes that spell 10^10 files. The same with nothing at the bottom.
  for (const std::string& bottom : {repository_.tree({{"100644", "f", blob()}}), repository_.tree({})}) {
    std::string tree = bottom;
    for (int level = 0; level < 10; ++level) {
      std::vector<Repository::TreeEntry> entries;
      for (int i = 0; i < 10; ++i) entries.push_back({"40000", fmt::format("d{}", i), tree});
      tree = repository_.tree(entries);
    }
    expect(ErrorKind::kTooLarge, fetch(repository_.commit(tree)));
  }
}

TEST_F(HostileRepositoryTest, BlobsThatMultiply) {
  policy_.max_tree_bytes = 1'000'000;
  const std::string zeros = blob(std::string(100'000, '\0'));
  std::vector<Repository::TreeEntry> entries;
  for (int i = 0; i < 11; ++i) entries.push_back({"100644", fmt::format("f{:03}", i), zeros});
  expect(ErrorKind::kTooLarge, fetch_tree(entries), "together");
}

TEST_F(HostileRepositoryTest, PacksThatAreTooLarge) {
  policy_.max_pack_bytes = 200'000;
  const std::string noise = shell("head -c 1000000 /dev/urandom");
  expect(ErrorKind::kTooLarge, fetch_tree({{"100644", "noise", blob(noise)}}));
}

TEST_F(HostileRepositoryTest, PathsThatAreTooLongTogether) {
  // 4,500 files whose names make a kilobyte each, in some kilobytes of repository.
  std::vector<Repository::TreeEntry> entries;
  const std::string id = blob();
  for (int i = 0; i < 4'500; ++i) entries.push_back({"100644", fmt::format("{:0250}", i), id});
  std::string tree = repository_.tree(entries);
  for (int level = 0; level < 3; ++level) tree = repository_.tree({{"40000", std::string(240, 'd'), tree}});
  expect(ErrorKind::kTooLarge, fetch(repository_.commit(tree)), "the paths of the commit");
}

TEST_F(HostileRepositoryTest, ABlobThatUnfolds) {
  const std::string huge = shell("head -c 314572800 /dev/zero | git --git-dir=" + repository_.path().string() +
                                 " hash-object -w --stdin | tr -d '\\n'");
  const auto commit = repository_.commit(repository_.tree({{"100644", "huge", huge}}));
  // Over HTTP the server has memory of its own, and git on this side passes the blob through without holding it.
  HttpServer server(path(""), path("log"));
  url_ = server.url("plain/repo.git");
  expect(ErrorKind::kTooLarge, fetch(commit), "'huge'");
}

TEST_F(HostileRepositoryTest, ATreeThatUnfolds) {
  // One tree of 400 MB, which compresses to next to nothing. git holds a tree in memory as a whole.
  shell(
      "python3 -c 'import hashlib,zlib,os\n"
      "e=b\"100644 \"+b\"a\"*250+b\"\\0\"+b\"\\1\"*20\n"
      "body=e*1500000\nd=b\"tree %d\\0\"%len(body)+body\nh=hashlib.sha1(d).hexdigest()\n"
      "p=\"" +
      repository_.path().string() +
      "/objects/\"+h[:2]\nos.makedirs(p,exist_ok=True)\n"
      "open(p+\"/\"+h[2:],\"wb\").write(zlib.compress(d,1))\nprint(h)' > " +
      path("id").string());
  std::string id;
  std::ifstream(path("id")) >> id;
  const auto commit = shell("printf 'tree " + id +
                            "\nauthor a <a@b> 1700000000 +0000\ncommitter a <a@b> 1700000000 "
                            "+0000\n\nx\n' | git --git-dir=" +
                            repository_.path().string() + " hash-object -w -t commit --stdin | tr -d '\\n'");
  const auto archive = fetch(commit);
  ASSERT_FALSE(archive);
  EXPECT_EQ(archive.error().kind, ErrorKind::kTooLarge) << archive.error().message;
}

TEST_F(HostileRepositoryTest, HistoryIsNotFetched) {
  policy_.max_pack_bytes = 200'000;
  const std::string old =
      repository_.commit(repository_.tree({{"100644", "noise", blob(shell("head -c 1000000 /dev/urandom"))}}));
  ASSERT_TRUE(fetch(repository_.commit(repository_.tree({{"100644", "run.py", blob()}}), old)));
}

TEST_F(HostileRepositoryTest, HooksOfTheRemoteDoNotRunHere) {
  const std::string commit = repository_.commit_sample();
  const auto marker = path("marker");
  for (const char* hook : {"post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"}) {
    const auto file = repository_.path() / "hooks" / hook;
    shell(fmt::format("printf '#!/bin/sh\\ntouch {}\\n' > {} && chmod 755 {}", marker.string(), file.string(),
                      file.string()));
  }
  ASSERT_TRUE(fetch(commit));
  EXPECT_FALSE(std::filesystem::exists(marker));
}

}  // namespace
}  // namespace modelrun::source::testing
