#include "gateway/auth/oidc.h"

#include <algorithm>

#include "api/json_access.h"
#include "api/strict_json.h"

namespace modelrun::gateway {
namespace {

// The characters of host names, IP addresses and ports. '@' is not one of them, which excludes credentials.
bool is_authority_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-.:[]").find(c) != std::string_view::npos;
}

}  // namespace

bool is_https_url(std::string_view url) {
  if (!url.starts_with(kHttps)) return false;
  const auto rest = url.substr(kHttps.size());
  const auto host = rest.substr(0, rest.find('/'));
  return !host.empty() && std::ranges::all_of(host, is_authority_char) &&
         std::ranges::all_of(rest, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

std::string discovery_url(std::string_view issuer) {
  if (issuer.ends_with('/')) issuer.remove_suffix(1);
  return std::string(issuer) + "/.well-known/openid-configuration";
}

Result<std::string> jwks_url_of(std::string_view document, std::string_view issuer) {
  const auto parsed = api::parse_strict(document);
  if (!parsed) return fail_in("discovery document", parsed.error());
  // Required by section 4.3. Without this check, whoever can place a document at this URL could make the keys of
  // another issuer count as the keys of this one.
  if (api::text_at(*parsed, "issuer") != issuer) {
    return fail(ErrorKind::kInvalid, "the discovery document is not of {}, to the letter", issuer);
  }
  auto url = api::text_at(*parsed, "jwks_uri");
  if (!is_https_url(url)) return fail(ErrorKind::kInvalid, "jwks_uri in the discovery document is no https URL");
  return url;
}

}  // namespace modelrun::gateway
