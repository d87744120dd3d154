// Everything that a decision about one project may depend on: a snapshot that observe_project() takes and
// decide_project() reads. Values only; copying one is safe on any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/model_project.h"
#include "base/clock.h"
#include "base/error.h"
#include "controller/run/record.h"

namespace modelrun::controller {

// A run that is ready to start and asks for a run number and a concurrency slot.
struct SlotRequest {
  std::string uid;
  std::string name;
  Time created{};
  std::int64_t generation = 1;  // metadata.generation of the run as it is now
  std::int64_t number = 0;      // the run number of a run that was suspended and resumed; 0 for any other run
};

// What is known of the commit that the project's default branch points to, for the project's current generation.
struct BranchProbe {
  struct Head {
    std::string commit;
    std::string branch;
  };
  bool working = false;  // a look-up is under way; the project is woken when it ends
  bool done = false;     // a look-up has ended, or a run has looked at the same branch
  std::optional<Head> head;
  Error error;          // why `head` is absent, once `done`
  Duration retry_in{};  // after a failure: in how long the branch is looked up again; not above zero when it is due
};

// A Job of the project that no run has adopted (api/standby.h).
struct Standby {
  api::ObjectMeta job;
  std::string digest;      // of the settings that it was built from
  Duration age{};          // since its creation, by the clock of this machine
  bool ready = false;      // a run could have it at once
  Duration unready_for{};  // how long this process has been waiting for that; zero if it is ready
  bool over = false;       // its Job has ended
  std::string trouble;     // why it has ended, or what keeps it from being ready; empty: nothing is known
  // Why its node cannot mount the agent's image, and when that may show although nothing happens (run/image_volume.h);
  // only if the next standby can do without.
  std::string volume_trouble;
  std::optional<Duration> look_at_volume;
};

// What is known of the project's standbys; of a project that wants none, only those that are left.
struct StandbyPool {
  std::vector<Standby> standbys;  // that are not being deleted
  std::string digest;             // of the settings as they are; empty if they cannot be used
  std::string trouble;            // why they cannot be used, or why the last standby failed
  Duration retry_in{};            // when the next one may be made; not above zero: now
  Duration refill_in{};           // when those that runs have adopted may be replaced; not above zero: now
  std::int64_t room = 0;          // how many more the operator's limit allows, in all and in the project's namespace
};

struct ProjectObserved {
  std::shared_ptr<const api::ModelProject> project;  // never null
  std::vector<SlotRequest> waiting;                  // first in, first out: by creation time, then uid
  // UIDs of entries in status.active whose run has ended, is gone, or has lost its slot. The cache or the API server
  // has confirmed each of these facts.
  std::set<std::string> over;
  std::int64_t highest_number = 0;   // of the project's runs that exist
  std::optional<BranchProbe> probe;  // absent: the branch was not looked up for this generation yet
  // All runs of the project, and the UIDs of those whose result another run waits for. Filled only when the project
  // limits its history.
  std::vector<std::shared_ptr<const RunRecord>> runs;
  std::set<std::string> followed;
  bool end_events = false;          // there is a sink (Settings::end_events)
  std::optional<StandbyPool> pool;  // absent: it could not be looked at now
  std::string pool_trouble;         // why it could not; empty if that may pass by itself
  // How long ago this process last wrote the project's status; absent when it never did.
  std::optional<Duration> since_write;
};

}  // namespace modelrun::controller
