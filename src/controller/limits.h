// The limits in force for one run: the run's wish, the project's, and the operator's cap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "api/model_project.h"
#include "api/model_run.h"
#include "controller/settings.h"

namespace modelrun::controller {

inline constexpr std::int64_t kDefaultTimeoutSeconds = 300;
inline constexpr std::size_t kMaxParameterBytes = 64 * 1024;
// Of a project's settings. With the parameters and the rest of a run they stay well under etcd's 1.5 MiB for an object.
inline constexpr std::size_t kMaxSettingsBytes = 256 * 1024;
inline constexpr std::chrono::seconds kProjectWait{60};   // for a project that GitOps applies after its run
inline constexpr std::chrono::seconds kEvidenceWait{30};  // for the container's status, when the frame is no verdict
inline constexpr std::chrono::seconds kCancelWait{20};  // for the agent to carry out a cancel; then the Job is deleted
inline constexpr std::chrono::seconds kPushWait{2};     // for the push after the model's end; then the log is read

inline std::int64_t timeout_seconds(const api::ModelRunSpec& run, const api::LimitsSpec& project,
                                    const Settings& settings) {
  const std::int64_t wish = run.timeout_seconds.value_or(project.timeout_seconds.value_or(kDefaultTimeoutSeconds));
  return std::min(wish, settings.max_timeout_seconds);
}

// <run>-<uid8>-<attempt>, at most 63 characters: the name of the attempt's Job and of its ConfigMap.
inline std::string child_name(const api::ObjectMeta& run, std::int64_t attempt) {
  const std::string tail = "-" + run.uid.substr(0, 8) + "-" + std::to_string(attempt);
  std::string head = run.name.substr(0, 63 - tail.size());
  // A cut name may end in '-' or '.', which is fine before the tail's '-' but for "..-": trimmed for the eye.
  while (!head.empty() && (head.back() == '-' || head.back() == '.')) head.pop_back();
  return head + tail;
}

}  // namespace modelrun::controller
