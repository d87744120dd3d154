// Limits of runs: the time limit that applies to one run, sizes, and how long the controller waits for something.
// Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "api/model_project.h"
#include "api/model_run.h"
#include "controller/run/settings.h"

namespace modelrun::controller {

inline constexpr std::int64_t kDefaultTimeoutSeconds = 300;
// spec.parameters as JSON must be smaller than this.
inline constexpr std::size_t kMaxParameterBytes = 64 * 1024;
// How long a Job may stay suspended whose run holds one of the project's slots, if limits.queueSeconds does not say it.
inline constexpr std::int64_t kSuspendedSlotSeconds = 24 * 60 * 60;
inline constexpr std::chrono::seconds kProjectWait{60};  // for a project that GitOps applies after its run
// Wait for the kubelet to report the container's status, when the agent's result frame does not say how the model
// ended. Also the time after which a pod that does not go counts as overdue.
inline constexpr std::chrono::seconds kEvidenceWait{30};
// How long something has to be in a run's way before its status says so: most troubles pass sooner.
inline constexpr std::chrono::seconds kTellTrouble{5};
// How long the API server has to deny a final status before it is written without the result: a right or a webhook
// may be missing only for a while.
inline constexpr std::chrono::seconds kDeniedWait{30};
inline constexpr std::chrono::seconds kCancelWait{20};  // for the agent to carry out a cancel; then the Job is deleted
inline constexpr std::chrono::seconds kPushWait{2};     // for the push after the model's end; then the log is read
// How often to try to read the log of an agent that has ended, about 5 s apart: its kubelet may be restarting.
inline constexpr int kDurableTries = 7;
// How often to try to store a payload that the API server refuses. With the work queue's back-off this takes about
// 40 s, in which a quota may become free.
inline constexpr int kPayloadTries = 13;

// The run's time limit in seconds: its own, else the project's, else the default; at most the operator's maximum.
inline std::int64_t timeout_seconds(const api::ModelRunSpec& run, const api::LimitsSpec& project,
                                    const Settings& settings) {
  const std::int64_t wish = run.timeout_seconds.value_or(project.timeout_seconds.value_or(kDefaultTimeoutSeconds));
  return std::min(wish, settings.max_timeout_seconds);
}

// The pod's activeDeadlineSeconds: the last resort for a pod whose `exec` cannot enforce the time limit. Everything
// that the pod normally waits for takes less time.
inline std::int64_t active_deadline_seconds(std::int64_t pending_seconds, std::int64_t timeout) {
  return pending_seconds + timeout + 60;
}

// The name of an object of a run or a sweep: <owner>-<first 8 characters of its UID>-<last>, where the owner's name is
// cut so that the whole has at most 63 characters.
inline std::string own_name(const api::ObjectMeta& owner, const std::string& last) {
  const std::string tail = "-" + owner.uid.substr(0, 8) + "-" + last;
  std::string head = owner.name.substr(0, 63 - tail.size());
  // A cut name may end in '.' or '-'. A '.' has to go: ".-" may not occur in the name of an object (RFC 1123
  // subdomain). A '-' would be valid, and is trimmed only because "--" looks odd.
  while (!head.empty() && (head.back() == '-' || head.back() == '.')) head.pop_back();
  return head + tail;
}

// The name of the attempt's Job and of its ConfigMap. Attempts count from 1.
inline std::string child_name(const api::ObjectMeta& run, std::int64_t attempt) {
  return own_name(run, std::to_string(attempt));
}

// The name of a ConfigMap for rows of points (api/points.h), which count from 1.
inline std::string points_name(const api::ObjectMeta& run, std::size_t number) {
  return own_name(run, "points-" + std::to_string(number));
}

}  // namespace modelrun::controller
