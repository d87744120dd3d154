// Everything that a decision about one run may depend on: a snapshot, taken by observe(), read by decide().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/model_project.h"
#include "api/model_run.h"
#include "api/sandbox.h"
#include "api/workload.h"
#include "base/clock.h"
#include "base/error.h"

namespace modelrun::controller {

// How far resolving and fetching the run's source has come.
struct SourceView {
  enum class State { kNone, kWorking, kReady, kFailed };
  State state = State::kNone;
  std::string commit;  // also of kFailed, when it was looked up and could not be fetched
  std::string branch;
  std::string sha256;            // of the archive
  bool has_entry_point = false;  // the entry point is a regular file of the tree
  Error error;                   // of kFailed
};

// A pod's agent has asked for the source and waits for the answer. The run server has verified who it is.
struct Claim {
  int attempt = 0;
  std::string pod_name;
  std::string pod_uid;
};

// A run that is identical to this one. Without `run`, there is none that would do.
struct OtherRun {
  std::shared_ptr<const api::ModelRun> run;  // under way: to be waited for; final: its result is to be taken
  std::optional<api::ResultFrame> full;      // its full result, when it refers to one
};

// Things that happened at a time that no object records. Kept in memory: after a restart their clocks start anew, which
// only makes a wait longer.
enum class Mark {
  kPodLost,      // the recorded pod or the Job is no longer there
  kEvidence,     // a frame came that is not a verdict
  kCancel,       // the agent was told to cancel
  kDurableRead,  // the durable copy was last looked for
};

struct Observed {
  std::shared_ptr<const api::ModelRun> run;          // never null
  std::shared_ptr<const api::ModelProject> project;  // as it is now; null when there is none
  // As it was when the run was admitted; see as_admitted(). Rules all that the run does from then on.
  std::shared_ptr<const api::ModelProject> as_admitted;
  std::string env_error;  // why the project's environment cannot be used; empty when it can
  SourceView source;
  std::optional<std::int64_t> admitted_number;  // the run's number in the project's active list, with its slot
  bool lost_slot = false;                       // it stands in that list with a slot that it has lost; see has_lost()
  // Before the Job: what status.identity is to be. Empty: nothing can be known to be identical, or it is not needed
  // yet.
  std::string identity;
  OtherRun other;

  std::shared_ptr<const api::JobView> job;                // of the current attempt, owned by this run
  bool job_seen = false;                                  // it has been there before
  bool job_foreign = false;                               // an object of its name exists and is not this run's
  std::vector<std::string> stray_jobs;                    // of attempts that are over
  bool children_ensured = false;                          // this process has seen to Job and ConfigMap of the attempt
  std::string job_error;                                  // why the API server did not take the Job; empty when it did
  std::vector<std::shared_ptr<const api::PodView>> pods;  // of the current attempt

  std::vector<Claim> claims;
  std::optional<api::ResultFrame> frame;  // pushed by the recorded pod, or read from its durable copy
  bool durable_final = false;             // the durable copy was looked for after the agent's end: there is none
  std::string payload_error;              // why the API server never took the payload; empty when it did or may yet
  std::map<Mark, Time> marks;
};

}  // namespace modelrun::controller
