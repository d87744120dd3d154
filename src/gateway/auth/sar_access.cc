#include "gateway/auth/sar_access.h"

#include "api/json_access.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

json review_of(const Identity& who, const ResourceAttributes& action) {
  json attributes{
      {"verb", action.verb}, {"group", action.group}, {"resource", action.resource}, {"namespace", action.namespace_}};
  if (!action.subresource.empty()) attributes["subresource"] = action.subresource;
  json spec{{"user", who.user}, {"groups", who.groups}, {"resourceAttributes", std::move(attributes)}};
  if (!who.uid.empty()) spec["uid"] = who.uid;
  return {{"metadata", json::object()}, {"spec", std::move(spec)}};
}

// Puts the length before each part, so that different questions cannot give the same key.
void add(std::string& key, std::string_view piece) {
  fmt::format_to(std::back_inserter(key), "{}:{}", piece.size(), piece);
}

std::string key_of(const Identity& who, const ResourceAttributes& action) {
  std::string key;
  for (const std::string_view piece : {action.verb, action.group, action.resource, action.subresource,
                                       action.namespace_, std::string_view(who.user), std::string_view(who.uid)}) {
    add(key, piece);
  }
  for (const auto& group : who.groups) add(key, group);
  return key;
}

// Questions that are answered with "no" without asking. In a SubjectAccessReview, an empty namespace means all
// namespaces.
bool never(const Identity& who, const ResourceAttributes& action) {
  return who.user.empty() || action.namespace_.empty();
}

}  // namespace

std::optional<bool> SarAccess::remembered(const Identity& who, const ResourceAttributes& action) {
  return never(who, action) ? false : known_.find(key_of(who, action));
}

Result<bool> SarAccess::allowed(const Identity& who, const ResourceAttributes& action, std::stop_token stop) {
  if (never(who, action)) return false;
  const auto key = key_of(who, action);
  if (const auto answer = known_.find(key)) return *answer;
  const auto now = std::chrono::steady_clock::now();
  auto review = review_of(who, action);
  const bool local = review_ == Review::kLocal;
  if (local) review["metadata"]["namespace"] = action.namespace_;
  const auto& resource = local ? kube::kLocalSubjectAccessReviews : kube::kSubjectAccessReviews;
  const auto answer = client_.create(resource, review, stop);
  if (!answer && answer.error().kind == ErrorKind::kDenied) {
    return fail(ErrorKind::kUnavailable,
                "your rights cannot be looked up now: the gateway may not create {}{}; an administrator gives its "
                "service account this right (the chart does)",
                resource.plural, local ? fmt::format(" in namespace {}", action.namespace_) : "");
  }
  if (!answer) return fail(answer.error().kind, "your rights cannot be looked up now: {}", answer.error().message);
  const auto& status = api::member(*answer, "status");
  const bool allowed = api::bool_at(status, "allowed") && !api::bool_at(status, "denied");
  known_.put(key, allowed, now);
  return allowed;
}

}  // namespace modelrun::gateway
