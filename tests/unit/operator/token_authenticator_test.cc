#include "operator/token_authenticator.h"

#include <gtest/gtest.h>

#include "api/sandbox.h"
#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"

namespace modelrun::op {
namespace {

using kube::Json;

// Of a pod's token with our audience, as the API server says it.
Json yes() {
  return {{"authenticated", true},
          {"audiences", {api::kTokenAudience}},
          {"user",
           {{"username", "system:serviceaccount:team:default"},
            {"extra",
             {{"authentication.kubernetes.io/pod-name", {"pod-a"}},
              {"authentication.kubernetes.io/pod-uid", {"uid-a"}}}}}}};
}

class TokenAuthenticatorTest : public ::testing::Test {
 protected:
  TokenAuthenticatorTest() {
    server_.set_token_reviewer([this](const Json& spec) {
      asked_.push_back(spec);
      return answer_;
    });
  }
  Result<runserver::PodIdentity> ask(std::string_view token) { return authenticator_.authenticate(token, {}); }

  Json answer_ = yes();
  std::vector<Json> asked_;
  fakes::ManualClock clock_;
  fakes::FakeApiServer server_{clock_};
  kube::Client client_{server_};
  TokenAuthenticator authenticator_{client_};
};

TEST_F(TokenAuthenticatorTest, APodIsWhoItsTokenSays) {
  const auto pod = ask("token");
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_EQ(pod->namespace_, "team");
  EXPECT_EQ(pod->pod_name, "pod-a");
  EXPECT_EQ(pod->pod_uid, "uid-a");
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_[0], (Json{{"token", "token"}, {"audiences", {api::kTokenAudience}}}));
  EXPECT_TRUE(ask("token"));
  EXPECT_EQ(asked_.size(), 1U) << "remembered";
  EXPECT_TRUE(ask("another"));
  EXPECT_EQ(asked_.size(), 2U) << "each token for itself";
}

TEST_F(TokenAuthenticatorTest, NobodyElseIsAPod) {
  std::vector<Json> answers(6, yes());
  answers[0] = {{"authenticated", false}};
  answers[1]["audiences"] = {"https://kubernetes.default.svc"};
  answers[2].erase("audiences");
  answers[3]["audiences"].push_back("another");
  answers[4]["user"]["username"] = "ann";
  answers[5]["user"].erase("extra");
  for (const auto& answer : answers) {
    answer_ = answer;
    const auto pod = ask("token" + answer.dump());
    ASSERT_FALSE(pod) << answer;
    EXPECT_EQ(pod.error().kind, ErrorKind::kDenied) << answer;
  }
  EXPECT_EQ(asked_.size(), answers.size());
}

TEST_F(TokenAuthenticatorTest, ARefusalIsRememberedAFailureIsNot) {
  answer_ = {{"authenticated", false}};
  EXPECT_FALSE(authenticator_.remembered("token"));
  EXPECT_FALSE(ask("token"));
  EXPECT_EQ(ask("token").error().kind, ErrorKind::kDenied);
  EXPECT_TRUE(authenticator_.remembered("token"));
  EXPECT_EQ(asked_.size(), 1U);
  server_.set_hook([](const kube::Request&, int) { return fakes::Fault::k503; });
  EXPECT_EQ(ask("other").error().kind, ErrorKind::kUnavailable);
  EXPECT_FALSE(authenticator_.remembered("other"));
}

TEST_F(TokenAuthenticatorTest, AMissingRightIsNoRefusalOfAPod) {
  EXPECT_TRUE(may_review_tokens(client_, {}));
  server_.set_hook([](const kube::Request&, int) { return fakes::Fault::k503; });
  EXPECT_TRUE(may_review_tokens(client_, {})) << "an API server that is away says nothing about rights";
  server_.set_hook([](const kube::Request&, int) { return fakes::Fault::k403; });
  const auto may = may_review_tokens(client_, {});
  ASSERT_FALSE(may);
  EXPECT_NE(may.error().message.find("system:auth-delegator"), std::string::npos) << may.error().message;
  // The pod tries again until the right is there.
  EXPECT_EQ(ask("token").error().kind, ErrorKind::kUnavailable);
  server_.set_hook({});
  EXPECT_TRUE(ask("token"));
}

}  // namespace
}  // namespace modelrun::op
