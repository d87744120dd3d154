// The operator's side and the real modelrun-source, over a real socket.
#include "source/client.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <random>
#include <thread>

#include "base/encoding.h"
#include "base/fd.h"
#include "source/listing.h"
#include "source/wire.h"
#include "unit/source/git_fixture.h"
#include "unit/source/source_program.h"

namespace modelrun::source::testing {
namespace {

using ::testing::HasSubstr;

class ClientTest : public GitTest {
 protected:
  ClientTest() : repository_(path("repo.git")), commit_(repository_.commit_sample()) {}

  // The first call, before a test starts threads, makes all that they use.
  SourceProgram& program() {
    if (!program_) {
      server();
      client();
      program_ = std::make_unique<SourceProgram>(path("source"), flags_);
    }
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
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
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
  EXPECT_TRUE(listing_contains(to.listing, "model/link.py").value());
  EXPECT_FALSE(listing_contains(to.listing, "model").value());
  wait_until([&] { return program().is_idle(); });
  EXPECT_THAT(ends_, ::testing::ElementsAre("resolve ok", "fetch ok"));
}

TEST_F(ClientTest, ErrorsAndCredentialsTravel) {
  program();
  const auto missing = client().resolve(remote(repository_.file_url()), "nope", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("no branch or tag 'nope'"));
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
      EXPECT_EQ(fetched.has_value(), wanted) << (fetched ? "" : fetched.error().message);
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

// A worker that was taken over would not look whether its client waits.
TEST_F(ClientTest, AProcessThatDoesNotLookIsEndedWithItsRequest) {
  program();
  std::stop_source stop;
  std::jthread caller([&] {
    EXPECT_EQ(fetch(remote(server().url("hang/repo.git")), stop.get_token()).error().kind, ErrorKind::kCancelled);
  });
  wait_until([&] { return server().count("hang") > 0; });
  for (const pid_t pid : program().descendants()) ::kill(pid, SIGSTOP);
  stop.request_stop();
  wait_until([&] { return program().is_idle(); });
}

TEST_F(ClientTest, WhatTakesTooLongIsEnded) {
  flags_ = {"--max-request-seconds=0"};
  program();
  const auto fetched = fetch(remote(server().url("hang/repo.git")));
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::kTimeout);
  EXPECT_THAT(ends_, ::testing::ElementsAre("fetch timeout"));
  wait_until([&] { return program().is_idle(); });
}

TEST_F(ClientTest, AProgramThatIsToldToEndIsNobodysFault) {
  program();
  std::jthread caller([&] {
    const auto fetched = fetch(remote(server().url("hang/repo.git")));
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().kind, ErrorKind::kUnavailable);
    EXPECT_THAT(fetched.error().message, HasSubstr("is ending"));
  });
  wait_until([&] { return server().count("hang") > 0; });
  ::kill(program().pid(), SIGTERM);
  caller.join();
  EXPECT_THAT(ends_, ::testing::ElementsAre("fetch unavailable"));
}

TEST_F(ClientTest, AProcessThatTheKernelKillsIsNobodysFault) {
  program();
  std::jthread caller([&] { EXPECT_FALSE(fetch(remote(server().url("hang/repo.git")))); });
  wait_until([&] { return server().count("hang") > 0; });
  for (const pid_t pid : program().descendants()) {
    if (::getsid(pid) == pid) ::kill(pid, SIGKILL);
  }
  caller.join();
  EXPECT_THAT(ends_, ::testing::ElementsAre("fetch unavailable"));
}

TEST_F(ClientTest, AProcessThatCrashesEndsItsRequestOnly) {
  program();
  std::stop_source stop;
  std::jthread other([&] {
    const auto from = remote(server().url("hang/other.git"));
    const auto resolved = client().resolve(from, {}, stop.get_token());
    EXPECT_EQ(resolved.error().kind, ErrorKind::kCancelled) << resolved.error().message;
  });
  wait_until([&] { return server().count("hang/other.git") > 0; });
  const auto theirs = program().descendants();
  std::jthread victim([&] {
    const auto fetched = fetch(remote(server().url("hang/repo.git")));
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().kind, ErrorKind::kUnavailable);
    EXPECT_THAT(fetched.error().message, HasSubstr("died"));
  });
  wait_until([&] { return server().count("hang/repo.git") > 0; });
  for (const pid_t pid : program().descendants()) {
    if (std::ranges::find(theirs, pid) == theirs.end() && ::getsid(pid) == pid) ::kill(pid, SIGSEGV);
  }
  victim.join();
  EXPECT_THAT(ends_, ::testing::ElementsAre("fetch died"));
  stop.request_stop();
  other.join();
  wait_until([&] { return program().is_idle(); });
}

// More bytes than a socket holds, so that the process is still sending them when it is killed.
TEST_F(ClientTest, NothingIsAddedToAnAnswerThatHasBegun) {
  std::string noise;
  std::minstd_rand random;
  for (int i = 0; i < 2'000'000; ++i) noise += static_cast<char>(random() >> 8U);
  const auto commit = repository_.commit(repository_.tree({{"100644", "noise", repository_.blob(noise)}}));
  repository_.set_branch("noise", commit);
  program();
  const UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  program().socket().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto request = framed(encode(Request{remote(repository_.file_url()), policy_, {}, commit}));
  ASSERT_EQ(::send(connection.get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::string came;
  const auto receive = [&](int flags) {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::recv(connection.get(), buffer.data(), buffer.size(), flags);
    if (got > 0) came.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0;
  };
  ASSERT_TRUE(receive(0)) << "the answer begins";
  // Then there is room in the socket for what the server could add.
  for (const pid_t pid : program().descendants()) ::kill(pid, SIGSTOP);
  while (receive(MSG_DONTWAIT)) {
  }
  for (const pid_t pid : program().descendants()) ::kill(pid, SIGKILL);
  while (receive(0)) {
  }
  EXPECT_LT(came.size(), noise.size()) << "it was killed before it was done";
  EXPECT_FALSE(came.contains("modelrun-source failed"));
}

TEST_F(ClientTest, ARepositoryThatKillsTheProgramIsRefusedAndOthersAreNot) {
  program();
  const auto bad = remote(server().url("hang/repo.git"));
  for (int death = 1; death <= 4; ++death) {
    std::jthread caller([&] {
      const auto fetched = fetch(bad);
      ASSERT_FALSE(fetched);
      EXPECT_EQ(fetched.error().kind, ErrorKind::kUnavailable);
    });
    wait_until([&] { return server().count("hang") == death; });
    program().kill();
    caller.join();
    program().start();
    EXPECT_TRUE(fetch(remote(repository_.file_url()))) << "another repository, once the program is back";
  }
  EXPECT_THAT(fetch(bad).error().message, HasSubstr("is not asked again"));
  EXPECT_EQ(server().count("hang"), 4) << "it was not asked again";
  auto of_another = bad;
  of_another.namespace_ = "another";
  std::stop_source stop;
  std::jthread caller([&] { EXPECT_FALSE(fetch(of_another, stop.get_token())); });
  wait_until([&] { return server().count("hang") == 5; });
  stop.request_stop();
}

TEST_F(ClientTest, WhatWasLeftOnTheDiskIsRemoved) {
  std::filesystem::create_directories(path("source/scratch/request-9/git/x"));
  program();
  wait_until([&] { return program().is_idle(); });
}

TEST_F(ClientTest, WhoNeedsMoreThanThereIsIsEnded) {
  struct Case {
    const char* flag;
    const char* what;
  };
  for (const Case& each : {Case{"--memory-mebibytes=0", "memory"}, Case{"--scratch-mebibytes=0", "disk space"}}) {
    SCOPED_TRACE(each.what);
    flags_ = {each.flag};
    program_.reset();
    ends_.clear();
    program();
    const auto fetched = fetch(remote(server().url("hang/repo.git")));
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().kind, ErrorKind::kTooLarge);
    EXPECT_THAT(fetched.error().message, HasSubstr(fmt::format("needs more {}", each.what)));
    EXPECT_THAT(ends_, ::testing::ElementsAre("fetch too large")) << "the program lives";
    wait_until([&] { return program().is_idle(); });
  }
}

TEST_F(ClientTest, AFailureOfThisMachineSaysNothingAboutTheSource) {
  program();
  const ArchiveFiles nowhere{path("nowhere/archive"), path("nowhere/listing")};
  const auto fetched = client().fetch(remote(repository_.file_url()), commit_, nowhere, {});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::kUnavailable) << "and not: not found";
  wait_until([&] { return program().is_idle(); });
  std::filesystem::remove(program().scratch());
  EXPECT_EQ(fetch(remote(repository_.file_url())).error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(ends_, ::testing::Each("fetch unavailable"));
}

TEST_F(ClientTest, TooManyRequestsAreToComeAgain) {
  flags_ = {"--max-requests=2"};
  program();
  std::stop_source stop;
  std::vector<std::jthread> callers;
  for (const char* name : {"hang/a.git", "hang/b.git"}) {
    callers.emplace_back([&, from = remote(server().url(name))] {
      EXPECT_EQ(client().resolve(from, {}, stop.get_token()).error().kind, ErrorKind::kCancelled);
    });
  }
  wait_until([&] { return server().count("hang/a.git") > 0 && server().count("hang/b.git") > 0; });
  const auto fetched = fetch(remote(repository_.file_url()));
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(fetched.error().message, HasSubstr("too many"));
  stop.request_stop();
  callers.clear();
  wait_until([&] { return program().is_idle(); });
  EXPECT_TRUE(fetch(remote(repository_.file_url())));
}

// A modelrun-source that was taken over: it answers each request with the same bytes.
class ForgedSource {
 public:
  ForgedSource(const std::string& socket, std::string bytes) : acceptor_(io_, {socket}), bytes_(std::move(bytes)) {
    thread_ = std::jthread([this] {
      boost::system::error_code error;
      auto connection = acceptor_.accept(error);
      // The request is read as far as it takes for the answer not to be lost.
      std::array<char, 4096> buffer{};
      connection.read_some(boost::asio::buffer(buffer), error);
      boost::asio::write(connection, boost::asio::buffer(bytes_), error);
    });
  }

 private:
  boost::asio::io_context io_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::string bytes_;
  std::jthread thread_;
};

TEST_F(ClientTest, NothingThatComesIsBelieved) {
  const std::string sha256 = sha256_hex("archive");
  const auto answer = [](Resolved resolved, FileDigest archive, std::uint64_t listing) {
    return framed(encode(Result<Answer>(Answer{std::move(resolved), std::move(archive), listing})));
  };
  struct Case {
    const char* what;
    std::string bytes;
    bool fetch = true;
    bool stored = false;
    const char* end = "died";
  };
  const std::vector<Case> cases = {
      {"nothing", ""},
      {"an announcement of 4 GiB", "\xff\xff\xff\xff"},
      {"half a frame", framed("{}").substr(0, 5)},
      {"no JSON", framed("x")},
      {"a huge archive", answer({}, {sha256, std::uint64_t{1} << 40U}, 0)},
      {"a huge listing", answer({}, {sha256, 7}, kMaxListingBytes + 1)},
      {"an archive that ends early", answer({}, {sha256, 7}, 0) + "arch", true, true, "fetch unavailable"},
      {"an archive of another digest", answer({}, {sha256, 7}, 0) + "forgery", true, true},
      {"no commit", answer({"--upload-pack=x", "main"}, {}, 0), false},
      {"no branch", answer({commit_, "a b"}, {}, 0), false},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    const auto directory = path(fmt::format("forged-{}", fetches_));
    std::filesystem::create_directories(directory);
    auto forged = options();
    forged.socket = directory / "socket";
    const ForgedSource source(forged.socket, each.bytes);
    Client victim(forged);
    const auto from = remote(repository_.file_url());
    const auto to = files();
    const auto fetched = each.fetch ? victim.fetch(from, commit_, to, {}) : FileDigest{};
    const auto resolved = each.fetch ? Resolved{} : victim.resolve(from, {}, {});
    ASSERT_FALSE(fetched && resolved);
    const auto& error = each.fetch ? fetched.error() : resolved.error();
    EXPECT_EQ(error.kind, ErrorKind::kUnavailable) << error.message;
    EXPECT_EQ(std::filesystem::exists(to.listing), each.stored) << "what is announced as too large is not even begun";
    EXPECT_THAT(ends_.back(), HasSubstr(each.end));
    ++fetches_;
  }
}

}  // namespace
}  // namespace modelrun::source::testing
