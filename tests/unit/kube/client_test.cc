#include "kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/object_meta.h"
#include "base/large_document.h"
#include "fakes/fake_transport.h"
#include "fakes/large_document.h"

namespace modelrun::kube {
namespace {

using ::testing::ElementsAre;

class ClientTest : public ::testing::Test {
 protected:
  fakes::FakeTransport transport_;
  std::vector<CallInfo> calls_;
  Client client_{transport_, [this](const CallInfo& call) { calls_.push_back(call); }};
  const Json job_{{"metadata", {{"name", "x"}, {"namespace", "default"}}}};
};

std::string status_body(int code, const std::string& reason) {
  return Json{{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", "because"}}.dump();
}

TEST_F(ClientTest, StatusToKind) {
  const struct {
    int code;
    const char* reason;
    ErrorKind kind;
  } cases[] = {{400, "BadRequest", ErrorKind::kInvalid},
               {401, "Unauthorized", ErrorKind::kDenied},
               {403, "Forbidden", ErrorKind::kDenied},
               {404, "NotFound", ErrorKind::kNotFound},
               {409, "Conflict", ErrorKind::kConflict},
               {409, "AlreadyExists", ErrorKind::kExists},
               {410, "Expired", ErrorKind::kGone},
               {413, "RequestEntityTooLarge", ErrorKind::kTooLarge},
               {422, "Invalid", ErrorKind::kInvalid},
               {429, "TooManyRequests", ErrorKind::kThrottled},
               {500, "InternalError", ErrorKind::kUnavailable},
               {503, "", ErrorKind::kUnavailable},
               {504, "Timeout", ErrorKind::kTimeout},
               {302, "", ErrorKind::kInvalid}};
  for (const auto& c : cases) {
    transport_.answer(c.code, status_body(c.code, c.reason));
    const auto result = client_.create(kJobs, job_);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, c.kind) << c.code << c.reason;
  }
}

TEST_F(ClientTest, MessageNamesVerbObjectAndReason) {
  transport_.answer(403, status_body(403, "Forbidden"));
  EXPECT_EQ(client_.create(kJobs, job_).error().message, "create jobs default/x: 403 Forbidden: because");
  transport_.answer(502, "<html>bad gateway</html>");
  EXPECT_EQ(client_.get(kPods, "n", "p").error().message,
            "get pods n/p: 502 Unexpected Status: <html>bad gateway</html>");
}

TEST_F(ClientTest, ReadsAreAskedAgainWritesAreNot) {
  transport_.fail(ErrorKind::kUnavailable, "reset");
  transport_.answer(200, R"({"metadata":{}})");
  EXPECT_TRUE(client_.get(kPods, "n", "p"));
  EXPECT_EQ(transport_.requests().size(), 2U);
  transport_.fail(ErrorKind::kUnavailable, "reset");
  transport_.answer(200, "{}");
  EXPECT_EQ(client_.create(kJobs, job_).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(transport_.left(), 1U);
}

TEST_F(ClientTest, TimeoutsAreNotRetried) {
  transport_.fail(ErrorKind::kTimeout, "late");
  EXPECT_EQ(client_.get(kPods, "n", "p").error().kind, ErrorKind::kTimeout);
  EXPECT_EQ(transport_.requests().size(), 1U);
}

TEST_F(ClientTest, AnswerThatIsNoObject) {
  transport_.answer(200, "not json");
  EXPECT_EQ(client_.get(kPods, "n", "p").error().kind, ErrorKind::kUnavailable);
}

TEST_F(ClientTest, AnAnswerIsAnObjectWhileItIsRead) {
  transport_.answer(200, Json{{"name", "x"}, {"text", std::string(kLargeDocumentBytes, 'x')}}.dump());
  const auto answer = client_.get_answer(kPods, "n", "p");
  ASSERT_TRUE(answer) << answer.error().message;
  fakes::OtherLargeDocument unread;
  EXPECT_FALSE(unread.has_to_wait());
  fakes::OtherLargeDocument other;
  const auto name = answer->read([&](const Json& object) {
    EXPECT_TRUE(other.has_to_wait());
    return object.at("name").get<std::string>();
  });
  ASSERT_TRUE(name);
  EXPECT_EQ(*name, "x");
}

TEST_F(ClientTest, WhatIsMadeOfAnAnswerMayFail) {
  transport_.answer(200, R"({"metadata":{}})");
  const auto answer = client_.create_answer(kJobs, object_text(kJobs, job_));
  ASSERT_TRUE(answer) << answer.error().message;
  const auto refused = [](const Json&) -> Result<int> { return fail(ErrorKind::kInvalid, "no"); };
  EXPECT_EQ(answer->read(refused).error().message, "no");
  EXPECT_TRUE(answer->read([](const Json&) {}));
}

TEST_F(ClientTest, AnAnswerThatIsNoObjectFailsWhenItIsRead) {
  transport_.answer(200, "[]");
  const auto answer = client_.patch_answer(kJobs, "default", "x", PatchType::kMerge, job_);
  ASSERT_TRUE(answer) << answer.error().message;
  const auto read = answer->read([](const Json&) { return 1; });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(read.error().message, "patch jobs default/x: the answer is not a JSON object");
}

TEST_F(ClientTest, ListInPieces) {
  transport_.answer_chunks({R"({"items":[{"a":1},{"a")", R"(:2}],"metadata":{"resourceVersion":"8","continue":"k"}})"});
  const auto page = client_.list(kPods, {.limit = 2});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_THAT(page->items, ElementsAre(Json{{"a", 1}}, Json{{"a", 2}}));
  EXPECT_EQ(page->resource_version, "8");
  EXPECT_EQ(page->continue_token, "k");
}

TEST_F(ClientTest, WatchEndsInEachWay) {
  const std::string added = R"({"type":"ADDED","object":{"metadata":{}}})"
                            "\n";
  const auto watch = [&] {
    return client_.watch(kPods, {}, std::chrono::seconds{1}, [](WatchEvent&&) { return true; });
  };
  transport_.answer_chunks({added});
  EXPECT_TRUE(watch());
  transport_.answer_chunks({added, R"({"type":"ERR)",
                            R"(OR","object":{"code":410,"reason":"Expired"}})"
                            "\n"});
  EXPECT_EQ(watch().error().kind, ErrorKind::kGone);
  transport_.answer_chunks({added, "{\"type\""});
  EXPECT_EQ(watch().error().kind, ErrorKind::kUnavailable);
  transport_.answer(410, status_body(410, "Expired"));
  EXPECT_EQ(watch().error().kind, ErrorKind::kGone);
  transport_.answer_chunks({added}, Error{ErrorKind::kTimeout, "idle"});
  EXPECT_EQ(watch().error().kind, ErrorKind::kTimeout);
  transport_.answer_chunks({"garbage\n"});
  EXPECT_EQ(watch().error().kind, ErrorKind::kInvalid);
}

TEST_F(ClientTest, ServerVersion) {
  transport_.answer(200, R"({"major":"1","minor":"36+","gitVersion":"v1.36.2-vendor.1"})");
  const auto version = client_.server_version();
  ASSERT_TRUE(version);
  EXPECT_EQ(*version, (ServerVersion{1, 36}));
  EXPECT_EQ(transport_.requests().back().path, "/version");
  EXPECT_GT(ServerVersion({2, 0}), ServerVersion({1, 36}));
  for (const char* wrong : {"{}", R"({"major":"1"})", R"({"major":"1","minor":"x"})", R"({"major":1,"minor":36})"}) {
    transport_.answer(200, wrong);
    EXPECT_EQ(client_.server_version().error().kind, ErrorKind::kUnavailable) << wrong;
  }
}

TEST_F(ClientTest, TokenReview) {
  EXPECT_EQ(client_.token_review("t", {}).error().kind, ErrorKind::kInvalid);
  transport_.answer(201, R"({"status":{"authenticated":true,"audiences":["a"],"user":{"username":"u","uid":"1",
      "groups":["g"],"extra":{"authentication.kubernetes.io/pod-name":["p"],"authentication.kubernetes.io/pod-uid":["q"]}}}})");
  const auto identity = client_.token_review("t", {"a"});
  ASSERT_TRUE(identity);
  EXPECT_TRUE(identity->authenticated);
  EXPECT_EQ(identity->pod_name, "p");
  EXPECT_EQ(identity->pod_uid, "q");
  EXPECT_THAT(identity->audiences, ElementsAre("a"));
  const auto body = Json::parse(transport_.requests().back().body);
  EXPECT_EQ(body["spec"], (Json{{"token", "t"}, {"audiences", {"a"}}}));
  transport_.answer(500, status_body(500, "InternalError"));
  EXPECT_EQ(client_.token_review("secret", {"a"}).error().message.find("secret"), std::string::npos);
}

