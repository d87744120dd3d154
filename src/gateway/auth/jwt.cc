#include "gateway/auth/jwt.h"

#include <cjose/cjose.h>

#include <algorithm>
#include <memory>

#include "api/json_access.h"
#include "base/base64url.h"
#include "base/dns_label.h"

namespace modelrun::gateway {
namespace {

using api::member;
using api::text_at;
using nlohmann::json;

constexpr std::chrono::seconds kLeeway{30};
constexpr std::size_t kMinRsaBits = 2048;
constexpr std::size_t kMaxGroups = 500;

using KeyPtr = std::unique_ptr<cjose_jwk_t, decltype([](cjose_jwk_t* key) { cjose_jwk_release(key); })>;
using JwsPtr = std::unique_ptr<cjose_jws_t, decltype([](cjose_jws_t* jws) { cjose_jws_release(jws); })>;

// The JWK key type ("kty") for an algorithm; empty if the algorithm is not accepted. A key is used only with the
// algorithm of its type, which rules out attacks that confuse the two.
std::string key_type(const std::string& algorithm) {
  if (algorithm == "RS256") return "RSA";
  if (algorithm == "ES256") return "EC";
  return {};
}

bool usable(const json& key, const std::string& algorithm) {
  if (text_at(key, "kty") != key_type(algorithm)) return false;
  if (key.contains("alg") && text_at(key, "alg") != algorithm) return false;
  if (key.contains("use") && text_at(key, "use") != "sig") return false;
  return algorithm != "ES256" || text_at(key, "crv") == "P-256";
}

// The keys that may have signed the token: all usable keys with the header's kid. If the header has no kid, the only
// usable key; none if there are several.
std::vector<json> candidates(const json& header, const json& jwks, const std::string& algorithm) {
  std::vector<json> found;
  for (const auto& key : member(jwks, "keys")) {
    if (!key.is_object() || !usable(key, algorithm)) continue;
    if (header.contains("kid") && text_at(key, "kid") != text_at(header, "kid")) continue;
    found.push_back(key);
  }
  if (!header.contains("kid") && found.size() > 1) found.clear();
  return found;
}

// A JWK of no members but those of the public key (RFC 7518, sections 6.2.1 and 6.3.1). Nullopt if one of its numbers
// is no base64url: libcjose ends the process for some texts that are none.
std::optional<std::string> public_key(const json& key) {
  const bool rsa = text_at(key, "kty") == "RSA";
  json taken = {{"kty", text_at(key, "kty")}};
  if (!rsa) taken["crv"] = text_at(key, "crv");
  for (const char* number : {rsa ? "n" : "x", rsa ? "e" : "y"}) {
    const auto text = text_at(key, number);
    if (!is_base64url(text)) return std::nullopt;
    taken[number] = text;
  }
  return api::json_text(taken);
}

// `token` has three parts that are base64url: read_jwt() has seen to it.
bool signed_by(std::string_view token, const json& key) {
  const auto text = public_key(key);
  if (!text) return false;
  cjose_err error{};
  const KeyPtr imported(cjose_jwk_import(text->data(), text->size(), &error));
  if (!imported) return false;
  if (text_at(key, "kty") == "RSA" && cjose_jwk_get_keysize(imported.get(), &error) < kMinRsaBits) return false;
  const JwsPtr jws(cjose_jws_import(token.data(), token.size(), &error));
  return jws && cjose_jws_verify(jws.get(), imported.get(), &error);
}

bool is_systems(const std::string& name) {
  return name.starts_with("system:");
}

Result<void> check_claims(const json& claims, const JwtIssuer& issuer, Time now) {
  if (text_at(claims, "iss") != issuer.issuer) return fail(ErrorKind::kDenied, "another issuer");
  const auto& audience = member(claims, "aud");
  const auto ours = [&](const json& value) {
    return value.is_string() &&
           std::ranges::find(issuer.audiences, value.get_ref<const std::string&>()) != issuer.audiences.end();
  };
  if (!ours(audience) && !(audience.is_array() && std::ranges::any_of(audience, ours))) {
    return fail(ErrorKind::kDenied, "made for another audience");
  }
  const auto expires = time_of_claim(claims, "exp");
  if (!expires || now >= *expires + kLeeway) return fail(ErrorKind::kDenied, "expired, or without an end");
  if (claims.contains("nbf")) {
    const auto begins = time_of_claim(claims, "nbf");
    if (!begins || now + kLeeway < *begins) return fail(ErrorKind::kDenied, "not valid yet");
  }
  return {};
}

Result<Identity> identity_of(const json& claims, const JwtIssuer& issuer) {
  const auto subject = text_at(claims, issuer.user_claim);
  if (subject.empty()) return fail(ErrorKind::kDenied, "no claim {}", issuer.user_claim);
  const auto expires = time_of_claim(claims, "exp");
  if (!expires) return fail(ErrorKind::kDenied, "no claim exp");
  Identity identity{.user = issuer.user_prefix + subject,
                    .uid = {},
                    .groups = {},
                    .namespace_ = issuer.namespace_,
                    .expires = *expires + kLeeway};
  const auto& groups = member(claims, issuer.groups_claim);
  // Leaving some out would take rights away, and nobody would see why.
  if (groups.is_array() && groups.size() > kMaxGroups) {
    return fail(ErrorKind::kDenied, "more than {} groups", kMaxGroups);
  }
  for (const auto& group : groups.is_array() ? groups : json::array()) {
    if (group.is_string()) identity.groups.push_back(issuer.group_prefix + group.get<std::string>());
  }
  // The checks of the configured prefixes already rule this out. It is checked again because such a name would give
  // the caller the rights of a Kubernetes component.
  if (is_systems(identity.user) || std::ranges::any_of(identity.groups, is_systems)) {
    return fail(ErrorKind::kDenied, "a name that Kubernetes keeps for itself");
  }
  // Kubernetes adds this group to every authenticated user.
  identity.groups.emplace_back("system:authenticated");
  if (!issuer.namespace_claim.empty()) {
    const auto claimed = text_at(claims, issuer.namespace_claim);
    if (!claimed.empty() && !is_dns_label(claimed)) return fail(ErrorKind::kDenied, "no namespace's name");
    if (!claimed.empty()) identity.namespace_ = claimed;
  }
  return identity;
}

}  // namespace

std::optional<Time> time_of_claim(const json& claims, const char* name) {
  const auto& value = member(claims, name);
  if (!value.is_number()) return std::nullopt;
  const double seconds = value.get<double>();
  constexpr double kFar = 1e11;                     // about 3,000 years; Time can represent it in microseconds
  const bool fits = seconds > 0 && seconds < kFar;  // false for NaN too
  if (!fits) return std::nullopt;
  return Time(std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6)));
}

