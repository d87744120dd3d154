#include "gateway/jwks.h"

#include "api/json_access.h"
#include "api/strict_json.h"
#include "base/log.h"
#include "kube/config.h"
#include "kube/cpprest/cpprest_transport.h"

namespace modelrun::gateway {
namespace {

constexpr std::chrono::minutes kFresh{10};
constexpr std::chrono::seconds kBetweenTries{30};
constexpr std::size_t kMaxKeysBytes = std::size_t{1} << 20U;
constexpr std::string_view kScheme = "https://";

}  // namespace

Fetch https_fetch() {
  return [](const std::string& url, std::stop_token stop) -> Result<std::string> {
    const auto slash = url.find('/', kScheme.size());
    kube::Config config;
    config.server = url.substr(0, slash);
    auto transport = kube::make_cpprest_transport(config);
    if (!transport) return std::unexpected(transport.error());
    kube::Request request;
    request.path = slash == std::string::npos ? "/" : url.substr(slash);
    request.timeout = std::chrono::seconds(10);
    auto response = (*transport)->send(request, std::move(stop));
    if (!response) return std::unexpected(response.error());
    if (!response->ok()) return fail(ErrorKind::kUnavailable, "HTTP status {}", response->status);
    if (response->body.size() > kMaxKeysBytes) return fail(ErrorKind::kTooLarge, "more than 1 MiB");
    return std::move(response->body);
  };
}

Result<nlohmann::json> JwtAuthenticator::keys(bool missing, const std::stop_token& stop) {
  const auto now = clock_.now();
  const std::lock_guard lock(mutex_);
  const bool fresh = fetched_ && now < *fetched_ + kFresh;
  const bool may_try = !attempted_ || now >= *attempted_ + kBetweenTries;
  if ((!fresh || missing) && may_try) {
    attempted_ = now;
    const auto text = fetch_(issuer_.jwks_url, stop);
    const auto parsed = text ? api::parse_strict(*text) : Result<nlohmann::json>(std::unexpected(text.error()));
    if (parsed && api::member(*parsed, "keys").is_array()) {
      keys_ = *parsed;
      fetched_ = now;
    } else {
      log::warn("an issuer's keys cannot be fetched",
                {{"issuer", issuer_.issuer}, {"error", parsed ? "no JWK set" : parsed.error().message}});
    }
  }
  if (keys_.is_null()) return fail(ErrorKind::kUnavailable, "the keys of {} cannot be fetched", issuer_.issuer);
  return keys_;
}

Result<Identity> JwtAuthenticator::authenticate(std::string_view token, std::stop_token stop) {
  const auto text = read_jwt(token);
  if (!text || api::text_at(text->claims, "iss") != issuer_.issuer) {
    return fail(ErrorKind::kNotFound, "not a token of {}", issuer_.issuer);
  }
  auto known = keys(false, stop);
  if (!known) return std::unexpected(known.error());
  auto identity = verify_jwt(token, *known, issuer_, clock_.now());
  if (identity || identity.error().kind != ErrorKind::kNotFound) return identity;
  known = keys(true, stop);
  if (!known) return std::unexpected(known.error());
  identity = verify_jwt(token, *known, issuer_, clock_.now());
  // To the chain, "not found" would mean that another may know it.
  if (!identity && identity.error().kind == ErrorKind::kNotFound)
    return fail(ErrorKind::kDenied, "its key is not known");
  return identity;
}

}  // namespace modelrun::gateway
