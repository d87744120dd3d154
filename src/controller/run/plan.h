// What decide() wants done: actions from a closed set, at most one status write, and when to reconcile the run again.
// apply_run() carries it out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "controller/run/observed.h"

namespace modelrun::controller {

// Start to resolve the branch to a commit and to fetch the commit. The run is reconciled again when that has ended.
struct ResolveSource {
  bool hold = false;  // keep the archive at hand: a pod waits for it
  bool now = false;   // try now, although it failed a short time ago
};
// Ask the project for a run number and a concurrency slot.
struct RequestAdmission {};
// Become the run that identical runs join; see leads.h. Fails with kConflict when another run is that already; this
// run is reconciled again then, and finds the other.
struct TakeLead {
  std::string identity;
};
// Create the Job of `attempt`, and the ConfigMap of its parameters, which the Job owns. Both have fixed names, so
// doing this twice creates each only once.
struct CreateJob {
  int attempt = 0;
};
// Make the Job of a standby the run's own, as that of `attempt`. Fails with kConflict if the Job has changed meanwhile:
// another run has it, or it is being deleted.
struct AdoptStandby {
  api::ObjectMeta job;
  int attempt = 0;
};
// Create the ConfigMap of the run's parameters, which the Job with this UID owns. The pod of an adopted standby has got
// them by other means; this is for people.
struct ShowParameters {
  std::string job_uid;
};
// Delete that Job. Kubernetes then deletes its Pod and its ConfigMap. A Job that is gone already is no error.
struct DeleteJob {
  std::string name;
};
// Look for the durable copy of the result: in the agent's log, and with `last` in its termination message if the log
// has none. Sets Mark::kDurableRead, unless the run has to wait for its turn with a large result first.
struct ReadDurable {
  std::string pod_name;
  bool last = false;     // the agent has ended: what is not there now will never come
  bool give_up = false;  // treat a log that cannot be read now as lost, although a later try might succeed
};
// Tell the agents of the current attempt to end the model.
struct OrderCancel {};
// Write the full result to ConfigMaps that the run owns: parts[i] to names[i]. Has to precede the status that refers
// to them. A ConfigMap that exists counts as written, because its name contains the digest of the result.
struct WritePayload {
  std::vector<std::string> names;
  std::vector<std::string> parts;  // base64
};
// Write rows of the attempt to a ConfigMap that the run owns, which is made if it is not there. Has to precede the
// status that counts them. Fails with kConflict if another process has written there.
struct StoreRows {
  int attempt = 0;
  std::int64_t first = 0;  // the number of the first row in the attempt
  std::vector<std::string> rows;
  std::string config_map;
};
// Let pods that are made from now on have the sandbox's files in the way that needs no image volume: `why` some node
// cannot mount one.
struct AvoidImageVolumes {
  std::string why;
};
// Delete the run itself. A run that is gone already is no error.
struct DeleteRun {};

using Action = std::variant<ResolveSource, RequestAdmission, TakeLead, CreateJob, AdoptStandby, ShowParameters,
                            DeleteJob, ReadDurable, OrderCancel, WritePayload, StoreRows, AvoidImageVolumes, DeleteRun>;

enum class EventType { kNormal, kWarning };

struct EventNote {
  EventType type = EventType::kNormal;
  std::string reason;
  std::string note;
};

// An event that is certain to come and has the run reconciled: a change of an object in the cache, which a list shows
// if the watch has missed it, or a pass over the run's project.
enum class Awaits {
  kNothing,
  kSlot,        // the project gives the run its slot, or changes
  kSpecChange,  // spec.suspend or spec.cancel, or the project's suspend, is changed
  kJobChange,   // the attempt's Job is resumed, ends or is deleted
};

// Plan::requeue_after for a run that has to be reconciled again at once.
inline constexpr std::chrono::milliseconds kAtOnce{1};

// Carried out in this order: marks, before, status, answers to the run's pods (Inbox::settle()), events, after. When
// a step fails, the rest is left undone and the run is reconciled again. For decide_finished() only `after` and
// `requeue_after` are used.
struct Plan {
  std::vector<Action> before;
  std::optional<api::ModelRunStatus> status;  // written if it differs from the status of the observed run
  std::vector<Action> after;
  std::vector<EventNote> events;
  std::vector<Mark> marks;  // set to the present time; a mark that is set keeps its time
  // What wakes the run next: every plan that does not end the run has one of the two, and decide() sees to it. Events
  // that may never come, such as the next message of a pod, do not count: they only make things quicker.
  std::optional<Duration> requeue_after;
  Awaits awaits = Awaits::kNothing;
};

}  // namespace modelrun::controller