Result<Identity> verify_jwt(std::string_view token, const json& jwks, const JwtIssuer& issuer, Time now) {
  const auto text = read_jwt(token);
  if (!text) return fail(ErrorKind::kDenied, "no JWT");
  const auto algorithm = text_at(text->header, "alg");
  if (key_type(algorithm).empty()) return fail(ErrorKind::kDenied, "signed with another algorithm than RS256 or ES256");
  if (text->header.contains("kid") && !api::member(text->header, "kid").is_string())
    return fail(ErrorKind::kDenied, "the header's 'kid' is no text");
  // RFC 7515, section 4.1.11: a token must be refused if it lists an extension that is not understood. None is here.
  if (text->header.contains("crit")) return fail(ErrorKind::kDenied, "the header has 'crit'");
  const auto keys = candidates(text->header, jwks, algorithm);
  if (keys.empty()) return fail(ErrorKind::kNotFound, "its key is not among the issuer's");
  const bool good = std::ranges::any_of(keys, [&](const json& key) { return signed_by(token, key); });
  if (!good) return fail(ErrorKind::kDenied, "the signature is wrong");
  RETURN_IF_ERROR(check_claims(text->claims, issuer, now));
  return identity_of(text->claims, issuer);
}

}  // namespace modelrun::gateway
