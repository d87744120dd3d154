// The Secret that stands for one API token of the gateway. The token itself, "mrt_" and 256 random bits, is shown once,
// to whoever made it; the Secret keeps its SHA-256 and what it grants. Pure.
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
inline constexpr std::string_view kApiTokenNamespace = "modelrun-tokens";  // of these Secrets and nothing else
inline constexpr std::string_view kApiTokenSelector = "modelrun.dev/secret=api-token";
// Before subject and groups of every API token, so that none can take the name of somebody else's.
inline constexpr std::string_view kApiTokenUserPrefix = "modelrun-token:";

struct TokenGrant {
  std::string subject;
  std::vector<std::string> groups;
  std::string namespace_;  // of projects that are named without one
  std::optional<Time> expires;
};

// The Secret's name follows from the token's digest (64 hex digits), so that finding it takes no list.
std::string token_secret_name(std::string_view token_sha256);
nlohmann::json token_secret(std::string_view namespace_, std::string_view token_sha256, const TokenGrant& grant);

struct StoredToken {
  std::string sha256;
  TokenGrant grant;
};
// kInvalid: not such a Secret, or without subject or namespace, or with an expiry that is no time.
Result<StoredToken> read_token_secret(const nlohmann::json& secret);

}  // namespace modelrun::api
