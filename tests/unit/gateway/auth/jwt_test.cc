#include "gateway/auth/jwt.h"

#include <cjose/cjose.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>

#include "base/base64url.h"
#include "base/encoding.h"
#include "fakes/manual_clock.h"
#include "gateway/auth/jwks.h"
#include "gateway/auth/oidc.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A key pair of an issuer.
class Key {
 public:
  Key(cjose_jwk_t* key, const char* kid) : key_(key) { cjose_jwk_set_kid(key_, kid, std::strlen(kid), nullptr); }
  ~Key() { cjose_jwk_release(key_); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  [[nodiscard]] json public_part() const {
    char* text = cjose_jwk_to_json(key_, false, nullptr);
    json part = json::parse(text);
    cjose_get_dealloc()(text);
    return part;
  }
  [[nodiscard]] std::string sign(const json& header, const std::string& claims) const {
    cjose_header_t* fields = cjose_header_new(nullptr);
    for (const auto& [name, value] : header.items()) {
      const bool set = value.is_string()
                           ? cjose_header_set(fields, name.c_str(), value.get<std::string>().c_str(), nullptr)
                           : cjose_header_set_raw(fields, name.c_str(), value.dump().c_str(), nullptr);
      EXPECT_TRUE(set) << name;
    }
    cjose_jws_t* jws =
        cjose_jws_sign(key_, fields, reinterpret_cast<const uint8_t*>(claims.data()), claims.size(), nullptr);
    const char* compact = nullptr;
    cjose_jws_export(jws, &compact, nullptr);
    std::string token(compact == nullptr ? "" : compact);
    EXPECT_FALSE(token.empty());
    cjose_jws_release(jws);
    cjose_header_release(fields);
    return token;
  }

 private:
  cjose_jwk_t* key_;
};

const Key& rsa() {
  static const Key key(cjose_jwk_create_RSA_random(2048, reinterpret_cast<const uint8_t*>("\x01\x00\x01"), 3, nullptr),
                       "r");
  return key;
}
const Key& ec() {
  static const Key key(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, nullptr), "e");
  return key;
}

class JwtTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::int64_t seconds(int from_now) const {
    return std::chrono::duration_cast<std::chrono::seconds>(clock.now().time_since_epoch()).count() + from_now;
  }
  [[nodiscard]] json claims() const {
    return {{"iss", "https://login.example"},
            {"aud", "https://models.example/mcp"},
            {"sub", "ana"},
            {"groups", {"analysts"}},
            {"exp", seconds(600)}};
  }
  [[nodiscard]] std::string token() const { return rsa().sign({{"alg", "RS256"}, {"kid", "r"}}, claims().dump()); }
  [[nodiscard]] std::string by_ec_later() const { return ec().sign({{"alg", "ES256"}, {"kid", "e"}}, claims().dump()); }
  [[nodiscard]] Result<Identity> verify(const std::string& text) const {
    return verify_jwt(text, jwks, issuer, clock.now());
  }

  fakes::ManualClock clock;
  JwtIssuer issuer{.issuer = "https://login.example",
                   .audiences = {"https://models.example/mcp", "https://models.example"},
                   .jwks_url = "https://login.example/keys",
                   .user_prefix = "login:",
                   .group_prefix = "login:",
                   .namespace_ = "team",
                   .namespace_claim = "ns"};
  json jwks{{"keys", {rsa().public_part(), ec().public_part()}}};
};

TEST_F(JwtTest, GoodTokens) {
  const auto identity = verify(token());
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->user, "login:ana");
  EXPECT_EQ(identity->groups, (std::vector<std::string>{"login:analysts", "system:authenticated"}));
  EXPECT_EQ(identity->namespace_, "team");
  // From then on it would be refused, too: 600 s and what clocks may differ by.
  EXPECT_EQ(identity->expires, clock.now() + std::chrono::seconds(630));
  auto more = claims();
  more["aud"] = {"other", "https://models.example"};
  more["ns"] = "mine";
  const auto other = verify(ec().sign({{"alg", "ES256"}, {"kid", "e"}}, more.dump()));
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(other->namespace_, "mine");
  // Without a kid there is one key that it can be.
  EXPECT_TRUE(verify(rsa().sign({{"alg", "RS256"}}, claims().dump())));
}

