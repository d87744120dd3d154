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

// A piece behind its size, so that no two questions have the same key.
void add(std::string& key, std::string_view piece) {
  fmt::format_to(std::back_inserter(key), "{}:{}", piece.size(), piece);
}

std::string key_of(const Identity& who, const Action& action) {
  std::string key;
  for (const std::string_view piece : {action.verb, action.group, action.resource, action.subresource,
                                       action.namespace_, std::string_view(who.user), std::string_view(who.uid)}) {
    add(key, piece);
  }
  for (const auto& group : who.groups) add(key, group);
  return key;
}

// An empty namespace would ask for all of them.
bool never(const Identity& who, const Action& action) {
  return who.user.empty() || action.namespace_.empty();
}

}  // namespace

std::optional<bool> SarAccess::known(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(key);
  if (found == known_.end() || std::chrono::steady_clock::now() >= found->second.until) return std::nullopt;
  return found->second.allowed;
}

std::optional<bool> SarAccess::remembered(const Identity& who, const Action& action) {
  return never(who, action) ? false : known(key_of(who, action));
}

Result<bool> SarAccess::allowed(const Identity& who, const Action& action, std::stop_token stop) {
  if (never(who, action)) return false;
  const auto key = key_of(who, action);
  if (const auto answer = known(key)) return *answer;
  const auto now = std::chrono::steady_clock::now();
  const auto answer = client_.create(kube::kSubjectAccessReviews, review_of(who, action), stop);
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
