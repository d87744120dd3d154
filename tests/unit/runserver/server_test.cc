// What the contract of api/sandbox.h promises.
#include "runserver/server.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "base/encoding.h"
#include "unit/runserver/server_fixture.h"

namespace modelrun::runserver::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(ServerTest, ServesTheSourceWithItsDigest) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{3'000'000}}) {
    handler_.archive = make_archive(size);
    auto client = connect();
    const Answer answer = client.post(path("source"), "good");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body.size(), size);
    EXPECT_EQ(answer.headers.at("X-Modelrun-Sha256"), sha256_hex(answer.body));
    EXPECT_TRUE(answer.keep_alive);
  }
}

TEST_F(ServerTest, TakesAResult) {
  auto client = connect();
  const std::string body = gzip(api::encode_frame(frame()));
  EXPECT_EQ(client.post(path("result"), "good", body, "Content-Encoding: gzip\r\n").status, 200U);
  EXPECT_EQ(client.post(path("result"), "good", api::encode_frame(frame())).status, 200U);
  const auto frames = handler_.frames();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].out.head, "hello\n");
}

TEST_F(ServerTest, TakesAChunkedResultAndExpectContinue) {
  auto client = connect();
  const std::string body = api::encode_frame(frame());
  client.send(
      fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "{:x}\r\n{}\r\n0\r\n\r\n",
                  path("result"), body.size(), body));
  EXPECT_EQ(client.receive().status, 200U);
  client.send(
      fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nExpect: 100-continue\r\n"
                  "Content-Length: {}\r\n\r\n",
                  path("result"), body.size()));
  client.send(body);
  Answer answer = client.receive();
  if (answer.status == 100) answer = client.receive();
  EXPECT_EQ(answer.status, 200U);
}

TEST_F(ServerTest, AResultMustFitItsPath) {
  auto client = connect();
  auto other = frame();
  other.run_uid = "uid-2";
  EXPECT_EQ(client.post(path("result"), "good", api::encode_frame(other)).status, 400U);
  other = frame();
  other.attempt = 2;
  EXPECT_EQ(client.post(path("result"), "good", api::encode_frame(other)).status, 400U);
  EXPECT_EQ(client.post(path("result"), "good", "{").status, 400U);
  EXPECT_EQ(client.post(path("result"), "good", "").status, 400U);
  EXPECT_EQ(client.post(path("result"), "good", "xx", "Content-Encoding: gzip\r\n").status, 400U);
  EXPECT_EQ(client.post(path("result"), "good", "xx", "Content-Encoding: br\r\n").status, 415U);
  EXPECT_TRUE(handler_.frames().empty());
}

TEST_F(ServerTest, GivesThePointsOfARun) {
  handler_.list = std::string("{}\n{\"a\":1}");
  auto client = connect();
  const auto answer = client.post(path("points"), "good");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, "{}\n{\"a\":1}");
  handler_.list = fail(ErrorKind::kNotFound, "the run has no points");
  EXPECT_EQ(client.post(path("points"), "good").status, 404U);
}

TEST_F(ServerTest, TakesRowsOfPoints) {
  auto client = connect();
  const api::RowReport report{3, true, {"{\"point\":3}", "{\"point\":4}"}};
  const auto answer = client.post(path("rows"), "good", api::encode_report(report));
  EXPECT_EQ(answer.status, 200U);
  const auto receipt = api::decode_receipt(answer.body);
  ASSERT_TRUE(receipt);
  EXPECT_EQ(receipt->held, 5);
  EXPECT_EQ(receipt->stored, 0);
  const auto reports = handler_.reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].from, 3);
  EXPECT_TRUE(reports[0].last);
  EXPECT_EQ(reports[0].rows, report.rows);
  EXPECT_EQ(client.post(path("rows"), "good", "no report").status, 400U);
}

TEST_F(ServerTest, TooManyBytesOfRowsAreRefusedUnread) {
  auto client = connect();
  const auto answer = client.post(path("rows"), "good", std::string(api::kMaxReportBytes + 1, 'x'));
  EXPECT_EQ(answer.status, 413U);
  EXPECT_TRUE(handler_.reports().empty());
}

TEST_F(ServerTest, ControlTellsACancel) {
  handler_.order = Order::kCancel;
  auto client = connect();
  const Answer answer = client.post(path("control"), "good");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(nlohmann::json::parse(answer.body), (nlohmann::json{{"action", "cancel"}}));
  handler_.order = Order::kOver;
  EXPECT_EQ(client.post(path("control"), "good").status, 409U);
  handler_.order = Order::kNone;
  EXPECT_EQ(client.post(path("control"), "good").status, 204U);
  handler_.wait_for_watches(0);
}

