#include "gateway/auth/api_tokens.h"

#include <openssl/crypto.h>

#include "api/api_token.h"
#include "base/base64url.h"
#include "base/encoding.h"

namespace modelrun::gateway {
namespace {

constexpr std::size_t kTokenSize = 4 + 43;  // the prefix "mrt_", and 32 bytes in base64url without padding

// Takes the same time wherever the first difference is, so that timing reveals nothing about the digest.
bool equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

Result<Identity> token_identity(const nlohmann::json& secret, std::string_view token_sha256, Time now) {
  const auto stored = api::read_token_secret(secret);
  RETURN_IF_ERROR(stored);
  // The Secret was found by its name, which contains only half of the digest, so the whole digest is compared here.
  if (!equal(stored->sha256, token_sha256)) return fail(ErrorKind::kDenied, "this API token is not known");
  const auto& grant = stored->grant;
  if (grant.expires && now >= *grant.expires) return fail(ErrorKind::kDenied, "this API token has expired");
  Identity identity{.user = std::string(api::kApiTokenUserPrefix) + grant.subject,
                    .uid = {},
                    .groups = {},
                    .namespace_ = grant.namespace_,
                    .expires = grant.expires};
  for (const auto& group : grant.groups) identity.groups.push_back(std::string(api::kApiTokenUserPrefix) + group);
  // Kubernetes adds this group to every authenticated user.
  identity.groups.emplace_back("system:authenticated");
  return identity;
}

std::optional<Identity> ApiTokens::remembered(std::string_view token) {
  if (!token.starts_with(api::kApiTokenPrefix)) return std::nullopt;  // saves hashing tokens of other kinds
  return cache_.find(token, clock_.now());
}

Result<Identity> ApiTokens::authenticate(std::string_view token, std::stop_token stop) {
  if (!token.starts_with(api::kApiTokenPrefix)) return fail(ErrorKind::kNotFound, "not an API token");
  if (token.size() != kTokenSize || !is_base64url(token.substr(api::kApiTokenPrefix.size()))) {
    return fail(ErrorKind::kDenied, "this is no API token");
  }
  if (auto known = remembered(token)) return std::move(*known);
  const auto digest = sha256_hex(token);
  if (refused_.find(digest)) return fail(ErrorKind::kDenied, "this API token was refused a moment ago");
  const auto asked = std::chrono::steady_clock::now();
  const auto secret = client_.get(kube::kSecrets, namespace_, api::token_secret_name(digest), stop);
  if (!secret && secret.error().kind == ErrorKind::kNotFound) {
    refused_.put(digest, true, asked);
    return fail(ErrorKind::kDenied, "this API token is not known");
  }
  if (!secret) return fail(ErrorKind::kUnavailable, "API tokens cannot be looked up: {}", secret.error().message);
  auto identity = token_identity(*secret, digest, clock_.now());
  if (identity) {
    cache_.put(token, *identity);
  } else {
    refused_.put(digest, true, asked);
  }
  // The Secret is not one of an API token. To the caller, this is the same as a token that is not known.
  if (!identity && identity.error().kind == ErrorKind::kInvalid)
    return fail(ErrorKind::kDenied, "{}", identity.error().message);
  return identity;
}

}  // namespace modelrun::gateway
