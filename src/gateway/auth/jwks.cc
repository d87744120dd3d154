#include "gateway/auth/jwks.h"

#include <algorithm>

#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/log.h"
#include "base/mutex.h"
#include "gateway/auth/oidc.h"

namespace modelrun::gateway {
namespace {

constexpr std::chrono::seconds kBetweenFetches{30};
constexpr std::chrono::seconds kBetweenFirstFetches{5};  // while there are no keys at all
constexpr std::chrono::hours kKept{24};                  // how long keys stay valid without a successful fetch
constexpr std::chrono::seconds kWait{2};                 // how long a caller waits for another caller's fetch

}  // namespace

Result<nlohmann::json> JwtAuthenticator::fetch_keys() const {
  auto url = issuer_.jwks_url;
  // The fetches get no stop token of the caller: other callers need the keys even if this client leaves. Each fetch
  // has its own time limit.
  if (url.empty()) {
    const auto document = fetch_(discovery_url(issuer_.issuer), {});
    RETURN_IF_ERROR(document);
    auto found = jwks_url_of(*document, issuer_.issuer);
    RETURN_IF_ERROR(found);
    url = std::move(*found);
  }
  const auto text = fetch_(url, {});
  RETURN_IF_ERROR(text);
  auto parsed = api::parse_strict(*text);
  if (!parsed) return fail_in(url, parsed.error());
  if (!api::member(*parsed, "keys").is_array()) return fail(ErrorKind::kInvalid, "{}: no JWK set", url);
  return parsed;
}

bool JwtAuthenticator::may_fetch(Time now) const {
  if (fetching_) return false;
  const auto pause = std::min(keys_ ? kBetweenFetches : kBetweenFirstFetches, issuer_.refresh);
  return !attempted_ || now >= *attempted_ + pause;
}

Result<JwtAuthenticator::Keys> JwtAuthenticator::keys(bool missing, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  if (fetching_ && (missing || !keys_) &&
      !changed_.wait_for(mutex_, stop, kWait, [this]() REQUIRES(mutex_) { return !fetching_; })) {
    return fail(ErrorKind::kUnavailable, "the keys of {} are being fetched", issuer_.issuer);
  }
  const auto now = clock_.now();
  const bool fresh = fetched_ && now < *fetched_ + issuer_.refresh;
  if ((!fresh || missing) && may_fetch(now)) {
    fetching_ = true;
    attempted_ = now;
    lock.unlock();
    auto fetched = fetch_keys();
    lock.lock();
    fetching_ = false;
    if (fetched) {
      keys_ = std::make_shared<const nlohmann::json>(std::move(*fetched));
      fetched_ = now;
    } else {
      log::warn("an issuer's keys cannot be fetched", {{"issuer", issuer_.issuer}, {"error", fetched.error().message}});
    }
    changed_.notify_all();
  }
  // The issuer may have withdrawn a key. An attacker who can block the connection to the issuer must not be able to
  // keep that key valid for ever.
  if (!keys_ || now >= *fetched_ + kKept) {
    return fail(ErrorKind::kUnavailable, "the keys of {} cannot be fetched", issuer_.issuer);
  }
  return keys_;
}

Result<Identity> JwtAuthenticator::authenticate(std::string_view token, std::stop_token stop) {
  const auto text = read_jwt(token);
  if (!text || api::text_at(text->claims, "iss") != issuer_.issuer) {
    return fail(ErrorKind::kNotFound, "not a token of {}", issuer_.issuer);
  }
  auto known = keys(false, stop);
  RETURN_IF_ERROR(known);
  auto identity = verify_jwt(token, **known, issuer_, clock_.now());
  if (identity || identity.error().kind != ErrorKind::kNotFound) return identity;
  known = keys(true, stop);
  RETURN_IF_ERROR(known);
  identity = verify_jwt(token, **known, issuer_, clock_.now());
  // The issuer is this one, so no other authenticator can know the token; kNotFound would make the chain ask them.
  if (!identity && identity.error().kind == ErrorKind::kNotFound)
    return fail(ErrorKind::kDenied, "its key is not known");
  return identity;
}

}  // namespace modelrun::gateway
