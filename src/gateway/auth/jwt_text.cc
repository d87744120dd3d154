// Splits JWTs and parses the list of issuers. This file handles text only; the cryptography is in jwt.cc.
#include <algorithm>

#include "api/api_token.h"
#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/base64url.h"
#include "base/dns_label.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/oidc.h"

namespace modelrun::gateway {
namespace {

using api::text_at;
using nlohmann::json;

// nullopt if `part` is not base64url of a JSON object.
std::optional<json> decoded_object(std::string_view part) {
  const auto bytes = base64url_decode(part);
  if (!bytes) return std::nullopt;
  auto value = api::parse_strict(*bytes);
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(*value);
}

// Whether a name can begin with both `a` and `b`.
bool overlap(std::string_view a, std::string_view b) {
  return a.starts_with(b) || b.starts_with(a);
}

Result<void> check_prefix(const std::string& issuer, const char* field, const std::string& prefix) {
  if (prefix.empty()) {
    return fail(ErrorKind::kInvalid, "issuer {}: {} must be given, e.g. 'login:'", issuer, field);
  }
  // The beginning of a reserved prefix is refused too: with the prefix "sys", the subject "tem:admin" would give the
  // name "system:admin".
  for (const std::string_view taken : {std::string_view("system:"), api::kApiTokenUserPrefix}) {
    if (overlap(prefix, taken)) {
      return fail(ErrorKind::kInvalid, "issuer {}: {} '{}' could make names that begin with '{}': take another one",
                  issuer, field, prefix, taken);
    }
  }
  return {};
}

Result<void> check_fields(const json& entry, const std::string& issuer) {
  constexpr std::string_view kTexts[] = {"issuer",    "jwksURL",   "caFile",      "userPrefix",    "groupPrefix",
                                         "namespace", "userClaim", "groupsClaim", "namespaceClaim"};
  for (const auto& [name, value] : entry.items()) {
    const bool text = std::ranges::find(kTexts, name) != std::end(kTexts);
    if (!text && name != "audiences" && name != "refreshSeconds") {
      return fail(ErrorKind::kInvalid, "issuer {}: there is no field '{}'", issuer, name);
    }
    // A field of another type would be read as absent, and what it configures would silently not apply.
    if (text && !value.is_string()) return fail(ErrorKind::kInvalid, "issuer {}: {} must be a text", issuer, name);
  }
  return {};
}

// Checks where the keys come from, and reads how often they are fetched.
Result<void> take_keys(const json& entry, JwtIssuer& issuer) {
  if (!issuer.jwks_url.empty() && !is_https_url(issuer.jwks_url)) {
    return fail(ErrorKind::kInvalid, "issuer {}: jwksURL must be an https URL", issuer.issuer);
  }
  if (issuer.jwks_url.empty() && !is_https_url(issuer.issuer)) {
    return fail(ErrorKind::kInvalid, "issuer {}: it is no https URL, so its keys cannot be discovered: give jwksURL",
                issuer.issuer);
  }
  if (!entry.contains("refreshSeconds")) return {};
  constexpr std::int64_t kDay = 86'400;
  const auto seconds = api::int_at(entry, "refreshSeconds").value_or(0);
  if (seconds < 1 || seconds > kDay) {
    return fail(ErrorKind::kInvalid, "issuer {}: refreshSeconds must be from 1 to {}", issuer.issuer, kDay);
  }
  issuer.refresh = std::chrono::seconds(seconds);
  return {};
}

Result<JwtIssuer> issuer_of(const json& entry) {
  JwtIssuer issuer{.issuer = text_at(entry, "issuer"),
                   .audiences = {},
                   .jwks_url = text_at(entry, "jwksURL"),
                   .ca_file = text_at(entry, "caFile"),
                   .user_prefix = text_at(entry, "userPrefix"),
                   .group_prefix = text_at(entry, "groupPrefix"),
                   .namespace_ = text_at(entry, "namespace"),
                   .namespace_claim = text_at(entry, "namespaceClaim")};
  if (const auto claim = text_at(entry, "userClaim"); !claim.empty()) issuer.user_claim = claim;
  if (const auto claim = text_at(entry, "groupsClaim"); !claim.empty()) issuer.groups_claim = claim;
  if (issuer.issuer.empty()) return fail(ErrorKind::kInvalid, "an issuer has no field 'issuer'");
  RETURN_IF_ERROR(check_fields(entry, issuer.issuer));
  for (const auto& audience : api::member(entry, "audiences")) {
    if (audience.is_string() && !audience.get_ref<const std::string&>().empty()) issuer.audiences.push_back(audience);
  }
  if (issuer.audiences.empty())
    return fail(ErrorKind::kInvalid, "issuer {}: audiences must name at least one", issuer.issuer);
  RETURN_IF_ERROR(take_keys(entry, issuer));
  RETURN_IF_ERROR(check_prefix(issuer.issuer, "userPrefix", issuer.user_prefix));
  RETURN_IF_ERROR(check_prefix(issuer.issuer, "groupPrefix", issuer.group_prefix));
  if (!is_dns_label(issuer.namespace_)) {
    return fail(ErrorKind::kInvalid, "issuer {}: namespace must name a namespace", issuer.issuer);
  }
  return issuer;
}

}  // namespace

Result<std::vector<JwtIssuer>> parse_jwt_issuers(std::string_view text) {
  const auto list = api::parse_strict(text);
  RETURN_IF_ERROR(list);
  if (!list->is_array()) return fail(ErrorKind::kInvalid, "the issuers must be a JSON list");
  std::vector<JwtIssuer> issuers;
  for (const auto& entry : *list) {
    auto issuer = issuer_of(entry);
    RETURN_IF_ERROR(issuer);
    for (const auto& other : issuers) {
      if (other.issuer == issuer->issuer) return fail(ErrorKind::kInvalid, "issuer {} is there twice", other.issuer);
      // If prefixes overlapped, one issuer could make tokens with the user names or groups of the other.
      if (overlap(other.user_prefix, issuer->user_prefix) || overlap(other.group_prefix, issuer->group_prefix)) {
        return fail(ErrorKind::kInvalid, "issuers {} and {}: no prefix may be the beginning of the other's",
                    other.issuer, issuer->issuer);
      }
    }
    issuers.push_back(std::move(*issuer));
  }
  return issuers;
}

std::optional<JwtText> read_jwt(std::string_view token) {
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  const auto head = token.substr(0, first);
  const auto body = token.substr(first + 1, second - first - 1);
  if (!is_base64url(head) || !is_base64url(body) || !is_base64url(token.substr(second + 1))) return std::nullopt;
  auto header = decoded_object(head);
  auto claims = decoded_object(body);
  if (!header || !claims) return std::nullopt;
  return JwtText{std::move(*header), std::move(*claims)};
}

}  // namespace modelrun::gateway
