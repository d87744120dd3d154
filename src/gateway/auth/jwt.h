// JSON Web Tokens (RFC 7519) of issuers that an administrator has configured. libcjose verifies the signatures; this
// file decides which algorithms and keys may be used and what the claims must say. All functions are pure.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "gateway/auth/identity.h"

namespace modelrun::gateway {

// One issuer whose tokens are accepted. parse_jwt_issuers() guarantees that the prefixes are not empty and that a
// name with one of them cannot be a name from another issuer, from an API token or from Kubernetes itself
// ("system:").
struct JwtIssuer {
  std::string issuer;                  // must equal the claim `iss`, character by character
  std::vector<std::string> audiences;  // one of them must be in the claim `aud`
  std::string jwks_url;  // an https URL; empty: found by OpenID Connect Discovery, and `issuer` is an https URL
  std::string ca_file;   // PEM file with the only authorities trusted when keys are fetched; empty: the system's
  std::chrono::seconds refresh{600};      // the age at which the keys are fetched again; 1 second to 1 day
  std::string user_prefix, group_prefix;  // put before the user name and before each group
  std::string user_claim = "sub";         // the claim that holds the user name
  std::string groups_claim = "groups";    // the claim that holds the list of groups; it may be absent
  std::string namespace_;                 // of projects that are named without a namespace
  std::string namespace_claim;            // a claim that, where present, replaces `namespace_`; empty: none
};

// Parses a JSON list of objects with the fields issuer, audiences, userPrefix, groupPrefix and namespace, and
// optionally jwksURL, caFile, refreshSeconds, userClaim, groupsClaim and namespaceClaim. Fails with kInvalid for text
// that is no such list, for a field that is unknown, missing or wrong (the message names the issuer and the field),
// and for two issuers that are equal or whose prefixes overlap. Does not open `ca_file`.
Result<std::vector<JwtIssuer>> parse_jwt_issuers(std::string_view text);

// The header and the claims of a JWT. The signature has not been verified.
struct JwtText {
  nlohmann::json header;
  nlohmann::json claims;
};
// Splits a JWT and decodes its first two parts. Returns nullopt unless there are three parts separated by dots, of
// which the first two are base64url of JSON objects without duplicate keys and the third, the signature, is base64url.
std::optional<JwtText> read_jwt(std::string_view token);

// The time that a claim such as "exp" holds in seconds. Nullopt if it is no number, or none that Time can represent:
// the claims of a token that nobody has verified may hold anything.
std::optional<Time> time_of_claim(const nlohmann::json& claims, const char* name);

// Returns the identity that `token` proves at `now`, by one of the keys in `jwks`, a JWK set (RFC 7517). Accepts
// RS256 (keys of at least 2048 bits) and ES256 only, and never uses keys or URLs from the token's own header. Clocks
// may differ by 30 seconds: the identity expires 30 seconds after the token's `exp`, and `nbf` is compared with the
// same tolerance. The groups are those of the token and "system:authenticated"; a token with more than 500 groups is
// refused.
//
// Fails with kNotFound if no usable key in `jwks` fits the token's header: none has its `kid`, or the header has no
// `kid` and there is not exactly one key of the right type. Fails with kDenied for everything else that is wrong.
Result<Identity> verify_jwt(std::string_view token, const nlohmann::json& jwks, const JwtIssuer& issuer, Time now);

}  // namespace modelrun::gateway
