#include "gateway/api_tokens.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "api/json_access.h"
#include "base/encoding.h"

namespace modelrun::gateway {
namespace {

using api::member;
using nlohmann::json;

constexpr const char* kSecretType = "modelrun.dev/api-token";
constexpr std::size_t kTokenSize = 4 + 43;  // the prefix, and 32 bytes in base64url without padding

bool is_base64url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string data_at(const json& secret, const char* name) {
  const auto decoded = base64_decode(api::text_at(member(secret, "data"), name));
  return decoded ? *decoded : std::string();
}

// The text that is compared leaks nothing: it is a digest.
bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    if (end > at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

std::string token_secret_name(std::string_view token_sha256) {
  return fmt::format("modelrun-token-{}", token_sha256.substr(0, 32));
}

json token_secret(std::string_view namespace_, std::string_view token_sha256, const TokenGrant& grant) {
  std::string groups;
  for (const auto& group : grant.groups) groups += group + "\n";
  json data{{"sha256", base64_encode(token_sha256)},
            {"subject", base64_encode(grant.subject)},
            {"namespace", base64_encode(grant.namespace_)}};
  if (!groups.empty()) data["groups"] = base64_encode(groups);
  if (grant.expires) data["expires"] = base64_encode(format_rfc3339(*grant.expires));
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata",
           {{"namespace", namespace_},
            {"name", token_secret_name(token_sha256)},
            {"labels", {{"modelrun.dev/secret", "api-token"}}}}},
          {"type", kSecretType},
          {"immutable", true},
          {"data", std::move(data)}};
}

Result<Identity> token_identity(const json& secret, std::string_view token_sha256, Time now) {
  if (api::text_at(secret, "type") != kSecretType || !equal(data_at(secret, "sha256"), token_sha256)) {
    return fail(ErrorKind::kDenied, "this API token is not known");
  }
  const auto subject = data_at(secret, "subject");
  Identity identity{.user = std::string(kTokenUserPrefix) + subject,
                    .uid = {},
                    .groups = {},
                    .namespace_ = data_at(secret, "namespace"),
                    .expires = {}};
  if (subject.empty() || identity.namespace_.empty()) {
    return fail(ErrorKind::kInvalid, "the Secret of an API token lacks subject or namespace");
  }
  for (const auto& group : lines_of(data_at(secret, "groups"))) {
    identity.groups.push_back(std::string(kTokenUserPrefix) + group);
  }
  // What Kubernetes gives to everybody who has shown who they are.
  identity.groups.emplace_back("system:authenticated");
  if (const auto text = data_at(secret, "expires"); !text.empty()) {
    identity.expires = parse_rfc3339(text);
    if (!identity.expires) return fail(ErrorKind::kInvalid, "the Secret of an API token has no valid expiry");
    if (now >= *identity.expires) return fail(ErrorKind::kDenied, "this API token has expired");
  }
  return identity;
}

Result<Identity> ApiTokens::authenticate(std::string_view token, std::stop_token stop) {
  if (!token.starts_with(kTokenPrefix)) return fail(ErrorKind::kNotFound, "not an API token");
  if (token.size() != kTokenSize || !std::ranges::all_of(token.substr(kTokenPrefix.size()), is_base64url)) {
    return fail(ErrorKind::kDenied, "this is no API token");
  }
  const auto digest = sha256_hex(token);
  if (auto known = cache_.find(digest)) {
    if (known->expires && clock_.now() >= *known->expires) {
      return fail(ErrorKind::kDenied, "this API token has expired");
    }
    return *known;
  }
  const auto secret = client_.get(kube::kSecrets, namespace_, token_secret_name(digest), stop);
  if (!secret && secret.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kDenied, "this API token is not known");
  }
  if (!secret) return fail(ErrorKind::kUnavailable, "API tokens cannot be looked up: {}", secret.error().message);
  auto identity = token_identity(*secret, digest, clock_.now());
  if (identity) cache_.put(digest, *identity);
  return identity;
}

}  // namespace modelrun::gateway