TEST_F(ClientTest, ObserverAndTimeout) {
  transport_.answer(404, status_body(404, "NotFound"));
  (void)client_.with_timeout(std::chrono::milliseconds{7}).remove(kJobs, "n", "j");
  ASSERT_EQ(calls_.size(), 1U);
  EXPECT_EQ(calls_[0].verb, "delete");
  EXPECT_EQ(calls_[0].resource, "jobs");
  EXPECT_EQ(calls_[0].code, 404);
  EXPECT_EQ(transport_.requests().back().timeout, std::chrono::milliseconds{7});
}

TEST(ObjectMeta, ReadsAndTolerates) {
  const auto meta = api::decode_meta(Json::parse(R"({"metadata":{"namespace":"n","name":"x","uid":"u",
    "resourceVersion":"12","generation":3,"creationTimestamp":"2026-01-01T00:00:00Z","deletionTimestamp":"2026-01-02T00:00:00Z",
    "ownerReferences":[{"uid":"no","kind":"A"},{"uid":"o","kind":"Job","name":"j","controller":true}]}})"));
  EXPECT_EQ(meta.key(), "n/x");
  EXPECT_EQ(meta.resource_version, 12U);
  EXPECT_EQ(meta.generation, 3);
  EXPECT_TRUE(meta.deleting());
  EXPECT_EQ(meta.owner_uid, "o");
  EXPECT_EQ(api::decode_meta(Json::parse(R"({"metadata":{"name":1,"generation":"x","ownerReferences":[1]}})")).name,
            "");
  EXPECT_EQ(api::decode_meta(Json(3)).uid, "");
  EXPECT_EQ(api::parse_resource_version("12x"), 0U);
}

}  // namespace
}  // namespace modelrun::kube
