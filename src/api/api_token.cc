#include "api/api_token.h"

#include <algorithm>

#include "api/json_access.h"
#include "base/encoding.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

constexpr const char* kSecretType = "modelrun.dev/api-token";
constexpr std::size_t kNameDigits = 32;

std::string data_at(const json& secret, const char* name) {
  const auto decoded = base64_decode(text_at(member(secret, "data"), name));
  return decoded ? *decoded : std::string();
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
  return fmt::format("modelrun-token-{}", token_sha256.substr(0, kNameDigits));
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

Result<StoredToken> read_token_secret(const json& secret) {
  if (text_at(secret, "type") != kSecretType) return fail(ErrorKind::kInvalid, "this Secret is no API token's");
  StoredToken token{
      data_at(secret, "sha256"),
      {data_at(secret, "subject"), lines_of(data_at(secret, "groups")), data_at(secret, "namespace"), {}}};
  if (token.grant.subject.empty() || token.grant.namespace_.empty()) {
    return fail(ErrorKind::kInvalid, "the Secret of an API token lacks subject or namespace");
  }
  if (const auto text = data_at(secret, "expires"); !text.empty()) {
    token.grant.expires = parse_rfc3339(text);
    if (!token.grant.expires) return fail(ErrorKind::kInvalid, "the Secret of an API token has no valid expiry");
  }
  return token;
}

}  // namespace modelrun::api
