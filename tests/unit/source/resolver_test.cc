#include "source/resolver.h"

#include <gmock/gmock.h>

#include <thread>

#include "source/git/git_fetcher.h"
#include "unit/source/git_fixture.h"

namespace modelrun::source::testing {
namespace {

using ::testing::HasSubstr;

class ResolverTest : public GitTest {
 protected:
  ResolverTest() : repository_(path("repo.git")) { options_.policy = policy_; }
  Resolver& resolver() {
    if (!resolver_) {
      git_ = std::make_unique<GitFetcher>(policy_, path("scratch"), lookup_);
      options_.fetcher = git_.get();
      resolver_ = std::make_unique<Resolver>(options_);
    }
    return *resolver_;
  }
  HttpServer& server() {
    if (!server_) server_ = std::make_unique<HttpServer>(path(""), path("log"));
    return *server_;
  }
  Result<Resolved> resolve(const std::string& url, std::optional<std::string> branch = {}) {
    return resolver().resolve(remote(url), branch, {}, {});
  }

  Repository repository_;
  Policy policy_ = lenient_policy();
  Lookup lookup_ = system_lookup;
  ResolverOptions options_;
  std::unique_ptr<GitFetcher> git_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ResolverTest, FindsTheDefaultBranch) {
  const std::string commit = repository_.commit_sample("trunk");
  shell("git --git-dir=" + repository_.path().string() + " symbolic-ref HEAD refs/heads/trunk");
  const auto resolved = resolve(repository_.file_url());
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_EQ(resolved->commit, commit);
  EXPECT_EQ(resolved->branch, "trunk");
  EXPECT_TRUE(std::filesystem::is_empty(path("scratch")));
}

TEST_F(ResolverTest, FindsABranchAndNotItsNamesakes) {
  const std::string commit = repository_.commit_sample("main");
  const std::string other = repository_.commit_sample("x", "other\n");
  shell("git --git-dir=" + repository_.path().string() + " update-ref refs/heads/refs/heads/main " + other);
  const auto resolved = resolve(server().url("plain/repo.git"), "main");
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_EQ(resolved->commit, commit);
}

TEST_F(ResolverTest, TakesATagOrAWholeRefWhereThereIsNoSuchBranch) {
  const std::string commit = repository_.commit_sample("main");
  const std::string older = repository_.commit_sample("x", "older\n");
  const std::string git = "git --git-dir=" + repository_.path().string() +
                          " -c user.name=a -c user.email=a@example.com -c advice.nestedTag=false ";
  shell(git + "update-ref refs/tags/v1.0 " + older);
  shell(git + "tag -a -m annotated v1.1 " + older);
  shell(git + "tag -a -m 'of a tag' v1.2 v1.1");
  shell(git + "update-ref refs/tags/main " + older);
  shell(git + "update-ref refs/pull/7/head " + older);
  struct Case {
    const char *asked, *branch;
    std::string commit;
  };
  for (const auto& [asked, branch, expected] : std::vector<Case>{{"v1.0", "refs/tags/v1.0", older},
                                                                 {"v1.1", "refs/tags/v1.1", older},
                                                                 {"v1.2", "refs/tags/v1.2", older},
                                                                 {"refs/tags/v1.1", "refs/tags/v1.1", older},
                                                                 {"refs/heads/main", "main", commit},
                                                                 {"main", "main", commit},
                                                                 {"refs/pull/7/head", "refs/pull/7/head", older}}) {
    for (const char* mode : {"plain", "v0"}) {
      const auto resolved = resolve(server().url(std::string(mode) + "/repo.git"), asked);
      ASSERT_TRUE(resolved) << mode << ' ' << asked << ": " << resolved.error().message;
      EXPECT_EQ(resolved->commit, expected) << mode << ' ' << asked;
      EXPECT_EQ(resolved->branch, branch) << mode << ' ' << asked;
    }
  }
  const auto missing = resolve(repository_.file_url(), "origin/main");
  EXPECT_THAT(missing.error().message, HasSubstr("has no branch or tag 'origin/main'; try 'main'"));
}

TEST_F(ResolverTest, SaysWhichBranchIsMissing) {
  repository_.commit_sample();
  const auto resolved = resolve(repository_.file_url(), "nope");
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(resolved.error().message, HasSubstr("no branch or tag 'nope'"));
}

TEST_F(ResolverTest, SaysThatARepositoryIsEmptyOrMissing) {
  const auto empty = resolve(repository_.file_url());
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().kind, ErrorKind::kNotFound);
  const auto missing = resolve(server().url("plain/other.git"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound) << missing.error().message;
}

TEST_F(ResolverTest, ACommitNeedsNoRemote) {
  const std::string commit(40, 'A');
  const auto resolved = resolver().resolve(remote("https://nowhere.invalid/x"), "main", commit, {});
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_EQ(resolved->commit, std::string(40, 'a'));
  EXPECT_EQ(resolved->branch, "") << "nobody has looked whether it is on that branch";
}

TEST_F(ResolverTest, RefusesRefsThatAreOptions) {
  for (const std::string branch : {"--upload-pack=touch /tmp/x", "-c", "main --exec", "a..b", "refs/heads/*"}) {
    const auto resolved = resolve(repository_.file_url(), branch);
    ASSERT_FALSE(resolved) << branch;
    EXPECT_EQ(resolved.error().kind, ErrorKind::kInvalid);
  }
}

TEST_F(ResolverTest, RemembersAnAnswerUntilItIsOld) {
  auto now = std::chrono::steady_clock::now();
  options_.now = [&now] { return now; };
  repository_.commit_sample();
  const std::string url = server().url("plain/repo.git");
  ASSERT_TRUE(resolve(url));
  const int asked = server().count("info/refs");
  ASSERT_TRUE(resolve(url));
  EXPECT_EQ(server().count("info/refs"), asked);
  now += options_.cache_ttl;
  ASSERT_TRUE(resolve(url));
  EXPECT_EQ(server().count("info/refs"), 2 * asked);
}

TEST_F(ResolverTest, NamespacesShareNoAnswers) {
  auto from = remote(server().url("plain/repo.git"));
  for (const char* name : {"a", "b", "b"}) {
    from.namespace_ = name;
    (void)resolver().resolve(from, "main", {}, {});
  }
  EXPECT_EQ(server().count("GET"), 2);
}

TEST_F(ResolverTest, RemembersByIdentityAndCredentials) {
  repository_.commit_sample();
  Remote secret = remote(server().url("basic/repo.git"));
  secret.credentials = BasicCredentials{"user", "p4ss"};
  secret.cache_identity = "uid/1";
  ASSERT_TRUE(resolver().resolve(secret, {}, {}, {}));
  Remote stranger = secret;
  stranger.credentials = BasicCredentials{"user", "guess"};
  EXPECT_FALSE(resolver().resolve(stranger, {}, {}, {}));
  stranger.credentials = NoCredentials{};
  stranger.cache_identity.clear();
  EXPECT_FALSE(resolver().resolve(stranger, {}, {}, {}));
}

TEST_F(ResolverTest, EqualQuestionsAtOnceShareOneAnswer) {
  options_.cache_ttl = {};
  repository_.commit_sample();
  server();
  // Holds the first question in its name look-up until all others wait behind it or have begun.
  std::atomic<int> begun{0};
  lookup_ = [&begun](const std::string&, std::chrono::milliseconds, std::stop_token) {
    while (begun < 8) std::this_thread::yield();
    return Result<std::vector<std::string>>({"127.0.0.1"});
  };
  const std::string url = fmt::format("http://git.test:{}/plain/repo.git", server().port());
  resolver();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        ++begun;
        EXPECT_TRUE(resolve(url));
      });
    }
  }
  EXPECT_LT(server().count("info/refs"), 8);
}

TEST_F(ResolverTest, AHangingServerEndsAtTheDeadline) {
  policy_.resolve_timeout = std::chrono::milliseconds(300);
  const auto resolved = resolve(server().url("hang/repo.git"));
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().kind, ErrorKind::kTimeout);
  EXPECT_TRUE(std::filesystem::is_empty(path("scratch")));
}

TEST_F(ResolverTest, StopEndsAWait) {
  std::stop_source stop;
  const std::string url = server().url("hang/repo.git");
  resolver();
  std::jthread stopper([&] {
    while (server().count("hang") == 0) std::this_thread::yield();
    stop.request_stop();
  });
  const auto resolved = resolver().resolve(remote(url), {}, {}, stop.get_token());
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace modelrun::source::testing
