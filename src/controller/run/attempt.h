// One attempt of a run, as decide_with_job() and its steps see it, and what these have in common. Internal to this
// room; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "controller/run/observed.h"
#include "controller/run/steps.h"

namespace modelrun::controller {

// What decide_with_job() works out once, and all of its steps read.
struct Attempt {
  const Observed& observed;
  Time now;
  const api::PodView* pod = nullptr;  // attempt_pod()
  bool started = false;               // a pod was given the source
  std::string cancel_cause{};         // empty: the run is not cancelled
  std::int64_t timeout = 0;           // seconds
  bool can_avoid_volume = false;      // the next attempt has no image volume, if this one's pod has
};

// The time since `mark` was set; zero if it is not set.
Duration since(const Attempt& attempt, Mark mark);

// How much longer the attempt may last: its pod's activeDeadlineSeconds, and a while more.
Duration deadline_left(const Attempt& attempt);

// If the pod is being deleted, has the run reconciled again when the pod has to be gone. A node that is dead reports
// nothing.
void requeue_for_deletion(Plan& plan, const Attempt& attempt);

// Looks for the durable copy of the result when the push is late or can no longer come.
Decision look_for_durable(const Attempt& attempt);

// True if the Job is suspended: its controller has ended, or is about to end, the attempt's pod.
bool is_preempted(const Attempt& attempt);

// The same, or the Job was suspended under the model and was resumed since: this process has seen it, or the Job has
// another pod. A Job that was never suspended makes no second one, since its backoffLimit is 0.
bool was_preempted(const Attempt& attempt);

// Concludes from what is left, when the attempt is over and no better evidence will come. Waits for better evidence
// first: for a push that is on its way if the pod is gone, else for the kubelet's report of the container's end.
Decision judge_what_remains(const Attempt& attempt);

// before_start.cc: the attempt is in the state "created" or "waiting" (see with_job.cc).
Plan before_start(const Attempt& attempt);

}  // namespace modelrun::controller
