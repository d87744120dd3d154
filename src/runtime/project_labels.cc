#include "runtime/project_labels.h"

namespace modelrun::runtime {

ProjectLabel ProjectLabels::of(const std::string& name_space, const std::string& project) {
  const MutexLock lock(mutex_);
  const auto found = known_.find(name_space);
  if (found != known_.end() && found->second.contains(project)) return {name_space, project};
  if (found != known_.end() && found->second.size() >= kShare) return {name_space, kOther};
  if (count_ >= kMost) return {kOther, kOther};
  known_[name_space].insert(project);
  ++count_;
  return {name_space, project};
}

}  // namespace modelrun::runtime
