#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "api/api_token.h"
#include "base/base64url.h"
#include "base/encoding.h"
#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"
#include "gateway/auth/api_tokens.h"
#include "gateway/auth/sar_access.h"
#include "gateway/auth/token_review.h"

namespace modelrun::gateway {
namespace {

using api::token_secret;
using api::token_secret_name;
using api::TokenGrant;

using nlohmann::json;
using testing::HasSubstr;

std::string jwt(const json& claims) {
  return base64url_encode(R"({"alg":"none"})") + "." + base64url_encode(claims.dump()) + ".c2ln";
}

class AuthTest : public ::testing::Test {
 protected:
  // A token whose Secret is there.
  std::string make_token(const TokenGrant& grant, char filler = 'a') {
    const std::string token = std::string(api::kApiTokenPrefix) + std::string(43, filler);
    server.put(kube::kSecrets, token_secret("system", sha256_hex(token), grant));
    return token;
  }
  std::int64_t now_seconds() const {
    return std::chrono::duration_cast<std::chrono::seconds>(clock.now().time_since_epoch()).count();
  }

  fakes::ManualClock clock;
  fakes::FakeApiServer server{clock};
  kube::Client client{server};
};

TEST_F(AuthTest, ApiToken) {
  ApiTokens tokens(client, "system", clock);
  const auto good = make_token(
      {.subject = "ci", .groups = {"builders"}, .namespace_ = "team", .expires = clock.now() + std::chrono::hours(1)});
  const auto identity = tokens.authenticate(good, {});
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->user, "modelrun-token:ci");
  EXPECT_EQ(identity->groups, (std::vector<std::string>{"modelrun-token:builders", "system:authenticated"}));
  EXPECT_EQ(identity->namespace_, "team");
  // The token itself stands nowhere.
  for (const auto& request : server.requests()) EXPECT_EQ(request.path.find(good), std::string::npos);
  EXPECT_THAT(server.all(kube::kSecrets).front().dump(), testing::Not(HasSubstr(good)));
  // Known from the cache, but over when it is over.
  clock.advance(std::chrono::hours(2));
  EXPECT_FALSE(tokens.remembered(good));
  EXPECT_EQ(tokens.authenticate(good, {}).error().kind, ErrorKind::kDenied);
}

TEST_F(AuthTest, NobodyIsRememberedWhoHasNotBeenChecked) {
  std::vector<std::unique_ptr<Authenticator>> links;
  links.push_back(std::make_unique<ApiTokens>(client, "system", clock));
  AuthenticatorChain chain(std::move(links));
  const auto good = make_token({.subject = "ci", .groups = {}, .namespace_ = "team", .expires = {}});
  EXPECT_FALSE(chain.remembered(good));
  const auto identity = chain.authenticate(good, {});
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(chain.remembered(good), *identity);
  EXPECT_FALSE(chain.remembered(good.substr(1)));
  EXPECT_FALSE(chain.remembered(""));
}

TEST_F(AuthTest, BadApiTokens) {
  ApiTokens tokens(client, "system", clock);
  const auto expired = make_token({.subject = "x", .groups = {}, .namespace_ = "n", .expires = clock.now()}, 'e');
  const auto kind = [&](const std::string& token) { return tokens.authenticate(token, {}).error().kind; };
  EXPECT_EQ(kind(expired), ErrorKind::kDenied);
  EXPECT_EQ(kind("mrt_" + std::string(43, 'z')), ErrorKind::kDenied);  // not known
  EXPECT_EQ(kind("mrt_short"), ErrorKind::kDenied);
  EXPECT_EQ(kind("mrt_" + std::string(42, 'a') + "/"), ErrorKind::kDenied);
  EXPECT_EQ(kind("eyJ.a.b"), ErrorKind::kNotFound);  // for another authenticator
  // A Secret of the right name that is of another token, or of another type.
  const std::string token = "mrt_" + std::string(43, 'q');
  auto forged =
      token_secret("system", sha256_hex("mrt_other"), {.subject = "x", .groups = {}, .namespace_ = "n", .expires = {}});
  forged["metadata"]["name"] = token_secret_name(sha256_hex(token));
  server.put(kube::kSecrets, forged);
  EXPECT_EQ(kind(token), ErrorKind::kDenied);
  const std::string third = "mrt_" + std::string(43, 't');
  auto untyped =
      token_secret("system", sha256_hex(third), {.subject = "x", .groups = {}, .namespace_ = "n", .expires = {}});
  untyped["type"] = "Opaque";
  server.put(kube::kSecrets, untyped);
  EXPECT_EQ(kind(third), ErrorKind::kDenied);
  server.set_hook([](const kube::Request&, int) { return fakes::Fault::k503; });
  EXPECT_EQ(kind("mrt_" + std::string(43, 'u')), ErrorKind::kUnavailable);
}

TEST_F(AuthTest, ARefusedApiTokenIsNotLookedUpAgainAtOnce) {
  ApiTokens tokens(client, "system", clock);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(tokens.authenticate("mrt_" + std::string(43, 'z'), {}));
  EXPECT_EQ(server.requests().size(), 1U);
}

// No subject, group or issuer makes a name that Kubernetes gives special powers to.
TEST_F(AuthTest, NoApiTokenBecomesASystemName) {
  ApiTokens tokens(client, "system", clock);
  const auto token = make_token(
      {.subject = "system:admin", .groups = {"system:masters", "a\nsystem:masters"}, .namespace_ = "n", .expires = {}});
  const auto identity = tokens.authenticate(token, {}).value();
  EXPECT_FALSE(identity.user.starts_with("system:"));
  for (const auto& group : identity.groups)
    EXPECT_TRUE(!group.starts_with("system:") || group == "system:authenticated");
}

class ReviewTest : public AuthTest {
 protected:
  ReviewTest() {
    server.set_token_reviewer([this](const json& spec) {
      ++asked;
      EXPECT_EQ(spec["audiences"], json::array({"modelrun.dev/gateway"}));
      return answer;
    });
  }
  std::string token(json claims = json::object()) {
    if (!claims.contains("exp")) claims["exp"] = now_seconds() + 600;
    if (!claims.contains("iss")) claims["iss"] = "https://kubernetes.default.svc";
    return jwt(claims);
  }

