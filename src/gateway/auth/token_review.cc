#include "gateway/auth/token_review.h"

#include "api/json_access.h"
#include "api/service_account.h"
#include "api/strict_json.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/mutex.h"
#include "gateway/auth/jwt.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kBetweenLookups{10};
constexpr std::chrono::seconds kWait{2};  // how long a caller waits for another caller's look-up of the issuer

// The claims of a JWT whose signature has not been verified; null if `token` is no JWT.
json claims_of(std::string_view token) {
  auto text = read_jwt(token);
  return text ? std::move(text->claims) : json(nullptr);
}

}  // namespace

std::string unverified_issuer(std::string_view token) {
  return api::text_at(claims_of(token), "iss");
}

Result<std::string> published_issuer(kube::Transport& server, std::stop_token stop) {
  kube::Request request;
  request.path = "/.well-known/openid-configuration";
  request.timeout = std::chrono::seconds(5);
  const auto response = server.send(request, std::move(stop));
  RETURN_IF_ERROR(response);
  if (!response->ok()) return fail(ErrorKind::kUnavailable, "{}: HTTP status {}", request.path, response->status);
  const auto document = api::parse_strict(response->body);
  auto issuer = document ? api::text_at(*document, "issuer") : std::string();
  if (issuer.empty()) return fail(ErrorKind::kUnavailable, "{}: names no issuer", request.path);
  return issuer;
}

Result<std::string> TokenReview::issuer(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  changed_.wait_for(mutex_, stop, kWait, [this]() REQUIRES(mutex_) { return !finding_; });
  if (!issuer_.empty()) return issuer_;
  const auto now = clock_.now();
  if (find_issuer_ && !finding_ && (!attempted_ || now >= *attempted_ + kBetweenLookups)) {
    attempted_ = now;
    finding_ = true;
    lock.unlock();
    auto found = find_issuer_(stop);
    lock.lock();
    finding_ = false;
    changed_.notify_all();
    if (found) {
      issuer_ = std::move(*found);
      return issuer_;
    }
    log::warn("the cluster's issuer is not known; --cluster-issuer names it", {{"error", found.error().message}});
  }
  return fail(ErrorKind::kUnavailable, "the cluster's issuer is not known");
}

std::optional<Identity> TokenReview::remembered(std::string_view token) {
  return cache_.find(token, clock_.now());
}

Result<Identity> TokenReview::authenticate(std::string_view token, std::stop_token stop) {
  if (auto known = remembered(token)) return std::move(*known);
  const auto claims = claims_of(token);
  if (claims.is_null()) return fail(ErrorKind::kNotFound, "not a JWT");
  const auto ours = issuer(stop);
  RETURN_IF_ERROR(ours);
  if (api::text_at(claims, "iss") != *ours) return fail(ErrorKind::kNotFound, "not a token of this cluster");
  const auto expires = time_of_claim(claims, "exp");
  if (!expires || clock_.now() >= *expires) return fail(ErrorKind::kDenied, "the token has expired");
  const auto digest = sha256_hex(token);
  if (refused_.find(digest)) return fail(ErrorKind::kDenied, "this token was refused a moment ago");
  const auto asked = std::chrono::steady_clock::now();
  const auto review = client_.token_review(token, {audience_}, stop);
  if (!review && review.error().kind == ErrorKind::kDenied) {
    return fail(
        ErrorKind::kUnavailable,
        "the gateway may not create tokenreviews: its administrator binds the ClusterRole system:auth-delegator "
        "to its service account, or callers use an API token or a JWT of an issuer that it knows");
  }
  if (!review) return fail(ErrorKind::kUnavailable, "token review: {}", review.error().message);
  // An authenticator that does not check audiences says "authenticated" without naming any: the answer proves nothing
  // about the audience then.
  if (!review->authenticated || review->audiences != std::vector{audience_}) {
    refused_.put(digest, true, asked);
    return fail(ErrorKind::kDenied, "not a token for audience {}", audience_);
  }
  Identity identity{.user = review->username,
                    .uid = review->uid,
                    .groups = review->groups,
                    .namespace_ = std::string(api::service_account_namespace(review->username)),
                    .expires = expires};
  if (identity.namespace_.empty()) {
    refused_.put(digest, true, asked);
    return fail(ErrorKind::kDenied, "not a service account's token");
  }
  cache_.put(token, identity);
  return identity;
}

}  // namespace modelrun::gateway
