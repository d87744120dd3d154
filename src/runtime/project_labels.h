// Which projects have label values of their own in the metrics of a process.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "base/mutex.h"

namespace modelrun::runtime {

// The values of the labels `project_namespace` and `project`. The label `namespace` is Prometheus's own: it names the
// namespace of the pod that is scraped.
struct ProjectLabel {
  std::string name_space;
  std::string project;
  friend bool operator==(const ProjectLabel&, const ProjectLabel&) = default;
};

// Bounds the number of time series that projects can make. The first kMost projects that are asked for, and of one
// namespace the first kShare, keep their names as long as this object lives. A further project of a namespace that has
// used up its share gets kOther as its project; any other gets it in both places. Thread-safe.
class ProjectLabels {
 public:
  static constexpr std::size_t kMost = 200;
  static constexpr std::size_t kShare = 50;
  static constexpr const char* kOther = "_other";  // no name of an object has an underscore

  ProjectLabel of(const std::string& name_space, const std::string& project);

 private:
  Mutex mutex_;
  std::map<std::string, std::set<std::string>> known_ GUARDED_BY(mutex_);  // projects by namespace
  std::size_t count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace modelrun::runtime
