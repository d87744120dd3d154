#include "controller/leads.h"

#include <utility>

#include "base/mutex.h"

namespace modelrun::controller {

std::optional<Leads::Lead> Leads::of(const std::string& identity) const {
  const MutexLock lock(mutex_);
  const auto found = by_identity_.find(identity);
  return found == by_identity_.end() ? std::nullopt : std::optional(found->second);
}

bool Leads::take(const std::string& identity, Lead run, const std::function<bool(const Lead&)>& leads_still) {
  const MutexLock lock(mutex_);
  if (const auto found = by_identity_.find(identity); found != by_identity_.end()) {
    if (found->second.uid == run.uid) return true;
    if (leads_still(found->second)) return false;
    identity_of_.erase(found->second.uid);
  }
  // The identity of a run that is not admitted yet changes when its project changes.
  auto& mine = identity_of_[run.uid];
  if (!mine.empty()) by_identity_.erase(mine);
  mine = identity;
  by_identity_[identity] = std::move(run);
  return true;
}

void Leads::leave(const std::string& uid) {
  const MutexLock lock(mutex_);
  const auto found = identity_of_.find(uid);
  if (found == identity_of_.end()) return;
  by_identity_.erase(found->second);
  identity_of_.erase(found);
}

}  // namespace modelrun::controller
