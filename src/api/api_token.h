// The codec of the Secrets that store API tokens of the gateway, one Secret for each token. The token itself is
// "mrt_" and 256 random bits in base64url. It is shown once, to the person who creates it (`kubectl modelrun token`);
// the Secret holds only its SHA-256 digest and what it grants. Pure, no I/O.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace modelrun::api {

inline constexpr std::string_view kApiTokenPrefix = "mrt_";
inline constexpr std::string_view kApiTokenNamespace = "modelrun-tokens";  // the default; holds only these Secrets
inline constexpr std::string_view kApiTokenSelector = "modelrun.dev/secret=api-token";
// The gateway puts this prefix before the subject and the groups of every API token, so that a token cannot take the
// name of a user or a group that another authenticator knows.
inline constexpr std::string_view kApiTokenUserPrefix = "modelrun-token:";

// Whom a token identifies.
struct TokenGrant {
  std::string subject;              // without kApiTokenUserPrefix
  std::vector<std::string> groups;  // the same; a group is not empty and has no line feed
  std::string namespace_;           // the namespace of a project that a call names without one
  std::optional<Time> expires;      // the token is valid before this time; nullopt: it does not expire
};

// Returns the name of a token's Secret: it contains the first 32 of the 64 hex digits of the token's digest, so that
// a token is found by one get, without a list. The name does not prove the token: compare StoredToken::sha256.
std::string token_secret_name(std::string_view token_sha256);
// Returns the Secret to be created. It is immutable.
nlohmann::json token_secret(std::string_view namespace_, std::string_view token_sha256, const TokenGrant& grant);

struct StoredToken {
  std::string sha256;  // of the whole token, 64 hex digits; empty when the Secret has none
  TokenGrant grant;
};
// Returns kInvalid when the type of the Secret is not that of an API token, when subject or namespace are missing, or
// when the expiry is not an RFC 3339 time. It does not check whether the token has expired. A member of `data` that
// is not base64 counts as absent.
Result<StoredToken> read_token_secret(const nlohmann::json& secret);

}  // namespace modelrun::api