TEST_F(JwtTest, BadClaims) {
  const auto denied = [&](const char* what, const json& wrong) {
    const auto identity = verify(rsa().sign({{"alg", "RS256"}, {"kid", "r"}}, wrong.dump()));
    ASSERT_FALSE(identity) << what;
    EXPECT_EQ(identity.error().kind, ErrorKind::kDenied) << what;
  };
  const auto with = [&](const char* name, const json& value) {
    auto changed = claims();
    value.is_null() ? (void)changed.erase(name) : (void)(changed[name] = value);
    return changed;
  };
  denied("another issuer", with("iss", "https://login.example/"));
  denied("no issuer", with("iss", nullptr));
  denied("another audience", with("aud", "https://other.example"));
  denied("other audiences", with("aud", {"a", "b"}));
  denied("no audience", with("aud", nullptr));
  denied("audience an object", with("aud", {{"https://models.example", 1}}));
  denied("expired", with("exp", seconds(-31)));
  denied("no end", with("exp", nullptr));
  denied("end a text", with("exp", std::to_string(seconds(600))));
  denied("endless", with("exp", 1e300));
  denied("not yet", with("nbf", seconds(31)));
  denied("beginning a text", with("nbf", "0"));
  denied("no subject", with("sub", nullptr));
  denied("empty subject", with("sub", ""));
  denied("namespace no name", with("ns", "../x"));
  EXPECT_TRUE(verify(rsa().sign({{"alg", "RS256"}}, with("exp", seconds(-29)).dump())));  // clocks differ
  const auto doubled = R"({"sub":"ana","sub":"root",)" + claims().dump().substr(1);
  EXPECT_FALSE(verify(rsa().sign({{"alg", "RS256"}}, doubled)));
}

TEST_F(JwtTest, MoreGroupsThanAreTakenAreRefusedAndNotLeftOut) {
  auto many = claims();
  many["groups"] = std::vector<std::string>(500, "g");
  EXPECT_EQ(verify(rsa().sign({{"alg", "RS256"}}, many.dump()))->groups.size(), 501U);
  many["groups"].push_back("one more");
  EXPECT_EQ(verify(rsa().sign({{"alg", "RS256"}}, many.dump())).error().kind, ErrorKind::kDenied);
}

TEST_F(JwtTest, NoNameOfTheSystemsComesOut) {
  auto wrong = claims();
  wrong["sub"] = "system:admin";
  wrong["groups"] = {"system:masters"};
  const auto identity = verify(rsa().sign({{"alg", "RS256"}}, wrong.dump())).value();
  EXPECT_EQ(identity.user, "login:system:admin");
  EXPECT_EQ(identity.groups[0], "login:system:masters");
  // Whatever the prefix: parse_jwt_issuers() lets none of these through.
  for (const char* prefix : {"sys", "system"}) {
    issuer.user_prefix = prefix;
    wrong["sub"] = std::string("system:admin").substr(std::strlen(prefix));
    EXPECT_FALSE(verify(rsa().sign({{"alg", "RS256"}}, wrong.dump()))) << prefix;
    issuer.user_prefix = "login:";
    issuer.group_prefix = prefix;
    wrong["groups"] = {std::string("system:masters").substr(std::strlen(prefix))};
    EXPECT_FALSE(verify(rsa().sign({{"alg", "RS256"}}, wrong.dump()))) << prefix;
    issuer.group_prefix = "login:";
  }
}

