// Everything that a decision about one run may depend on: a snapshot that observe_run() takes and decide() reads.
// Values and pointers to immutable objects only; copying one is safe on any thread.
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

// How far the run's source is resolved and fetched. kNone: not begun. kWorking: in progress for the first time; after
// a failure the state stays kFailed until a later try succeeds.
struct SourceView {
  enum class State { kNone, kWorking, kReady, kFailed };
  State state = State::kNone;
  std::string commit;            // set with kReady; with kFailed if it was looked up but not fetched
  std::string branch;            // that the commit was looked up by; empty if none is known
  std::string sha256;            // with kReady: of the archive, as hexadecimal digits
  bool has_entry_point = false;  // with kReady: the commit has the entry point as a regular file
  Error error;                   // with kFailed
  bool held = false;             // with kReady: the archive is at hand for the pod that is granted the source
  Duration asked_for{};          // since this process first asked for the source, or for the archive once it was known
  Duration since_try{};          // with kFailed: since the last try that failed was begun
  std::string warning{};         // with kReady: what the commit has that a model will miss; empty: nothing
};

// A pod's agent has asked for the source and waits for the answer. The run server has verified the pod's token, and
// the run gate that the pod belongs to the attempt.
struct Claim {
  int attempt = 0;
  std::string pod_name;
  std::string pod_uid;
};

// Another run whose result this run waits for or takes. `run` is null if there is no such run.
struct OtherRun {
  std::shared_ptr<const api::ModelRun> run{};      // under way: wait for it; ended: take its result
  std::shared_ptr<const api::ResultFrame> full{};  // set if `run` has ended and has status.resultRef
  bool awaits_turn = false;  // what it is can be known only when this run has its turn with a large result
};

// The rows of a run with points (api/points.h) that are in its ConfigMaps.
struct StoredRows {
  std::int64_t succeeded = 0, failed = 0;
  std::int64_t first_failed = 0;  // with failed > 0: the first point that failed, and why
  std::string first_failure;
  std::int64_t of_attempt = 0;  // rows of the current attempt
  std::vector<std::string> config_maps;
  std::size_t last_bytes = 0;  // in the last of them
  std::size_t bytes = 0;       // in all of them
};

// What is known of the points of a run.
struct PointsView {
  StoredRows stored;
  std::vector<std::string> waiting;  // rows that wait to be stored, as text; the first has the number stored.of_attempt
  Duration waited{};                 // for how long the first of them has been waiting
  bool wanted = false;               // the agent waits until they are stored
  std::vector<bool> done;            // for each point, whether its row is stored
};

// Names the events of an attempt whose time no Kubernetes object records by a clock that can be compared with ours. The
// times are kept in memory, by a clock that nobody can set (see Inbox). After a restart of the operator they start
// anew, which only makes a wait longer.
enum class Mark {
  // Set by a plan:
  kPodLost,      // the recorded pod is gone, or the Job has ended and has no pod
  kEvidence,     // the attempt is over, and the frame (if any) does not say how
  kCancel,       // the agent was told to cancel the model
  kDurableRead,  // when the durable copy was last looked for
  // Set when it is first observed:
  kAttempt,       // the attempt is under way
  kModelEnded,    // the model's container has ended
  kPodDeleting,   // the pod is being deleted
  kScheduled,     // the pod has a node
  kSourceLost,    // the source that the attempt's pod was granted cannot be had
  kJobSuspended,  // the Job is suspended; until the model has started it goes when the Job is resumed
  // Set by observe_run():
  kRefusalRead,  // when it was last looked up why the Job has no pod
};

// A standby (api/standby.h) that the run may have.
struct StandbyOffer {
  api::ObjectMeta job;
  bool adopted = false;                     // its Job is the run's already, and the status does not say so yet
  std::shared_ptr<const api::PodView> pod;  // never null
};

struct Observed {
  std::shared_ptr<const api::ModelRun> run;          // never null
  std::shared_ptr<const api::ModelProject> project;  // as it is now; null when there is none
  // The project as it was when the run was admitted; see as_admitted(). Its settings apply to everything that an
  // admitted run does. Null only if `project` is null and the run has recorded no settings, which happens only if
  // somebody else has written its status.
  std::shared_ptr<const api::ModelProject> as_admitted;
  Duration known_for{};   // since this process first looked at the run
  std::string env_error;  // why the project's runtime.env cannot be used; empty if it can, or was not checked
  SourceView source;
  std::optional<std::int64_t> admitted_number;  // the run's number in the project's active list, with its slot
  bool lost_slot = false;                       // the list has an entry of the run, which is void; see has_lost()
  // While the run has no Job: the value for status.identity. Empty if no other run can be known to be identical, or
  // if the value is not needed yet.
  std::string identity;
  OtherRun other;
  // While the run has no Job, and its project has standbys (spec.warm): the one that is kept for it, or why there is
  // none.
  std::optional<StandbyOffer> standby;
  std::string cold_reason;

  // The Job of the current attempt, owned by this run. Null if it does not exist or is being deleted.
  std::shared_ptr<const api::JobView> job;
  bool job_seen = false;                // the Job exists, or did exist before
  bool job_foreign = false;             // the Job's name is taken by a Job that this run does not own
  std::vector<std::string> stray_jobs;  // names of Jobs of attempts that are over, or will not be
  bool children_ensured = false;        // this process has made or found the attempt's Job and ConfigMap
  std::string job_error;                // why the attempt's objects could not be made the last time; empty: they could
  // Why the Job controller could not make the Job's pod, as far as that was looked up; empty if nothing is known.
  std::string pod_refusal;
  // The pods of the current attempt, newest first. A recorded pod that the cache does not have comes last.
  std::vector<std::shared_ptr<const api::PodView>> pods;

  std::vector<Claim> claims;
  // The attempt's result: pushed by its pod (see Inbox::read()), or read from the durable copy. Null if there is none.
  std::shared_ptr<const api::ResultFrame> frame;
  bool durable_final = false;  // the agent has ended and left no durable copy
  int durable_failures = 0;    // how often the durable copy could not be read although it may exist
  int payload_refusals = 0;    // how often the API server has refused to store the payload
  std::string payload_error;   // why it refused the last time
  // The attempt's pod is an adopted standby, and this process knows that it was given no work yet: the model cannot
  // have run.
  bool awaits_work = false;
  // Why the source that was granted cannot be given to the attempt's pod; no value if it can, or was not asked for.
  std::optional<Error> source_lost;
  std::optional<PointsView> points;  // of a run with points, once its attempt has begun
  std::map<Mark, Duration> marks;    // how long ago each was set
  // A large result is at hand, and another run works on one: this run is woken when it has its turn (LargeWork).
  bool awaits_turn = false;
  Duration turn_waited{};  // for how long it has been waiting for that; zero if it is not
};

}  // namespace modelrun::controller
