// The operator's side and the real modelrun-source, over a real socket.
#include "source/client.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <thread>

#include "source/listing.h"
#include "unit/source/git_fixture.h"
#include "unit/source/source_program.h"

namespace modelrun::source::testing {
namespace {

using ::testing::HasSubstr;

class ClientTest : public GitTest {
 protected:
  ClientTest() : repository_(path("repo.git")), commit_(repository_.commit_sample()) {}

  SourceProgram& program() {
    if (!program_) program_ = std::make_unique<SourceProgram>(path("source"), flags_);
    return *program_;
  }
  Client& client() {
    if (!client_) client_ = std::make_unique<Client>(options());
    return *client_;
  }
  ClientOptions options() {
    ClientOptions options;
    options.policy = policy_;
    options.socket = path("source/socket");
    options.ended = [this](std::string_view request, std::string_view end) {
      const std::lock_guard lock(mutex_);
      ends_.push_back(fmt::format("{} {}", request, end));
    };
    return options;
  }
  ArchiveFiles files() {
    ++fetches_;
    return {path(fmt::format("archive-{}", fetches_)), path(fmt::format("listing-{}", fetches_))};
  }
  Result<FileDigest> fetch(const Remote& from, const std::stop_token& stop = {}) {
    return client().fetch(from, commit_, files(), stop);
  }
  HttpServer& server() {
    if (!server_) server_ = std::make_unique<HttpServer>(path(""), path("log"));
    return *server_;
  }
  // Waits for a condition that is certain to come.
  static void wait_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }

  Repository repository_;
  std::string commit_;
  Policy policy_ = lenient_policy();
  std::vector<std::string> flags_;
  std::unique_ptr<SourceProgram> program_;
  std::unique_ptr<HttpServer> server_;
  std::mutex mutex_;
  std::vector<std::string> ends_;
  std::unique_ptr<Client> client_;
  int fetches_ = 0;
};

TEST_F(ClientTest, ResolvesAndFetches) {
  program();
  const auto from = remote(repository_.file_url());
  const auto resolved = client().resolve(from, {}, {});
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_EQ(resolved->commit, commit_);
  EXPECT_EQ(resolved->branch, "main");
  const auto to = files();
  const auto fetched = client().fetch(from, commit_, to, {});
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(*digest_file(to.archive), *fetched);
  EXPECT_EQ(read_member(to.archive, "run.py"), "print(1)\n");
  EXPECT_TRUE(listing_contains(to.listing, "model/link.py"));
  EXPECT_FALSE(listing_contains(to.listing, "model"));
  wait_until([&] { return program().is_idle(); });
  EXPECT_THAT(ends_, ::testing::ElementsAre("resolve ok", "fetch ok"));
}

TEST_F(ClientTest, ErrorsAndCredentialsTravel) {
  program();
  const auto missing = client().resolve(remote(repository_.file_url()), "nope", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("no branch 'nope'"));
  Remote from = remote(server().url("basic/repo.git"));
  EXPECT_EQ(fetch(from).error().kind, ErrorKind::kDenied);
  from.credentials = BasicCredentials{"user", "p4ss"};
  EXPECT_TRUE(fetch(from));
}

TEST_F(ClientTest, AnswersBelongToTheirRequests) {
  program();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i, to = files()] {
      const auto wanted = i % 2 == 0;
      const auto fetched =
          client().fetch(remote(repository_.file_url()), wanted ? commit_ : std::string(40, 'a'), to, {});
      EXPECT_EQ(fetched.has_value(), wanted);
    });
  }
}

TEST_F(ClientTest, WithoutTheProgramRequestsAreToBeRepeated) {
  const auto resolved = client().resolve(remote(repository_.file_url()), {}, {});
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(resolved.error().message,
              HasSubstr("modelrun-source cannot be reached at " + path("source/socket").string()));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fetch(remote(repository_.file_url())).error().kind, ErrorKind::kUnavailable);
  program();
  EXPECT_TRUE(fetch(remote(repository_.file_url()))) << "nothing was held against it";
}

TEST_F(ClientTest, WhoDoesNotWaitAnyMoreEndsGit) {
  program();
  std::stop_source stop;
  std::jthread caller([&] {
    EXPECT_EQ(fetch(remote(server().url("hang/repo.git")), stop.get_token()).error().kind, ErrorKind::kCancelled);
  });
  wait_until([&] { return server().count("hang") > 0; });
  EXPECT_GE(program().descendants().size(), 2U) << "the request's process and git";
  stop.request_stop();
  wait_until([&] { return program().is_idle(); });
}

}  // namespace
}  // namespace modelrun::source::testing
