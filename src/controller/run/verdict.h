// Judges from the evidence how an attempt ended. Pure.
//
// The exit record that `modelrun-sandbox exec` made wins over the kubelet's report: if a child of the model was
// killed for lack of memory, the kubelet reports OOMKilled even for a process that exited with code 3 by itself.
// Without an exit record, the caller waits for the container's status (up to kEvidenceWait) before it asks for a
// judgement.
#pragma once

#include <optional>
#include <string>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "api/workload.h"

namespace modelrun::controller {

struct Verdict {
  api::Phase phase = api::Phase::kFailed;
  std::string reason;            // one of api/reason.h
  std::string message;           // for people
  std::optional<int> exit_code;  // 128 + the signal's number if the model died of a signal
  // The attempt failed because of the infrastructure, not the model, or before the model began: another attempt may
  // be made.
  bool retryable = false;
  // The attempt does not count in limits.attempts: it has brought a run with points on, its node has no image volumes,
  // or its Job was suspended.
  bool free = false;
  bool preempted = false;  // the Job was suspended under the pod, by a queue or a person
};

// Returns the verdict if the frame's exit record says how the model ended. Returns nullopt for kTerminated and kLost,
// which do not say that; use judge_remains() then. `timeout_seconds` is for the message. `cancel_cause` is as in
// Remains.
std::optional<Verdict> judge_frame(const api::ResultFrame& frame, std::int64_t timeout_seconds,
                                   const std::string& cancel_cause = {});

// Returns `verdict`, or the reason ArtifactsLost in the place of success. `loss` says which artifacts of the run were
// not kept, and why; empty when all were.
Verdict judge_loss(Verdict verdict, const std::string& loss);

// What is left of an attempt that is over. The pointers are not kept.
struct Remains {
  const api::PodView* pod = nullptr;        // null if it is gone
  const api::ResultFrame* frame = nullptr;  // a frame for which judge_frame() gave nullopt; null if there is none
  bool job_gone = false;
  std::string job_disruption{};  // JobView::disruption of the Job, if it is there
  bool preempted = false;        // the Job was suspended under the pod
  std::int64_t attempts = 0;     // limits.attempts
  bool overdue = false;          // the pod is being deleted and should have been gone for a while
  bool started = false;          // a pod was given the source, so the model may have run
  std::string cancel_cause;      // as cancel_cause() returns it; empty if the run is not cancelled
  std::int64_t timeout_seconds = 0;
};

// The verdict for an attempt that is over and for which judge_frame() gives none. Of several causes the first counts:
// the pod's deadline, a cancel, a disruption of the pod or its node, a suspended Job, a node that does not answer, a
// deleted Job, a deleted pod, the end of a pod that never started the model, the end of the model's container.
Verdict judge_remains(const Remains& remains);

// The verdict for an attempt whose Job was suspended under its pod: that is nobody's failure, so it costs the run none
// of its `attempts` (limits.attempts). Only a run that may be executed once ends by it, if its model was `started`.
Verdict judge_preemption(bool started, std::int64_t attempts);

}  // namespace modelrun::controller
