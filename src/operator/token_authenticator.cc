#include "operator/token_authenticator.h"

#include <utility>

#include "api/sandbox.h"
#include "base/encoding.h"

namespace modelrun::op {
namespace {

constexpr std::chrono::seconds kRemembered{10};
constexpr std::size_t kMaxKnown = 10'000;

// "system:serviceaccount:<namespace>:<name>"
std::string namespace_of(const std::string& username) {
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  if (!username.starts_with(kPrefix)) return {};
  const auto end = username.find(':', kPrefix.size());
  return end == std::string::npos ? std::string() : username.substr(kPrefix.size(), end - kPrefix.size());
}

}  // namespace

Result<runserver::PodIdentity> TokenAuthenticator::authenticate(std::string_view bearer_token, std::stop_token stop) {
  const auto digest = sha256_hex(bearer_token);
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(digest);
    if (found != known_.end() && now < found->second.until) return found->second.pod;
  }
  const auto identity = client_.token_review(bearer_token, {std::string(api::kTokenAudience)}, std::move(stop));
  if (!identity) return std::unexpected(identity.error());
  runserver::PodIdentity pod{namespace_of(identity->username), identity->pod_name, identity->pod_uid};
  // A server that does not know audiences answers yes without naming any.
  const bool ours = identity->authenticated && identity->audiences == std::vector{std::string(api::kTokenAudience)};
  if (!ours || pod.namespace_.empty() || pod.pod_uid.empty()) {
    return fail(ErrorKind::kDenied, "this is no token of a pod for audience {}", api::kTokenAudience);
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(known_, [&](const auto& entry) { return entry.second.until <= now; });
  if (known_.size() < kMaxKnown) known_[digest] = {pod, now + kRemembered};
  return pod;
}

}  // namespace modelrun::op
