#include "gateway/jwks.h"

#include <algorithm>

#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/log.h"
#include "gateway/oidc.h"

namespace modelrun::gateway {
namespace {

constexpr std::chrono::seconds kBetweenTries{30};
constexpr std::chrono::seconds kBetweenFirstTries{5};  // while there are no keys at all
constexpr std::chrono::hours kKept{24};                // without a successful fetch
constexpr std::chrono::seconds kWait{2};               // for somebody else's fetch

}  // namespace

Result<nlohmann::json> JwtAuthenticator::fetch_keys() const {
  auto url = issuer_.jwks_url;
  // Not by the caller's stop token: one client that leaves must not cost the others the keys. The fetch has its own
  // end.
  if (url.empty()) {
    const auto document = fetch_(discovery_url(issuer_.issuer), {});
    if (!document) return std::unexpected(document.error());
    auto found = jwks_url_of(*document, issuer_.issuer);
    if (!found) return std::unexpected(found.error());
    url = std::move(*found);
  }
  const auto text = fetch_(url, {});
  if (!text) return std::unexpected(text.error());
  auto parsed = api::parse_strict(*text);
  if (!parsed) return fail_in(url, parsed.error());
  if (!api::member(*parsed, "keys").is_array()) return fail(ErrorKind::kInvalid, "{}: no JWK set", url);
  return parsed;
}

bool JwtAuthenticator::may_fetch(Time now) const {
  if (fetching_) return false;
  const auto pause = std::min(keys_ ? kBetweenTries : kBetweenFirstTries, issuer_.refresh);
  return !attempted_ || now >= *attempted_ + pause;
}

Result<JwtAuthenticator::Keys> JwtAuthenticator::keys(bool missing, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (fetching_ && (missing || !keys_) && !changed_.wait_for(lock, stop, kWait, [this] { return !fetching_; })) {
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
  // A key that was withdrawn must not stay good for as long as the issuer can be kept away from us.
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
  if (!known) return std::unexpected(known.error());
  auto identity = verify_jwt(token, **known, issuer_, clock_.now());
  if (identity || identity.error().kind != ErrorKind::kNotFound) return identity;
  known = keys(true, stop);
  if (!known) return std::unexpected(known.error());
  identity = verify_jwt(token, **known, issuer_, clock_.now());
  // To the chain, "not found" would mean that another may know it.
  if (!identity && identity.error().kind == ErrorKind::kNotFound)
    return fail(ErrorKind::kDenied, "its key is not known");
  return identity;
}

}  // namespace modelrun::gateway
