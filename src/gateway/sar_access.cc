#include "gateway/sar_access.h"

#include "api/json_access.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxKnown = 50'000;

json review_of(const Identity& who, const Action& action) {
  json attributes{
      {"verb", action.verb}, {"group", action.group}, {"resource", action.resource}, {"namespace", action.namespace_}};
  if (!action.subresource.empty()) attributes["subresource"] = action.subresource;
  json spec{{"user", who.user}, {"groups", who.groups}, {"resourceAttributes", std::move(attributes)}};
  if (!who.uid.empty()) spec["uid"] = who.uid;
  return {{"metadata", json::object()}, {"spec", std::move(spec)}};
}

}  // namespace

Result<bool> SarAccess::allowed(const Identity& who, const Action& action, std::stop_token stop) {
  // An empty namespace would ask for all of them.
  if (who.user.empty() || action.namespace_.empty()) return false;
  const auto review = review_of(who, action);
  const auto key = review["spec"].dump(-1, ' ', false, json::error_handler_t::replace);
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    if (found != known_.end() && now < found->second.until) return found->second.allowed;
  }
  const auto answer = client_.create(kube::kSubjectAccessReviews, review, stop);
  if (!answer) {
    const auto kind = answer.error().kind;
    return fail(
        kind == ErrorKind::kDenied ? ErrorKind::kUnavailable : kind, "your rights cannot be looked up now: {}",
        kind == ErrorKind::kDenied ? "the gateway may not create subjectaccessreviews" : answer.error().message);
  }
  const auto& status = api::member(*answer, "status");
  const bool allowed = api::bool_at(status, "allowed") && !api::bool_at(status, "denied");
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMaxKnown) std::erase_if(known_, [&](const auto& entry) { return entry.second.until <= now; });
  if (known_.size() < kMaxKnown) known_[key] = {allowed, now + remembered_};
  return allowed;
}

}  // namespace modelrun::gateway
