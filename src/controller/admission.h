// Run numbers and concurrency slots of one project: one resourceVersion-checked write for the whole batch that is
// ready.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/model_project.h"
#include "api/model_run.h"
#include "controller/sources.h"

namespace modelrun::controller {

// A run that is ready to start and waits for its number and slot.
struct Candidate {
  std::string uid;
  std::string name;
  Time created{};
  std::int64_t generation = 1;  // of the run as it is now
  std::int64_t number = 0;      // that it has already, since it was suspended and resumed; else 0
};

// Who waits, per project. Thread-safe. Lost with the process: each run asks again when it is looked at.
class WaitingRoom {
 public:
  void enter(const std::string& project_key, Candidate candidate);
  void leave(const std::string& uid);
  // First in, first out: by creation time, then uid.
  [[nodiscard]] std::vector<Candidate> of(const std::string& project_key) const;

 private:
  mutable std::mutex mutex_;  // guards both
  std::map<std::string, std::map<std::string, Candidate>> by_project_;
  std::map<std::string, std::string> project_of_;
};

// When each project's status was last written by this process. Thread-safe.
class WriteTimes {
 public:
  // The epoch when it never was.
  [[nodiscard]] Time last(const std::string& project_key) const {
    const std::lock_guard lock(mutex_);
    const auto found = times_.find(project_key);
    return found == times_.end() ? Time{} : found->second;
  }
  void note(const std::string& project_key, Time now) {
    const std::lock_guard lock(mutex_);
    times_[project_key] = now;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Time> times_;  // guarded by mutex_
};

struct ProjectObserved {
  const api::ModelProject& project;
  std::vector<Candidate> waiting;       // in order
  std::set<std::string> over;           // uids of active entries whose run has ended, is gone, or has lost its slot
  std::int64_t highest_number = 0;      // of the project's runs
  std::optional<Sources::Probe> probe;  // of the default branch
};

// True when `run` lost `slot`: it was suspended since it was admitted, and has no Job. From then on it never uses it,
// though it be resumed: it is admitted anew. So the project may take the slot back at any time, from a cache that is
// behind as well; a run that was just about to start meets a conflict, since the suspending has changed it.
bool has_lost(const api::ActiveRun& slot, const api::ModelRun& run);

// The next status of the project; equal to the one that stands when there is nothing to do. Pure. Numbers continue at
// max(lastRunNumber, highest_number) + 1; entries in `over` are dropped; slots are given up to maxConcurrentRuns. A run
// that has a number keeps it.
api::ModelProjectStatus admit(const ProjectObserved& observed, Time now);

}  // namespace modelrun::controller
