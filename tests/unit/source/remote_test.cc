// Hostile, failing and foreign servers: where credentials go, what addresses are reached, what a person is told.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "source/git/git_fetcher.h"
#include "unit/source/git_fixture.h"

namespace modelrun::source::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RemoteTest : public GitTest {
 protected:
  RemoteTest() : repository_(path("repo.git")), server_(path(""), path("log")) {
    policy_ = lenient_policy();
    commit_ = repository_.commit_sample();
  }
  Result<Resolved> resolve(const Remote& from) { return git().resolve(from, "main", {}); }
  Result<FileDigest> fetch(const Remote& from, const std::stop_token& stop = {}) {
    std::filesystem::create_directories(path("fetched"));
    return git().fetch(
        from, commit_,
        {path("fetched") / std::to_string(++fetches_), path("fetched") / fmt::format("{}-listing", fetches_)}, stop);
  }
  GitFetcher git() { return {policy_, path("scratch"), lookup_}; }
  Remote with_password(const std::string& url_path, const std::string& password = "p4ss") {
    Remote from = remote(server_.url(url_path));
    from.credentials = BasicCredentials{"user", password};
    return from;
  }

  Repository repository_;
  HttpServer server_;
  Policy policy_;
  std::string commit_;
  Lookup lookup_ = system_lookup;
  int fetches_ = 0;
};

TEST_F(RemoteTest, BasicAndBearerCredentials) {
  EXPECT_TRUE(resolve(with_password("basic/repo.git")));
  EXPECT_TRUE(fetch(with_password("basic/repo.git")));
  Remote from = remote(server_.url("bearer/repo.git"));
  from.credentials = BearerCredentials{"t0ken"};
  EXPECT_TRUE(resolve(from));
  EXPECT_TRUE(fetch(from));
}

TEST_F(RemoteTest, RefusedCredentialsAreDenied) {
  for (const Remote& from : {with_password("basic/repo.git", "wr0ng"), remote(server_.url("basic/repo.git")),
                             with_password("status/403/repo.git")}) {
    const auto resolved = resolve(from);
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().kind, ErrorKind::kDenied) << resolved.error().message;
    EXPECT_THAT(resolved.error().message, Not(HasSubstr("wr0ng")));
    EXPECT_THAT(resolved.error().message, Not(HasSubstr("dXNlcjp3cjBuZw")));
  }
}

TEST_F(RemoteTest, CredentialsThatWouldForgeHeadersAreRefused) {
  EXPECT_EQ(resolve(with_password("basic/repo.git", "x\r\nHost: evil")).error().kind, ErrorKind::kDenied);
  EXPECT_THAT(resolve(with_password("basic/repo.git", "p4ss\n")).error().message, HasSubstr("line break"));
}

TEST_F(RemoteTest, RedirectsAreNotFollowedAndCredentialsStay) {
  HttpServer other(path(""), path("other-log"));
  for (const std::string& host : {fmt::format("127.0.0.1:{}", other.port()), std::string("169.254.169.254")}) {
    const Remote from = with_password("redirect/" + host + "/repo.git");
    const auto resolved = resolve(from);
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().kind, ErrorKind::kDenied) << resolved.error().message;
    EXPECT_THAT(resolved.error().message, HasSubstr("redirect"));
    EXPECT_FALSE(fetch(from));
  }
  EXPECT_EQ(other.count(""), 0);
}

TEST_F(RemoteTest, CredentialsStandInNoCommandLine) {
  // The server holds git in its hands while its command line is read.
  std::stop_source stop;
  Remote from = with_password("hang/repo.git", "canary-password");
  std::jthread client([&] { (void)git().resolve(from, "main", stop.get_token()); });
  while (server_.count("hang") == 0) std::this_thread::yield();
  std::istringstream lines(
      shell("for each in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $each && echo; done 2>/dev/null || true"));
  // The password is nobody else's, whoever has it; a header may be of a program that has nothing to do with this.
  std::string ours;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_THAT(line, Not(HasSubstr("canary-password")));
    if (line.find(fmt::format(":{}/", server_.port())) != std::string::npos) ours += line + '\n';
  }
  EXPECT_THAT(ours, HasSubstr("ls-remote"));
  EXPECT_THAT(ours, Not(HasSubstr("Authorization")));
  EXPECT_EQ(shell("grep -rl canary-password " + path("scratch").string() + " || true"), "");
  stop.request_stop();
}

TEST_F(RemoteTest, PrivateAddressesAreRefusedAfterResolution) {
  policy_.allow_private_addresses = false;
  const auto literal = resolve(with_password("basic/repo.git"));
  EXPECT_EQ(literal.error().kind, ErrorKind::kDenied) << literal.error().message;
  Remote named = remote(fmt::format("http://git.test:{}/plain/repo.git", server_.port()));
  lookup_ = [](const std::string&, std::chrono::milliseconds, std::stop_token) {
    return Result<std::vector<std::string>>({"10.96.0.1"});
  };
  EXPECT_THAT(resolve(named).error().message, HasSubstr("10.96.0.1"));
  EXPECT_EQ(server_.count(""), 0);
}