TEST_F(ServerTest, ControlWaitsForAnOrder) {
  auto client = connect();
  client.send(request(path("control"), "good"));
  handler_.wait_for_watches(1);
  auto done = handler_.take_order_done();
  done(Order::kCancel);
  EXPECT_EQ(client.receive().status, 200U);
  handler_.wait_for_watches(0);
  done(Order::kCancel);  // late: passed over
  EXPECT_EQ(client.post(path("source"), "bad").status, 401U);
}

TEST_F(ServerTest, ControlEndsWithoutAnOrder) {
  options_.control_wait = std::chrono::milliseconds(20);
  auto client = connect();
  for (int i = 0; i < 3; ++i) {
    const Answer answer = client.post(path("control"), "good");
    EXPECT_EQ(answer.status, 204U);
    EXPECT_TRUE(answer.keep_alive);
  }
  handler_.wait_for_watches(0);
}

TEST_F(ServerTest, AClientThatVanishesEndsItsWatch) {
  auto client = connect();
  client.send(request(path("control"), "good"));
  handler_.wait_for_watches(1);
  client.vanish();
  handler_.wait_for_watches(0);
}

TEST_F(ServerTest, ARequestSentEarlyIsAnsweredNext) {
  options_.control_wait = std::chrono::milliseconds(200);
  handler_.archive = make_archive(10);
  auto client = connect();
  client.send(request(path("control"), "good"));
  handler_.wait_for_watches(1);
  client.send(request(path("source"), "good"));
  EXPECT_EQ(client.receive().status, 204U);
  EXPECT_EQ(client.receive().status, 200U);
  // And both in one packet.
  client.send(request(path("control"), "good") + request(path("source"), "good"));
  EXPECT_EQ(client.receive().status, 204U);
  EXPECT_EQ(client.receive().status, 200U);
}

TEST_F(ServerTest, StrangersAreTurnedAway) {
  EXPECT_EQ(connect().post(path("source"), "").status, 401U);
  EXPECT_EQ(authenticator_.calls, 0) << "nobody is asked about no token";
  const Answer bad = connect().post(path("result"), "bad", std::string(5'000'000, 'x'));
  EXPECT_EQ(bad.status, 401U);
  EXPECT_EQ(bad.headers.at("WWW-Authenticate"), "Bearer");
  EXPECT_THAT(bad.body, Not(HasSubstr("secret detail")));
  EXPECT_EQ(connect().post(path("source"), "stranger").status, 403U);
  const Answer down = connect().post(path("source"), "down");
  EXPECT_EQ(down.status, 503U);
  EXPECT_FALSE(down.keep_alive);
  EXPECT_THAT(down.body, Not(HasSubstr("secret detail")));
}

TEST_F(ServerTest, ErrorsOfTheHandlerBecomeStatuses) {
  auto client = connect();
  handler_.archive = fail(ErrorKind::kConflict, "the attempt is over");
  const Answer answer = client.post(path("source"), "good");
  EXPECT_EQ(answer.status, 409U);
  EXPECT_EQ(answer.body, "the attempt is over\n");
  handler_.archive = fail(ErrorKind::kDenied, "another pod has it");
  EXPECT_EQ(client.post(path("source"), "good").status, 403U);
  handler_.committed = fail(ErrorKind::kUnavailable, "not now");
  const Answer later = client.post(path("result"), "good", api::encode_frame(frame()));
  EXPECT_EQ(later.status, 503U);
  EXPECT_FALSE(later.keep_alive) << "the next try goes to another replica, perhaps";
}

TEST_F(ServerTest, OnlyTheLeaderServes) {
  handler_.is_leading = false;
  const auto answer = connect().post(path("source"), "good");
  EXPECT_EQ(answer.status, 503U);
  EXPECT_EQ(answer.headers.at("Retry-After"), "0") << "the leader is one connection away";
  EXPECT_EQ(authenticator_.calls, 0);
}

TEST_F(ServerTest, OtherPathsAndMethods) {
  EXPECT_EQ(connect().post("/", "good").status, 404U);
  EXPECT_EQ(connect().post(path("other"), "good").status, 404U);
  auto client = connect();
  client.send("GET " + path("source") + " HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.receive().status, 405U);
}

TEST_F(ServerTest, ADecisionThatDoesNotComeIsUnavailable) {
  options_.handler_timeout = std::chrono::milliseconds(20);
  handler_.committed.reset();
  EXPECT_EQ(connect().post(path("source"), "good").status, 503U);
  EXPECT_EQ(connect().post(path("result"), "good", api::encode_frame(frame())).status, 503U);
}

TEST_F(ServerTest, AnArchiveThatIsGoneIsUnavailable) {
  const auto archive = make_archive(10);
  std::filesystem::remove(archive->path());
  handler_.archive = archive;
  EXPECT_EQ(connect().post(path("source"), "good").status, 503U);
}

TEST_F(ServerTest, ANewCertificateIsUsedForNewConnections) {
  auto before = connect();
  const auto renewed = *issue_certificate(ca_, now_);
  ASSERT_TRUE(server().set_certificate(renewed.certificate_pem, renewed.key_pem));
  auto after = connect();
  EXPECT_EQ(before.peer_certificate(), leaf_.certificate_pem);
  EXPECT_EQ(after.peer_certificate(), renewed.certificate_pem);
  EXPECT_EQ(before.post(path("source"), "bad").status, 401U);
  EXPECT_FALSE(server().set_certificate(renewed.certificate_pem, leaf_.key_pem));
  EXPECT_FALSE(server().set_certificate("rubbish", renewed.key_pem));
  EXPECT_EQ(connect().peer_certificate(), renewed.certificate_pem);
}

TEST_F(ServerTest, StopAnswersLongPollsAndReturns) {
  auto waiting = connect();
  auto idle = connect();
  waiting.send(request(path("control"), "good"));
  handler_.wait_for_watches(1);
  auto done = handler_.take_order_done();
  const auto begin = std::chrono::steady_clock::now();
  server().stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, options_.stop_grace);
  EXPECT_EQ(waiting.receive().status, 204U);
  EXPECT_TRUE(idle.is_ended());
  EXPECT_EQ(server().stats().connections, 0U);
  handler_.wait_for_watches(0);
  server_.reset();
  done(Order::kCancel);  // nobody is there any more
}