TEST_F(JwtTest, SignaturesAndHeadersThatLie) {
  const auto good = token();
  const auto dot = good.rfind('.');
  const auto body = "." + base64url_encode(claims().dump()) + ".";
  const auto head = [&](const json& header) { return base64url_encode(header.dump()) + body; };
  EXPECT_FALSE(verify(head({{"alg", "none"}})));
  EXPECT_FALSE(verify(head({{"alg", "None"}}) + good.substr(dot + 1)));
  EXPECT_FALSE(verify(good.substr(0, dot + 1)));
  EXPECT_FALSE(verify(good.substr(0, dot)));
  auto flipped = good;
  flipped[dot + 10] = flipped[dot + 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(verify(flipped).error().kind, ErrorKind::kDenied);
  // The public key, which everybody has, taken for a secret.
  for (const auto& secret : {rsa().public_part().dump(), rsa().public_part()["n"].get<std::string>()}) {
    const auto text = head({{"alg", "HS256"}, {"kid", "r"}});
    const auto signed_part = text.substr(0, text.size() - 1);
    std::string mac(32, '\0');
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(signed_part.data()), signed_part.size(),
         reinterpret_cast<unsigned char*>(mac.data()), nullptr);
    EXPECT_EQ(verify(text + base64url_encode(mac)).error().kind, ErrorKind::kDenied);
  }
  // Algorithms that are not ours, correctly signed.
  EXPECT_FALSE(verify(rsa().sign({{"alg", "PS256"}, {"kid", "r"}}, claims().dump())));
  EXPECT_FALSE(verify(rsa().sign({{"alg", "RS512"}, {"kid", "r"}}, claims().dump())));
  // A key of the attacker's, which the header brings along.
  const Key own(cjose_jwk_create_RSA_random(2048, reinterpret_cast<const uint8_t*>("\x01\x00\x01"), 3, nullptr), "r");
  EXPECT_FALSE(verify(own.sign({{"alg", "RS256"}, {"kid", "r"}, {"jwk", own.public_part()}}, claims().dump())));
  EXPECT_FALSE(
      verify(own.sign({{"alg", "RS256"}, {"kid", "r"}, {"jku", "https://evil.example/keys"}}, claims().dump())));
  EXPECT_EQ(verify(rsa().sign({{"alg", "RS256"}, {"kid", "../../etc/passwd"}}, claims().dump())).error().kind,
            ErrorKind::kNotFound);
  EXPECT_EQ(verify(rsa().sign({{"alg", "RS256"}, {"kid", json::array({"r"})}}, claims().dump())).error().kind,
            ErrorKind::kDenied);
  // An extension that must be understood.
  EXPECT_FALSE(verify(rsa().sign({{"alg", "RS256"}, {"crit", json::array({"b64"})}}, claims().dump())));
}

// libcjose ends the process for some texts that are no base64url, and anybody may send them.
TEST_F(JwtTest, TextsThatNoEncodingHasAreRefusedBeforeTheyReachTheLibrary) {
  const auto good = token();
  const auto first = good.find('.');
  const auto last = good.rfind('.');
  const auto all_refused = [&](std::size_t begin, std::size_t end) {
    const auto part = good.substr(begin, end - begin);
    for (const char* wrong : {"~", "+", "/", "=", " ", "\n", ".", "\x9f", "\xcb\x9a", "A=", "==", "=A", "A~A", "~~~"}) {
      for (std::size_t at : {std::size_t{0}, std::size_t{1}, part.size() - 2, part.size() - 1, part.size()}) {
        auto changed = part;
        changed.insert(at, wrong);
        EXPECT_FALSE(verify(good.substr(0, begin) + changed + good.substr(end))) << wrong << " at " << at;
      }
    }
    for (std::size_t size = 0; size < 10; ++size) {
      EXPECT_FALSE(verify(good.substr(0, begin) + part.substr(0, size) + good.substr(end))) << size;
    }
  };
  all_refused(0, first);
  all_refused(first + 1, last);
  all_refused(last + 1, good.size());
}

TEST_F(JwtTest, AKeyWhoseNumbersAreNoEncodingIsNone) {
  const auto by_rsa = token();
  const auto by_ec = by_ec_later();
  for (const char* name : {"n", "e", "x", "y"}) {
    const bool curve = *name == 'x' || *name == 'y';
    for (const char* wrong : {"", "A", "A~~~", "AAAAA", "AA=A", "AA A", "+AAA", "\x9f\xb7"}) {
      auto key = (curve ? ec() : rsa()).public_part();
      key[name] = wrong;
      EXPECT_FALSE(verify_jwt(curve ? by_ec : by_rsa, {{"keys", {key}}}, issuer, clock.now())) << name << wrong;
      key = (curve ? ec() : rsa()).public_part();
      key["d"] = wrong;  // of a private key: nobody's business
      EXPECT_TRUE(verify_jwt(curve ? by_ec : by_rsa, {{"keys", {key}}}, issuer, clock.now())) << name << wrong;
    }
  }
}

