#include "source/archive_cache.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "base/encoding.h"
#include "source/git/git_fetcher.h"
#include "unit/source/git_fixture.h"

namespace modelrun::source::testing {
namespace {

using ::testing::HasSubstr;

class CountingGit final : public Fetcher {
 public:
  CountingGit(const Policy& policy, const std::filesystem::path& scratch) : git_(policy, scratch) {}
  Result<Resolved> resolve(const Remote& remote, const std::optional<std::string>& branch,
                           const std::stop_token& stop) override {
    return git_.resolve(remote, branch, stop);
  }
  Result<FileDigest> fetch(const Remote& remote, const std::string& commit, const ArchiveFiles& files,
                           const std::stop_token& stop) override {
    ++fetches;
    return git_.fetch(remote, commit, files, stop);
  }
  std::atomic<int> fetches{0};

 private:
  GitFetcher git_;
};

class ArchiveCacheTest : public GitTest {
 protected:
  ArchiveCacheTest() : repository_(path("repo.git")) {
    options_.policy = lenient_policy();
    options_.directory = path("cache");
    options_.fetcher = &git_;
  }
  ArchiveCache& cache() {
    if (!cache_) {
      auto opened = ArchiveCache::open(options_);
      EXPECT_TRUE(opened) << opened.error().message;
      cache_ = std::move(*opened);
    }
    return *cache_;
  }
  HttpServer& server() {
    if (!server_) server_ = std::make_unique<HttpServer>(path(""), path("log"));
    return *server_;
  }
  std::shared_ptr<const Archive> fetch(const std::string& commit) {
    auto archive = cache().fetch(remote(repository_.file_url()), commit, {});
    EXPECT_TRUE(archive) << archive.error().message;
    return archive ? *archive : nullptr;
  }
  // Each archive has a listing beside it.
  std::size_t archives_on_disk() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(path("cache"))) ++count;
    EXPECT_EQ(count % 2, 0U);
    return count / 2;
  }

  Repository repository_;
  CountingGit git_{lenient_policy(), path("work")};
  ArchiveCacheOptions options_;
  std::unique_ptr<ArchiveCache> cache_;
  std::unique_ptr<HttpServer> server_;
};

std::string read_all(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

TEST_F(ArchiveCacheTest, MakesAnArchiveOfTheTree) {
  const auto archive = fetch(repository_.commit_sample());
  ASSERT_TRUE(archive);
  EXPECT_EQ(list_archive(archive->path()),
            "drwxr-xr-x 0/0/0 0 model \n"
            "lrwxr-xr-x 0/0/0 0 model/link.py ../run.py\n"
            "-rwxr-xr-x 0/0/0 6 model/revenue.py \n"
            "-rw-r--r-- 0/0/0 9 run.py \n");
  EXPECT_EQ(read_member(archive->path(), "run.py"), "print(1)\n");
  EXPECT_TRUE(archive->contains_file("model/link.py").value());
  EXPECT_FALSE(archive->contains_file("model").value());
  const std::string bytes = read_all(archive->path());
  EXPECT_EQ(archive->bytes(), bytes.size());
  EXPECT_EQ(archive->sha256(), sha256_hex(bytes));
  EXPECT_TRUE(std::filesystem::is_empty(path("work")));
}

TEST_F(ArchiveCacheTest, EqualTreesGiveEqualArchives) {
  const std::string first = repository_.commit_sample();
  const auto one = fetch(first);
  const auto two = fetch(
      repository_.commit(repository_.tree({{"40000", "model",
                                            repository_.tree({{"120000", "link.py", repository_.blob("../run.py")},
                                                              {"100755", "revenue.py", repository_.blob("x = 1\n")}})},
                                           {"100644", "run.py", repository_.blob("print(1)\n")}}),
                         first));
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->path(), two->path());
  EXPECT_EQ(one->sha256(), two->sha256());
}

TEST_F(ArchiveCacheTest, KeepsOddNamesAndEmptyFiles) {
  const std::string deep(120, 'd');
  const auto archive = fetch(repository_.commit(repository_.tree(
      {{"40000", deep, repository_.tree({{"100644", std::string(150, 'f'), repository_.blob("deep")}})},
       {"100644", "empty", repository_.blob("")},
       {"100644", "h\xc3\xa9 llo", repository_.blob("x")}})));
  ASSERT_TRUE(archive);
  EXPECT_EQ(read_member(archive->path(), deep + "/" + std::string(150, 'f')), "deep");
  EXPECT_EQ(read_member(archive->path(), "h\xc3\xa9 llo"), "x");
  EXPECT_EQ(read_member(archive->path(), "empty"), "");
}

TEST_F(ArchiveCacheTest, FetchesOnceAndServesFromDisk) {
  const std::string commit = repository_.commit_sample();
  const Remote source = remote(server().url("plain/repo.git"));
  ASSERT_TRUE(cache().fetch(source, commit, {}));
  const int asked = server().count("");
  ASSERT_TRUE(cache().fetch(source, commit, {}));
  EXPECT_EQ(server().count(""), asked);
  EXPECT_EQ(git_.fetches, 1);
}

TEST_F(ArchiveCacheTest, EqualRequestsAtOnceShareOneFetch) {
  const std::string commit = repository_.commit_sample();
  const Remote source = remote(server().url("plain/repo.git"));
  cache();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_TRUE(cache().fetch(source, commit, {})); });
  }
  EXPECT_EQ(git_.fetches, 1);
}

