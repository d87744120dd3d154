// What the informer caches keep. Finished runs are many and only counted, listed and compacted, so they are kept as a
// few fields; the whole run is kept while it is under way.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/model_project.h"
#include "api/model_run.h"
#include "api/workload.h"
#include "base/error.h"
#include "runtime/store.h"

namespace modelrun::controller {

struct RunRecord {
  api::ObjectMeta meta;
  std::string project;
  api::Phase phase = api::Phase::kNone;
  bool made_by_tool = false;  // created by the CLI or the gateway, not applied
  std::int64_t number = 0;
  std::int64_t observed_generation = -1;
  std::optional<Time> finished_at;
  std::string job_name;
  // Of runs whose result may be another's: identity_key() of status.identity.
  std::string identity;
  std::shared_ptr<const api::ModelRun> active;  // null once the phase is final

  // For the order of runs that are over.
  [[nodiscard]] Time ended_at() const { return finished_at.value_or(meta.creation); }
  [[nodiscard]] std::string project_key() const { return meta.namespace_ + "/" + project; }
};

RunRecord make_record(api::ModelRun run);

// Enough of a run's identity to look it up, and short enough to need no memory of its own: finished runs are many.
// Whoever finds a run compares the whole.
std::string identity_key(const std::string& identity);

using RunStore = runtime::Store<RunRecord>;
using ProjectStore = runtime::Store<api::ModelProject>;
using JobStore = runtime::Store<api::JobView>;
using PodStore = runtime::Store<api::PodView>;

// Names of the indexes.
inline constexpr const char* kByProject = "project";    // runs: "namespace/project"
inline constexpr const char* kByIdentity = "identity";  // runs: identity_key()
inline constexpr const char* kByFollowed = "followed";  // runs that wait for the result of another: its uid
inline constexpr const char* kByRun = "run";            // jobs, pods: the run's uid

// Whether runs wait for the result of the one with this uid.
bool is_followed(const RunStore& runs, const std::string& uid);

// The caches of one operator process. Thread-safe, like the stores.
struct Caches {
  RunStore runs;
  ProjectStore projects;
  JobStore jobs;
  PodStore pods;

  Caches();
};

}  // namespace modelrun::controller
