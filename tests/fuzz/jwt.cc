// Tokens and the keys to check them with. The input is a token, a line feed, and a JWK set, which is also read as the
// configuration of issuers, as a discovery document and as the Secret of an API token.
#include "fuzz/fuzz.h"

#include <algorithm>

#include "api/api_token.h"
#include "api/strict_json.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/oidc.h"
#include "net/bearer.h"

namespace {

using namespace modelrun;

const gateway::JwtIssuer& issuer() {
  static const gateway::JwtIssuer kIssuer = [] {
    gateway::JwtIssuer made;
    made.issuer = "https://issuer.example";
    made.audiences = {"modelrun"};
    made.user_prefix = "login:";
    made.group_prefix = "login:";
    made.namespace_ = "team";
    made.namespace_claim = "namespace";
    return made;
  }();
  return kIssuer;
}

void check_secret(const nlohmann::json& secret) {
  const auto stored = api::read_token_secret(secret);
  if (!stored) return;
  const auto made = api::token_secret("modelrun-tokens", std::string(64, 'a'), stored->grant);
  const auto again = api::read_token_secret(made);
  fuzz::expect(again.has_value(), "read_token_secret() reads what token_secret() makes");
  fuzz::expect(again->grant.subject == stored->grant.subject && again->grant.groups == stored->grant.groups &&
                   again->grant.namespace_ == stored->grant.namespace_,
               "a grant is a fixed point");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  const auto token = fuzz::take_until(rest, '\n');
  (void)gateway::read_jwt(token);
  if (const auto bearer = net::parse_bearer(token)) {
    fuzz::expect(!bearer->empty() && token.ends_with(*bearer), "a bearer token is part of its header");
    fuzz::expect(bearer->find_first_of(" \t\r\n,;\"") == std::string_view::npos, "a bearer token is one word");
  }
  const auto keys = api::parse_strict(rest);
  const auto identity = gateway::verify_jwt(token, keys.value_or(nullptr), issuer(), Time{});
  if (identity) {
    const auto prefixed = [](const std::string& name) {
      return name.starts_with("login:") || name == "system:authenticated";
    };
    fuzz::expect(identity->user.starts_with("login:") && std::ranges::all_of(identity->groups, prefixed),
                 "an identity has the issuer's prefixes");
  }
  if (const auto issuers = gateway::parse_jwt_issuers(rest)) {
    for (const auto& each : *issuers) {
      fuzz::expect(!each.user_prefix.empty() && !each.group_prefix.empty(), "an issuer has prefixes");
      fuzz::expect(!std::string_view("system:").starts_with(each.user_prefix), "no prefix begins a system name");
    }
  }
  const auto url = gateway::jwks_url_of(rest, issuer().issuer);
  fuzz::expect(!url || gateway::is_https_url(*url), "keys are fetched by https");
  if (keys) {
    check_secret(*keys);
    (void)gateway::time_of_claim(*keys, "exp");
  }
  return 0;
}