TEST_F(ArchiveCacheTest, SurvivesARestart) {
  const std::string commit = repository_.commit(repository_.tree(
      {{"100644", "h\xc3\xa9", repository_.blob("x")}, {"120000", "link.py", repository_.blob("h\xc3\xa9")}}));
  const std::string sha256 = fetch(commit)->sha256();
  std::ofstream(path("cache/new-7")) << "half";
  cache_.reset();
  const auto again = fetch(commit);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sha256(), sha256);
  EXPECT_TRUE(again->contains_file("link.py").value());
  EXPECT_EQ(git_.fetches, 1) << "before the restart";
  EXPECT_EQ(archives_on_disk(), 1U);
}

TEST_F(ArchiveCacheTest, ADamagedArchiveIsFetchedAgain) {
  const std::string commit = repository_.commit_sample();
  const auto file = fetch(commit)->path();
  cache_.reset();
  std::ofstream(file, std::ios::app) << "x";
  const auto again = fetch(commit);
  ASSERT_TRUE(again);
  EXPECT_EQ(git_.fetches, 2);
  EXPECT_EQ(sha256_hex(read_all(again->path())), again->sha256());
}

TEST_F(ArchiveCacheTest, AListingIsThatOfItsArchive) {
  const std::string commit = repository_.commit_sample();
  const auto listing_of = [](const std::filesystem::path& archive) {
    const auto name = archive.string();
    return std::filesystem::path(name.substr(0, name.size() - std::string_view(".tar.gz").size()) + ".files");
  };
  const auto listing = listing_of(fetch(commit)->path());
  const auto other = listing_of(fetch(repository_.commit_sample("other", "other"))->path());
  const auto whole = read_all(listing);
  int fetches = git_.fetches;
  for (const auto& text : {whole.substr(0, whole.size() / 2), "more.py\n" + whole, read_all(other), std::string()}) {
    cache_.reset();
    std::ofstream(listing, std::ios::trunc) << text;
    const auto again = fetch(commit);
    ASSERT_TRUE(again);
    EXPECT_EQ(git_.fetches, ++fetches) << text;
    EXPECT_EQ(read_all(listing), whole);
    EXPECT_TRUE(again->contains_file("run.py").value());
  }
}

TEST_F(ArchiveCacheTest, LetsTheLeastUsedGo) {
  options_.max_archives = 2;
  const std::string a = repository_.commit_sample("a", "a");
  const std::string b = repository_.commit_sample("b", "b");
  const std::string c = repository_.commit_sample("c", "c");
  fetch(a);
  fetch(b);
  fetch(a);
  fetch(c);
  EXPECT_EQ(archives_on_disk(), 2U);
  const int fetches = git_.fetches;
  fetch(a);
  EXPECT_EQ(git_.fetches, fetches);
  fetch(b);
  EXPECT_EQ(git_.fetches, fetches + 1);
}

TEST_F(ArchiveCacheTest, KeepsWhatIsBeingServed) {
  options_.max_bytes = 1;
  const auto held = fetch(repository_.commit_sample("a", "a"));
  fetch(repository_.commit_sample("b", "b"));
  EXPECT_TRUE(std::filesystem::exists(held->path()));
  const auto path_of_held = held->path();
  const_cast<std::shared_ptr<const Archive>&>(held).reset();
  fetch(repository_.commit_sample("c", "c"));
  EXPECT_FALSE(std::filesystem::exists(path_of_held));
}

TEST_F(ArchiveCacheTest, AHitNeverCrossesCredentials) {
  const std::string commit = repository_.commit_sample();
  Remote source = remote(server().url("basic/repo.git"));
  source.credentials = BasicCredentials{"user", "p4ss"};
  source.cache_identity = "uid/1";
  ASSERT_TRUE(cache().fetch(source, commit, {}));
  Remote stranger = remote(source.url);
  EXPECT_EQ(cache().fetch(stranger, commit, {}).error().kind, ErrorKind::kDenied);
  stranger.cache_identity = "uid/1";
  EXPECT_EQ(cache().fetch(stranger, commit, {}).error().kind, ErrorKind::kDenied);
}

TEST_F(ArchiveCacheTest, FindsACommitThatIsNotTheTipOfABranch) {
  const std::string first = repository_.commit_sample("main", "1");
  repository_.set_branch("main",
                         repository_.commit(repository_.tree({{"100644", "run.py", repository_.blob("2")}}), first));
  for (const char* mode : {"plain", "v0"}) {
    const auto archive = cache().fetch(remote(server().url(std::string(mode) + "/repo.git")), first, {});
    ASSERT_TRUE(archive) << mode << ": " << archive.error().message;
    EXPECT_EQ(read_member((*archive)->path(), "run.py"), "1");
  }
}

TEST_F(ArchiveCacheTest, SaysThatACommitIsMissing) {
  repository_.commit_sample();
  for (const char* mode : {"plain", "v0"}) {
    const auto archive = cache().fetch(remote(server().url(std::string(mode) + "/repo.git")), std::string(40, 'a'), {});
    ASSERT_FALSE(archive);
    EXPECT_EQ(archive.error().kind, ErrorKind::kNotFound) << mode << ": " << archive.error().message;
  }
  const std::string blob = repository_.blob("x");
  const auto not_a_commit = cache().fetch(remote(repository_.file_url()), blob, {});
  EXPECT_EQ(not_a_commit.error().kind, ErrorKind::kNotFound) << not_a_commit.error().message;
}

TEST_F(ArchiveCacheTest, KnowsSha256Repositories) {
  Repository modern(path("modern.git"), "sha256");
  const std::string commit = modern.commit_sample();
  ASSERT_EQ(commit.size(), 64U);
  const auto archive = cache().fetch(remote(modern.file_url()), commit, {});
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_TRUE((*archive)->contains_file("run.py").value());
}

}  // namespace
}  // namespace modelrun::source::testing
