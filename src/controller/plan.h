// What decide() wants done: a closed set of actions, at most one status write, and when to look again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "controller/observed.h"

namespace modelrun::controller {

// Resolve the branch to a commit and fetch the commit. Asynchronous: the run is looked at again when it is done.
struct ResolveSource {};
// Ask for a number and a concurrency slot of the project.
struct RequestAdmission {};
// Be the run that identical ones join until status.identity says so. When another is that already, this run is looked
// at again.
struct TakeLead {
  std::string identity;
};
// Create the Job of `attempt`, and the ConfigMap of its parameters, which the Job owns. Both are found again by name,
// so doing this twice makes one of each.
struct CreateJob {
  int attempt = 0;
};
struct DeleteJob {
  std::string name;
};
// Look for the durable copy of the result in the agent's log and termination message.
struct ReadDurable {
  std::string pod_name;
  bool last = false;  // the agent has ended: what is not there now will never be
};
// Tell the agent of the recorded pod to end the model.
struct OrderCancel {};
// Write the full result to ConfigMaps that the run owns, before the status refers to them.
struct WritePayload {
  std::vector<std::string> names;
  std::vector<std::string> parts;  // base64
};
struct DeleteRun {};

using Action = std::variant<ResolveSource, RequestAdmission, TakeLead, CreateJob, DeleteJob, ReadDurable, OrderCancel,
                            WritePayload, DeleteRun>;

enum class EventType { kNormal, kWarning };

struct EventNote {
  EventType type = EventType::kNormal;
  std::string reason;
  std::string note;
};

// Carried out in the order of the fields. When one step fails the rest is not done and the run is looked at again.
struct Plan {
  std::vector<Action> before;
  std::optional<api::ModelRunStatus> status;  // written when it differs from what stands
  std::vector<Action> after;
  std::vector<EventNote> events;
  std::vector<Mark> marks;  // set to now, unless they are set already (kDurableRead: always)
  std::optional<Duration> requeue_after;
};

}  // namespace modelrun::controller