  json answer{
      {"authenticated", true},
      {"audiences", {"modelrun.dev/gateway"}},
      {"user", {{"username", "system:serviceaccount:team:bot"}, {"uid", "u"}, {"groups", {"system:serviceaccounts"}}}}};
  int asked = 0;
  TokenReview review{client, {.audience = "modelrun.dev/gateway", .issuer = "https://kubernetes.default.svc"}, clock};
};

TEST_F(ReviewTest, ServiceAccountToken) {
  const auto good = token();
  const auto identity = review.authenticate(good, {});
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->user, "system:serviceaccount:team:bot");
  EXPECT_EQ(identity->namespace_, "team");
  EXPECT_EQ(identity->groups, std::vector<std::string>{"system:serviceaccounts"});
  EXPECT_TRUE(identity->expires);
  EXPECT_TRUE(review.authenticate(good, {}));
  EXPECT_EQ(asked, 1);
}

TEST_F(ReviewTest, OtherTokensAreNotShownToTheCluster) {
  EXPECT_EQ(review.authenticate("mrt_x", {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(review.authenticate("a.b", {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(review.authenticate("!.!.!", {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(review.authenticate(token({{"iss", "https://elsewhere"}}), {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(review.authenticate(token({{"exp", now_seconds()}}), {}).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(asked, 0);
}

TEST_F(ReviewTest, ARefusedTokenIsNotShownToTheClusterAgainAtOnce) {
  const json good = answer;
  answer["authenticated"] = false;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(review.authenticate(token(), {}).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(asked, 1);
  answer = good;
  answer["user"]["username"] = "system:admin";
  const auto other = token({{"sub", "no service account"}});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(review.authenticate(other, {}).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(asked, 2);
}

// Nobody has verified these claims.
TEST_F(ReviewTest, AnExpiryThatNoTimeCanHoldIsNone) {
  for (const json& expires : {json(20'000'000'000'000), json(INT64_MAX), json(1e300), json(-1), json("x")}) {
    EXPECT_EQ(review.authenticate(token({{"exp", expires}}), {}).error().kind, ErrorKind::kDenied) << expires;
  }
  EXPECT_EQ(asked, 0);
}

TEST_F(ReviewTest, NobodyWaitsForALockWhileTheIssuerIsLookedUp) {
  std::promise<void> entered, gate;
  TokenReview asking(client, {.audience = "modelrun.dev/gateway", .issuer = {}}, clock,
                     [&](std::stop_token) -> Result<std::string> {
                       entered.set_value();
                       gate.get_future().wait();
                       return "https://kubernetes.default.svc";
                     });
  auto first = std::async(std::launch::async, [&] { return asking.authenticate(token(), {}).has_value(); });
  entered.get_future().wait();
  std::stop_source left;
  left.request_stop();
  auto second = std::async(std::launch::async, [&] { return asking.authenticate(token(), left.get_token()); });
  EXPECT_EQ(second.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  gate.set_value();
  EXPECT_EQ(second.get().error().kind, ErrorKind::kUnavailable);
  EXPECT_TRUE(first.get());
}

TEST_F(ReviewTest, WithoutAKnownIssuerNothingIsShownToTheCluster) {
  int finds = 0;
  Result<std::string> published = fail(ErrorKind::kUnavailable, "no connection");
  TokenReview asking(client, {.audience = "modelrun.dev/gateway", .issuer = {}}, clock, [&](std::stop_token) {
    ++finds;
    return published;
  });
  EXPECT_EQ(asking.authenticate(token(), {}).error().kind, ErrorKind::kUnavailable);
  published = "https://kubernetes.default.svc";
  EXPECT_EQ(asking.authenticate(token(), {}).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(finds, 1);
  clock.advance(std::chrono::seconds(10));
  EXPECT_EQ(asking.authenticate(token({{"iss", "https://elsewhere"}}), {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(asked, 0);
  EXPECT_TRUE(asking.authenticate(token(), {}));
  EXPECT_EQ(std::make_pair(finds, asked), std::make_pair(2, 1));
}

TEST_F(ReviewTest, WhatTheClusterDoesNotVouchForIsDenied) {
  const auto denied = [&](const char* what) {
    EXPECT_EQ(review.authenticate(token({{"sub", what}}), {}).error().kind, ErrorKind::kDenied) << what;
  };
  const json good = answer;
  answer["authenticated"] = false;
  denied("not authenticated");
  answer = good;
  answer["audiences"] = {"https://kubernetes.default.svc"};
  denied("another audience");
  answer.erase("audiences");
  denied("no audiences: the server does not know them");
  answer = good;
  answer["user"]["username"] = "system:admin";
  denied("no service account");
  answer["user"]["username"] = "system:serviceaccount:";
  denied("no namespace");
  server.set_hook([](const kube::Request&, int) { return fakes::Fault::k503; });
  EXPECT_EQ(review.authenticate(token({{"sub", "down"}}), {}).error().kind, ErrorKind::kUnavailable);
}

TEST_F(AuthTest, AccessReviewCarriesTheWholeIdentityAndIsRememberedByIt) {
  std::vector<json> asked;
  server.set_access_reviewer([&](const json& spec) {
    asked.push_back(spec);
    return json{{"allowed", spec["user"] == "ana"}};
  });
  SarAccess access(client);
  const Identity ana{.user = "ana", .uid = "1", .groups = {"g"}, .namespace_ = "n", .expires = {}};
  const ResourceAttributes get{
      .verb = "get", .group = "", .resource = "pods", .namespace_ = "ns", .subresource = "log"};
  EXPECT_TRUE(access.allowed(ana, get, {}).value());
  EXPECT_TRUE(access.allowed(ana, get, {}).value());
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0], json::parse(R"({"user":"ana","uid":"1","groups":["g"],"resourceAttributes":
    {"verb":"get","group":"","resource":"pods","subresource":"log","namespace":"ns"}})"));
  // Another group is another identity.
  Identity more = ana;
  more.groups.emplace_back("h");
  EXPECT_TRUE(access.allowed(more, get, {}).value());
  EXPECT_EQ(asked.size(), 2U);
  Identity ben = ana;
  ben.user = "ben";
  EXPECT_EQ(access.remembered(ben, get), std::nullopt);
  EXPECT_FALSE(access.allowed(ben, get, {}).value());
  EXPECT_EQ(access.remembered(ben, get), false);
  EXPECT_EQ(access.remembered(ana, get), true);
  // The same letters, divided in another way.
  Identity other = ana;
  other.user = "an";
  other.uid = "a1";
  EXPECT_EQ(access.remembered(other, get), std::nullopt);
  SarAccess forgetful(client, SarAccess::Review::kCluster, std::chrono::milliseconds(0));
  EXPECT_TRUE(forgetful.allowed(ana, get, {}).value());
  EXPECT_EQ(forgetful.remembered(ana, get), std::nullopt);
  asked.pop_back();
  // An empty namespace would mean all of them; an empty name, nobody.
  EXPECT_FALSE(access.allowed(ana, {.verb = "get", .group = "", .resource = "pods", .namespace_ = ""}, {}).value());
  EXPECT_FALSE(access.allowed({}, get, {}).value());
  EXPECT_EQ(asked.size(), 3U);
}

TEST_F(AuthTest, RightsInSomeNamespacesAreAskedThere) {
  server.restrict_to({"team"});
  server.set_access_reviewer([](const json&) { return json{{"allowed", true}}; });
  const Identity ana{.user = "ana", .uid = {}, .groups = {}, .namespace_ = "team", .expires = {}};
  const ResourceAttributes here{.verb = "get", .group = "g", .resource = "r", .namespace_ = "team"};
  const ResourceAttributes elsewhere{.verb = "get", .group = "g", .resource = "r", .namespace_ = "other"};
  // A review over the cluster is refused, and the answer says which right is missing.
  SarAccess over_all(client);
  const auto refused = over_all.allowed(ana, here, {});
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("may not create subjectaccessreviews;"));
  ScopedAccess access(std::make_unique<SarAccess>(client, SarAccess::Review::kLocal), {"team", "more"});
  EXPECT_TRUE(access.allowed(ana, here, {}).value());
  EXPECT_THAT(server.requests().back().path, testing::EndsWith("/v1/namespaces/team/localsubjectaccessreviews"));
  // Of a namespace that is not watched nothing is asked.
  server.forget_requests();
  EXPECT_FALSE(access.allowed(ana, elsewhere, {}).value());
  EXPECT_EQ(access.remembered(ana, elsewhere), false);
  EXPECT_TRUE(server.requests().empty());
  const auto no_role = access.allowed(ana, {.verb = "get", .group = "g", .resource = "r", .namespace_ = "more"}, {});
  EXPECT_THAT(no_role.error().message, HasSubstr("localsubjectaccessreviews in namespace more"));
}

TEST_F(AuthTest, AnswerThatDidNotComeIsNoYesAndIsNotRemembered) {
  SarAccess access(client);
  const Identity ana{.user = "ana", .uid = {}, .groups = {}, .namespace_ = "n", .expires = {}};
  const ResourceAttributes get{.verb = "get", .group = "g", .resource = "r", .namespace_ = "ns"};
  server.set_hook([](const kube::Request&, int) { return fakes::Fault::k503; });
  EXPECT_EQ(access.allowed(ana, get, {}).error().kind, ErrorKind::kUnavailable);
  server.set_hook({});
  server.set_access_reviewer([](const json&) { return json{{"allowed", true}, {"denied", true}}; });
  EXPECT_FALSE(access.allowed(ana, get, {}).value());
}

}  // namespace
}  // namespace modelrun::gateway