TEST_F(JwtTest, KeysThatMayNotSign) {
  const auto signed_with = [&](const json& key) {
    return verify_jwt(token(), {{"keys", json::array({key})}}, issuer, clock.now()).has_value();
  };
  auto key = rsa().public_part();
  EXPECT_TRUE(signed_with(key));
  key["use"] = "enc";
  EXPECT_FALSE(signed_with(key));
  key["use"] = "sig";
  key["alg"] = "RS512";
  EXPECT_FALSE(signed_with(key));
  const Key small(cjose_jwk_create_RSA_random(1024, reinterpret_cast<const uint8_t*>("\x01\x00\x01"), 3, nullptr), "s");
  EXPECT_FALSE(verify_jwt(small.sign({{"alg", "RS256"}}, claims().dump()), {{"keys", {small.public_part()}}}, issuer,
                          clock.now()));
  for (const auto& nonsense : {json(), json(5), json{{"keys", 5}}, json{{"keys", {5, nullptr, json::object()}}}}) {
    EXPECT_FALSE(verify_jwt(token(), nonsense, issuer, clock.now()));
  }
}

TEST_F(JwtTest, KeysAreFetchedWhenNeededAndNotMoreOften) {
  int fetches = 0;
  bool away = false;
  json served{{"keys", {ec().public_part()}}};
  JwtAuthenticator authenticator(
      issuer,
      [&](const std::string& url, std::stop_token) -> Result<std::string> {
        EXPECT_EQ(url, "https://login.example/keys");
        ++fetches;
        if (away) return fail(ErrorKind::kUnavailable, "no connection");
        return served.dump();
      },
      clock);
  const auto by_ec = ec().sign({{"alg", "ES256"}, {"kid", "e"}}, claims().dump());
  EXPECT_TRUE(authenticator.authenticate(by_ec, {}));
  EXPECT_TRUE(authenticator.authenticate(by_ec, {}));
  EXPECT_EQ(fetches, 1);
  // A key that is not there: one more try, but not for everybody who makes names up.
  for (int i = 0; i < 5; ++i) EXPECT_EQ(authenticator.authenticate(token(), {}).error().kind, ErrorKind::kDenied);
  EXPECT_EQ(fetches, 1);
  clock.advance(std::chrono::seconds(31));
  served["keys"].push_back(rsa().public_part());
  EXPECT_TRUE(authenticator.authenticate(token(), {}));
  EXPECT_EQ(fetches, 2);
  // The issuer is away: the keys that were had stay good.
  away = true;
  clock.advance(std::chrono::minutes(9));
  EXPECT_TRUE(authenticator.authenticate(by_ec, {}));
  EXPECT_EQ(authenticator.authenticate("mrt_x", {}).error().kind, ErrorKind::kNotFound);
  // But not for ever: a withdrawn key would be good for as long as somebody keeps the issuer away from us.
  clock.advance(std::chrono::hours(25));
  EXPECT_EQ(authenticator.authenticate(by_ec_later(), {}).error().kind, ErrorKind::kUnavailable);
  JwtAuthenticator never(
      issuer, [](const std::string&, std::stop_token) -> Result<std::string> { return "{}"; }, clock);
  EXPECT_EQ(never.authenticate(by_ec, {}).error().kind, ErrorKind::kUnavailable);
}

TEST_F(JwtTest, WithdrawnKeyIsRefusedOnceTheKeysAreOld) {
  json served{{"keys", {ec().public_part()}}};
  issuer.refresh = std::chrono::seconds(60);
  JwtAuthenticator authenticator(
      issuer, [&](const std::string&, std::stop_token) -> Result<std::string> { return served.dump(); }, clock);
  const auto by_ec = ec().sign({{"alg", "ES256"}, {"kid", "e"}}, claims().dump());
  EXPECT_TRUE(authenticator.authenticate(by_ec, {}));
  served = {{"keys", {rsa().public_part()}}};
  clock.advance(std::chrono::seconds(59));
  EXPECT_TRUE(authenticator.authenticate(by_ec, {}));
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(authenticator.authenticate(by_ec, {}).error().kind, ErrorKind::kDenied);
  EXPECT_TRUE(authenticator.authenticate(token(), {}));
}