TEST_F(RemoteTest, TheCheckedAddressIsTheOneThatIsUsed) {
  // git.test exists nowhere but in this look-up: only the pin leads git to the server.
  lookup_ = [](const std::string& host, std::chrono::milliseconds,
               std::stop_token) -> Result<std::vector<std::string>> {
    if (host != "git.test") return fail(ErrorKind::kUnavailable, "no such name");
    return std::vector<std::string>{"127.0.0.1"};
  };
  const auto resolved = resolve(remote(fmt::format("http://git.test:{}/plain/repo.git", server_.port())));
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_EQ(resolved->commit, commit_);
}

TEST_F(RemoteTest, FailingServers) {
  struct Case {
    const char* path;
    ErrorKind kind;
  };
  for (const Case& c :
       {Case{"status/404/repo.git", ErrorKind::kNotFound}, Case{"status/500/repo.git", ErrorKind::kUnavailable},
        Case{"status/429/repo.git", ErrorKind::kUnavailable}, Case{"garbage/repo.git", ErrorKind::kUnavailable}}) {
    const auto resolved = resolve(remote(server_.url(c.path)));
    ASSERT_FALSE(resolved) << c.path;
    EXPECT_EQ(resolved.error().kind, c.kind) << c.path << ": " << resolved.error().message;
    EXPECT_LE(resolved.error().message.size(), 300U);
  }
  EXPECT_EQ(resolve(remote("http://127.0.0.1:1/x")).error().kind, ErrorKind::kUnavailable);
}

// It would answer in the same way for ever.
TEST_F(RemoteTest, AServerOfTheDumbProtocolIsDeniedAtOnce) {
  shell("git --git-dir=" + repository_.path().string() + " update-server-info");
  const auto fetched = fetch(remote(server_.url("dumb/repo.git")));
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::kDenied) << fetched.error().message;
  EXPECT_THAT(fetched.error().message, HasSubstr("only git's dumb HTTP protocol"));
}

TEST_F(RemoteTest, TheWordsOfAServerDecideNothing) {
  for (const std::string words : {"Out of memory, malloc failed", "x\nfatal: Out of memory, malloc failed",
                                  "x\nerror: fsck error in packed object", "repository 'x' not found",
                                  "x\nfatal: Authentication failed for 'x'", "x\nfatal: write error: File too large"}) {
    std::string hex;
    for (const char c : words) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    const auto from = remote(server_.url("err/" + hex));
    const auto resolved = resolve(from);
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().kind, ErrorKind::kUnavailable) << resolved.error().message;
    EXPECT_EQ(fetch(from).error().kind, ErrorKind::kUnavailable);
  }
}

TEST_F(RemoteTest, RefsWithoutAnEndEnd) {
  policy_.resolve_timeout = policy_.fetch_timeout = std::chrono::minutes(2);
  const auto from = remote(server_.url("endless/x"));
  EXPECT_EQ(resolve(from).error().kind, ErrorKind::kTooLarge);
  EXPECT_EQ(fetch(from).error().kind, ErrorKind::kTooLarge);
}

TEST_F(RemoteTest, APackThatBreaksOffIsUnavailable) {
  const auto archive = fetch(remote(server_.url("cut/repo.git")));
  ASSERT_FALSE(archive);
  EXPECT_EQ(archive.error().kind, ErrorKind::kUnavailable) << archive.error().message;
}

TEST_F(RemoteTest, AHangingFetchEndsAtTheDeadlineAndOnStop) {
  policy_.fetch_timeout = std::chrono::milliseconds(300);
  const Remote from = remote(server_.url("hang/repo.git"));
  EXPECT_EQ(fetch(from).error().kind, ErrorKind::kTimeout);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(fetch(from, stop.get_token()).error().kind, ErrorKind::kCancelled);
  EXPECT_TRUE(std::filesystem::is_empty(path("scratch")));
}

TEST_F(RemoteTest, TlsNeedsTheRightAuthority) {
  shell(
      fmt::format("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=git.test "
                  "-addext subjectAltName=DNS:git.test -keyout {0}/key.pem -out {0}/cert.pem 2>/dev/null",
                  path("").string()));
  HttpServer server(path(""), path("tls-log"), fmt::format("{0}/cert.pem {0}/key.pem", path("").string()));
  lookup_ = [](const std::string&, std::chrono::milliseconds, std::stop_token) {
    return Result<std::vector<std::string>>({"127.0.0.1"});
  };
  Remote from = remote(fmt::format("https://git.test:{}/plain/repo.git", server.port()));
  const auto untrusted = resolve(from);
  ASSERT_FALSE(untrusted);
  EXPECT_THAT(untrusted.error().message, HasSubstr("ca.crt"));
  std::ostringstream pem;
  pem << std::ifstream(path("cert.pem")).rdbuf();
  from.ca_pem = pem.str();
  const auto trusted = resolve(from);
  ASSERT_TRUE(trusted) << trusted.error().message;
  from.url = fmt::format("https://other.test:{}/plain/repo.git", server.port());
  EXPECT_FALSE(resolve(from));
}

}  // namespace
}  // namespace modelrun::source::testing
