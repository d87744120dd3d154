// What really happens in the simulated cluster, whatever the operator believes: the invariants compare with it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/sandbox.h"
#include "simulation/objects.h"
#include "simulation/sim.h"

namespace modelrun::simulation {

// What the model of a run does when it is left alone. The same for all attempts of the run.
struct ModelPlan {
  enum class End { kSucceeds, kExits, kOutOfMemory, kBadOutputs, kTooLong };
  End end = End::kSucceeds;
  Nanos duration{};
  bool large = false;  // the result does not fit into status
};
// Depends on the run's name and the seed only.
ModelPlan plan_of(std::uint64_t seed, const std::string& run_key);

// Whether that point of a run with points fails when it is left alone.
bool point_fails(std::uint64_t seed, const std::string& run_key, std::int64_t point);

// What a point of a run with points leaves: what it was given, and the index in its run as "answer".
Json point_outputs(const Json& parameters, std::int64_t point);
// A sweep whose parameters have this one, true, has points that need several seconds each.
inline constexpr const char* kSlowPoints = "slow";

// One pod of a run, or of a standby: then it belongs to a run once it has been given work.
struct PodTruth {
  std::string run_uid, run_key, job_key, job_uid, pod_key, pod_uid;
  int attempt = 0;
  bool standby = false;
  bool misdirected = false;               // it was given work that is not that of the run that has adopted it
  bool granted = false;                   // its agent was given the source
  bool model_over = false;                // all that its model was to do, of a run with points before the frame is made
  std::optional<api::ResultFrame> frame;  // how its model ended, as the agent knows it; absent: the agent does not know
  bool durable = false;                   // the agent has printed the frame to its log
  std::string log, termination_message;
  bool pushed = false;  // the run server has confirmed the frame

  // What has happened to it from outside.
  bool deleted = false;    // the API object got a deletionTimestamp
  bool gone = false;       // the API object does not exist any more
  bool evicted = false;    // by the kubelet
  bool drained = false;    // by the eviction API
  bool lost = false;       // its node is dead
  bool preempted = false;  // its Job was suspended, and so it was deleted
  bool agent_killed = false;
  bool out_of_memory = false;  // the container was killed as a whole
  bool deadline = false;       // activeDeadlineSeconds
  bool forged = false;         // by a tenant in another namespace
  [[nodiscard]] bool undisturbed() const {
    return !deleted && !gone && !evicted && !drained && !lost && !agent_killed && !out_of_memory && !deadline;
  }
};
using PodTruthPtr = std::shared_ptr<PodTruth>;

// What has happened to one run from outside, by which an end other than its model's is right.
struct RunTruth {
  std::string key;
  std::string sweep;  // the UID of the sweep that has made it; empty: a person has
  bool cancelled = false;
  bool suspended = false;  // ever
  bool deleted = false;
  bool project_deleted = false;                  // its project was deleted while it was under way
  bool project_missing = false;                  // there was no project at some time
  bool job_deleted = false;                      // by somebody else than an operator or the garbage collector
  bool nonsense = false;                         // somebody wrote into its status
  bool job_refused = false;                      // the creation of a child was refused at some time
  std::map<int, std::vector<std::string>> jobs;  // UIDs of the Jobs that operators have created or adopted, by attempt
  std::set<std::string> adopted;                 // those of them that were standbys
  std::vector<PodTruthPtr> pods;                 // in the order of their creation
  Nanos unready{0};  // the longest time in which a pod of it could not start: no node, no image
};

// What has happened to one sweep from outside.
struct SweepTruth {
  bool nonsense = false;     // somebody wrote into its status, or into that of one of its runs
  bool name_taken = false;   // a person has created a run of the name of one of its runs
  bool run_deleted = false;  // somebody has deleted one of its runs
};

}  // namespace modelrun::simulation