TEST_F(JwtTest, KeysAreDiscovered) {
  issuer.jwks_url.clear();
  std::vector<std::string> asked;
  json document{{"issuer", "https://login.example"}, {"jwks_uri", "https://keys.example/all"}};
  JwtAuthenticator authenticator(
      issuer,
      [&](const std::string& url, std::stop_token) -> Result<std::string> {
        asked.push_back(url);
        return url == "https://keys.example/all" ? jwks.dump() : document.dump();
      },
      clock);
  const auto refused = [&](const char* field, const char* value) {
    const auto good = std::exchange(document[field], value);
    EXPECT_EQ(authenticator.authenticate(token(), {}).error().kind, ErrorKind::kUnavailable) << value;
    document[field] = good;
    clock.advance(std::chrono::seconds(5));  // tries are rare also when nothing is known
  };
  refused("issuer", "https://login.example/");
  refused("issuer", "https://evil.example");
  refused("jwks_uri", "http://keys.example/all");
  EXPECT_EQ(asked, std::vector<std::string>(3, "https://login.example/.well-known/openid-configuration"));
  EXPECT_TRUE(authenticator.authenticate(token(), {}));
  EXPECT_EQ(asked.back(), "https://keys.example/all");
}

TEST(Oidc, Urls) {
  for (const char* good : {"https://a.example", "https://a.example:8443/x?y=z", "https://[::1]:1/", "https://A/"}) {
    EXPECT_TRUE(is_https_url(good)) << good;
  }
  for (const char* bad : {"", "https://", "http://a", "https:///x", "https://u:p@a/", "https://a/#f", "https://a/ b",
                          "https://a\r\nX: y/", "https://a?x", "HTTPS://a", "file:///etc/passwd"}) {
    EXPECT_FALSE(is_https_url(bad)) << bad;
  }
  EXPECT_EQ(discovery_url("https://a.example/t/"), "https://a.example/t/.well-known/openid-configuration");
}

TEST(JwtIssuers, AreCheckedWhenTheyAreRead) {
  const json good{
      {"issuer", "https://a.example"}, {"audiences", {"x"}}, {"jwksURL", "https://a.example/k"}, {"userPrefix", "a:"},
      {"groupPrefix", "a:"},           {"namespace", "team"}};
  EXPECT_EQ(parse_jwt_issuers(json::array({good}).dump()).value()[0].user_claim, "sub");
  const auto refused = [&](const char* field, const json& value, const char* words) {
    auto wrong = good;
    wrong[field] = value;
    const auto parsed = parse_jwt_issuers(json::array({wrong}).dump());
    ASSERT_FALSE(parsed) << field << value;
    EXPECT_THAT(parsed.error().message, HasSubstr(words));
  };
  refused("userPrefix", "", "userPrefix");
  refused("userPrefix", "system:", "userPrefix");
  refused("groupPrefix", "system:x", "groupPrefix");
  refused("audiences", json::array(), "audiences");
  refused("jwksURL", "http://a.example/k", "https");
  refused("jwksURL", "https://user@a.example/k", "https");
  // These would make names of Kubernetes' own, or of API tokens', with the right rest.
  refused("userPrefix", "s", "system:");
  refused("groupPrefix", "system", "system:");
  refused("userPrefix", "modelrun-token:", "modelrun-token:");
  refused("groupPrefix", "modelrun-", "modelrun-token:");
  refused("namespace", "", "namespace");
  refused("namespaceClaim", 5, "namespaceClaim must be a text");
  refused("refreshSeconds", 0, "refreshSeconds");
  refused("refreshSeconds", "60", "refreshSeconds");
  refused("issuer", "", "issuer");
  refused("userprefix", "a:", "no field 'userprefix'");
  // Without a URL of the keys the issuer is asked, so it must be a URL itself.
  auto discovered = good;
  discovered.erase("jwksURL");
  EXPECT_EQ(parse_jwt_issuers(json::array({discovered}).dump()).value()[0].jwks_url, "");
  discovered["issuer"] = "login";
  EXPECT_FALSE(parse_jwt_issuers(json::array({discovered}).dump()));
  // Two issuers must not be able to speak for the same subject.
  auto other = good;
  other["issuer"] = "https://b.example";
  EXPECT_FALSE(parse_jwt_issuers(json::array({good, other}).dump()));
  other["userPrefix"] = "a:b:";
  other["groupPrefix"] = "b:";
  EXPECT_FALSE(parse_jwt_issuers(json::array({good, other}).dump()));
  other["userPrefix"] = "b:";
  EXPECT_TRUE(parse_jwt_issuers(json::array({good, other}).dump()));
  EXPECT_FALSE(parse_jwt_issuers("{}"));
}

}  // namespace
}  // namespace modelrun::gateway