TEST_F(ServerTest, StopAnswersALongPollThatOnlyBeginsThen) {
  auto waiting = connect();
  auto idle = connect();
  waiting.send(request(path("control"), "waits"));
  while (authenticator_.calls == 0) std::this_thread::yield();
  const auto stopped = std::async(std::launch::async, [this] { server().stop(); });
  EXPECT_TRUE(idle.is_ended());
  authenticator_.gate.set_value();
  EXPECT_EQ(waiting.receive().status, 204U);
}

TEST_F(ServerTest, StopLetsARequestFinishAndThenCloses) {
  options_.stop_grace = std::chrono::milliseconds(50);
  handler_.committed.reset();
  auto client = connect();
  client.send(request(path("result"), "good", api::encode_frame(frame())));
  while (handler_.frames().empty()) std::this_thread::yield();
  server().stop();
  EXPECT_TRUE(client.is_ended());
}

TEST_F(ServerTest, StopEndsAnAuthenticationThatHangs) {
  options_.stop_grace = std::chrono::milliseconds(50);
  auto client = connect();
  client.send(request(path("result"), "hangs"));
  while (authenticator_.calls == 0) std::this_thread::yield();
  server().stop();  // does not return otherwise
  EXPECT_TRUE(client.is_ended());
}

TEST_F(ServerTest, ManyClientsAtOnce) {
  handler_.archive = make_archive(100'000);
  server();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([this] {
      auto client = connect();
      for (int j = 0; j < 5; ++j) {
        EXPECT_EQ(client.post(path("source"), "good").body.size(), 100'000U);
        EXPECT_EQ(client.post(path("result"), "good", api::encode_frame(frame())).status, 200U);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(handler_.frames().size(), 80U);
}

TEST_F(ServerTest, AStandbyGetsItsWorkAndTheSourceInOneAnswer) {
  handler_.work = GivenWork{"{\"run\":\"r\"}", make_archive(100'000)};
  auto client = connect();
  const Answer answer = client.post("/v1/standbys/ns/p-standby-x/work", "good");
  EXPECT_EQ(answer.status, 200U);
  const std::string line = "{\"run\":\"r\"}\n";
  EXPECT_TRUE(answer.body.starts_with(line));
  EXPECT_EQ(sha256_hex(answer.body.substr(line.size())), handler_.work->value().archive->sha256());
  EXPECT_EQ(handler_.standbys, std::vector<std::string>{"ns/p-standby-x"});
}

TEST_F(ServerTest, AStandbyAsksUntilThereIsWork) {
  options_.control_wait = std::chrono::milliseconds(20);
  auto client = connect();
  EXPECT_EQ(client.post("/v1/standbys/ns/p-standby-x/work", "good").status, 204U);
  handler_.wait_for_watches(0);
  handler_.work = fail(ErrorKind::kConflict, "over");
  EXPECT_EQ(client.post("/v1/standbys/ns/p-standby-x/work", "good").status, 409U);
}

TEST_F(ServerTest, AStandbyOfAnotherNamespaceIsRefusedAndSoIsAMalformedPath) {
  auto client = connect();
  EXPECT_EQ(client.post("/v1/standbys/ns/p-standby-x/work", "stranger").status, 403U);
  for (const char* target :
       {"/v1/standbys/ns/p-standby-x", "/v1/standbys/ns/p-standby-x/source", "/v1/standbys/ns//work",
        "/v1/standbys/n.s/x/work", "/v1/standbys/ns/../work", "/v1/standbys/ns/x/y/work"}) {
    EXPECT_EQ(client.post(target, "good").status, 404U) << target;
  }
  EXPECT_TRUE(handler_.standbys.empty());
}

}  // namespace
}  // namespace modelrun::runserver::testing
