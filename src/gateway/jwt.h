// JSON Web Tokens of issuers that an administrator has named. Signatures are libcjose's work; which of its abilities
// may be used, and what the claims must say, is decided here. Pure.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "gateway/identity.h"

namespace modelrun::gateway {

// Prefixes are never empty, and what begins with one of them never is a name of another issuer's, of an API token's or
// of Kubernetes' own.
struct JwtIssuer {
  std::string issuer;                  // `iss`, to the letter
  std::vector<std::string> audiences;  // one of them must be among `aud`
  std::string jwks_url;               // https; empty: found by OpenID Connect Discovery, and the issuer is an https URL
  std::string ca_file;                // PEM; the authority that alone is trusted for these fetches; empty: the system's
  std::chrono::seconds refresh{600};  // age at which the keys are fetched again
  std::string user_prefix, group_prefix;
  std::string user_claim = "sub";
  std::string groups_claim = "groups";
  std::string namespace_;       // of projects that are named without one
  std::string namespace_claim;  // a claim that says so instead, where it is there; empty: none
};

// A JSON list of objects with the fields issuer, audiences, userPrefix, groupPrefix, namespace, and optionally jwksURL,
// caFile, refreshSeconds, userClaim, groupsClaim, namespaceClaim. kInvalid names the issuer and the field.
Result<std::vector<JwtIssuer>> parse_jwt_issuers(std::string_view text);

// Header and claims of a JWT, which nobody has verified.
struct JwtText {
  nlohmann::json header;
  nlohmann::json claims;
};
// Nothing when it is not three parts of base64url, of which two are JSON objects without doubled members.
std::optional<JwtText> read_jwt(std::string_view token);

// The identity that `token` proves at `now`, by one of the keys in `jwks` (RFC 7517). kNotFound: signed by a key that
// is not there; kDenied: everything else that is wrong. RS256 and ES256 only; the header's own keys and URLs are never
// looked at. Clocks may differ by 30 s: the identity expires that long after the token says.
Result<Identity> verify_jwt(std::string_view token, const nlohmann::json& jwks, const JwtIssuer& issuer, Time now);

}  // namespace modelrun::gateway
