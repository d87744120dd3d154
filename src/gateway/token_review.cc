#include "gateway/token_review.h"

#include "api/json_access.h"
#include "base/encoding.h"
#include "gateway/jwt.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr std::string_view kServiceAccount = "system:serviceaccount:";

// The claims, which nobody has verified yet; null when it is no JWT.
json claims_of(std::string_view token) {
  auto text = read_jwt(token);
  return text ? std::move(text->claims) : json(nullptr);
}

// "system:serviceaccount:<namespace>:<name>"
std::string namespace_of(const std::string& user) {
  const auto end = user.find(':', kServiceAccount.size());
  return end == std::string::npos ? std::string() : user.substr(kServiceAccount.size(), end - kServiceAccount.size());
}

}  // namespace

std::string unverified_issuer(std::string_view token) {
  return api::text_at(claims_of(token), "iss");
}

Result<Identity> TokenReview::authenticate(std::string_view token, std::stop_token stop) {
  const auto claims = claims_of(token);
  if (claims.is_null()) return fail(ErrorKind::kNotFound, "not a JWT");
  if (!options_.issuer.empty() && api::text_at(claims, "iss") != options_.issuer) {
    return fail(ErrorKind::kNotFound, "not a token of this cluster");
  }
  std::optional<Time> expires;
  if (const auto seconds = api::int_at(claims, "exp")) expires = Time(std::chrono::seconds(*seconds));
  if (!expires || clock_.now() >= *expires) return fail(ErrorKind::kDenied, "the token has expired");
  const auto digest = sha256_hex(token);
  if (auto known = cache_.find(digest)) return *known;
  const auto review = client_.token_review(token, {options_.audience}, stop);
  if (!review) return fail(ErrorKind::kUnavailable, "token review: {}", review.error().message);
  // A server that does not know audiences answers yes without naming any.
  if (!review->authenticated || review->audiences != std::vector{options_.audience}) {
    return fail(ErrorKind::kDenied, "not a token for audience {}", options_.audience);
  }
  Identity identity{.user = review->username,
                    .uid = review->uid,
                    .groups = review->groups,
                    .namespace_ = namespace_of(review->username),
                    .expires = expires};
  if (!identity.user.starts_with(kServiceAccount) || identity.namespace_.empty()) {
    return fail(ErrorKind::kDenied, "not a service account's token");
  }
  cache_.put(digest, identity);
  return identity;
}

}  // namespace modelrun::gateway
