// The operator's caches of runs, projects, sweeps, Jobs and Pods, with the indexes that reconciling needs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/model_project.h"
#include "api/workload.h"
#include "controller/run/record.h"
#include "controller/sweep/record.h"
#include "runtime/store.h"

namespace modelrun::controller {

using RunStore = runtime::Store<RunRecord>;
using ProjectStore = runtime::Store<api::ModelProject>;
using SweepStore = runtime::Store<SweepRecord>;
using JobStore = runtime::Store<api::JobView>;
using PodStore = runtime::Store<api::PodView>;

// Names of the indexes. The comment says which store has the index, and which value an object is found by.
inline constexpr const char* kByProject = "project";    // runs: "namespace/project"
inline constexpr const char* kByIdentity = "identity";  // runs: identity_key() of status.identity
inline constexpr const char* kByFollowed = "followed";  // runs that wait for the result of another run: that run's UID
inline constexpr const char* kUnderWay = "underway";    // runs that have not ended: ""
inline constexpr const char* kByOwner = "owner";        // jobs, pods, runs of sweeps: by owner_index() of their owner
inline constexpr const char* kStandbys = "standbys";    // jobs that no run has adopted: their namespace, and ""

// The value of kByOwner for what `owner` controls. It names the namespace too: anybody may write the UID of another
// tenant's object into an object in a namespace of their own.
std::string owner_index(const api::ObjectMeta& owner);
// The pods of the Job, in no particular order.
std::vector<std::shared_ptr<const api::PodView>> pods_of(const PodStore& pods, const api::ObjectMeta& job);

// The Jobs that a run, or a project (its standbys), owns, in no particular order. Some may be being deleted.
std::vector<std::shared_ptr<const api::JobView>> own_jobs(const JobStore& jobs, const api::ObjectMeta& owner);

// True if any run waits for the result of the run with this UID (status.reusedFrom).
bool is_followed(const RunStore& runs, const std::string& uid);

// The caches of one operator process. The constructor adds the indexes. Thread-safe, as the stores are.
struct Caches {
  RunStore runs;
  ProjectStore projects;
  SweepStore sweeps;
  JobStore jobs;
  PodStore pods;

  // The clock measures how long deletions are remembered; it must outlive the caches.
  explicit Caches(const runtime::SteadyClock& clock);

  // make_record() of a run, which shares the text of its recorded settings with its project if they are the same: a
  // thousand runs of a project do not hold them a thousand times.
  [[nodiscard]] RunRecord record_of(api::ModelRun run) const;
};

}  // namespace modelrun::controller
