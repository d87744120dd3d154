// The reasons that say why a run or a sweep waits or how it ended, as they stand in its conditions and in status.error.
// They are part of the API: clients compare them, so a word never changes. docs/troubleshooting.md explains all but
// kRunning.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace modelrun::api::reason {

// Reasons of a run that has ended.
inline constexpr std::string_view kInvalidSpec = "InvalidSpec";
inline constexpr std::string_view kInvalidParameters = "InvalidParameters";
inline constexpr std::string_view kProjectNotFound = "ProjectNotFound";
inline constexpr std::string_view kSourceUnreachable = "SourceUnreachable";
inline constexpr std::string_view kSourceDenied = "SourceDenied";
inline constexpr std::string_view kRefNotFound = "RefNotFound";
inline constexpr std::string_view kSourceTooLarge = "SourceTooLarge";
inline constexpr std::string_view kEntryPointNotFound = "EntryPointNotFound";
inline constexpr std::string_view kImagePullFailed = "ImagePullFailed";
inline constexpr std::string_view kUnschedulable = "Unschedulable";
inline constexpr std::string_view kPendingTimeout = "PendingTimeout";
inline constexpr std::string_view kSandboxSetupFailed = "SandboxSetupFailed";
inline constexpr std::string_view kNonZeroExit = "NonZeroExit";
inline constexpr std::string_view kSignaled = "Signaled";
inline constexpr std::string_view kOOMKilled = "OOMKilled";
inline constexpr std::string_view kTimeout = "Timeout";
inline constexpr std::string_view kOutputsInvalid = "OutputsInvalid";
inline constexpr std::string_view kOutputsTooLarge = "OutputsTooLarge";
inline constexpr std::string_view kPointsFailed = "PointsFailed";
inline constexpr std::string_view kTooManyFailedPoints = "TooManyFailedPoints";
inline constexpr std::string_view kArtifactsLost = "ArtifactsLost";
inline constexpr std::string_view kEvicted = "Evicted";
inline constexpr std::string_view kNodeLost = "NodeLost";
inline constexpr std::string_view kPodDeleted = "PodDeleted";
inline constexpr std::string_view kJobDeleted = "JobDeleted";
inline constexpr std::string_view kAgentLost = "AgentLost";
// Also of a run whose Job was suspended under the model, until its pod is gone.
inline constexpr std::string_view kPreempted = "Preempted";
inline constexpr std::string_view kCancelled = "Cancelled";
inline constexpr std::string_view kInternal = "Internal";
inline constexpr std::string_view kSucceeded = "Succeeded";

// Reasons of a run that has not ended.
inline constexpr std::string_view kResolving = "Resolving";
inline constexpr std::string_view kQueued = "Queued";
inline constexpr std::string_view kBlocked = "Blocked";
inline constexpr std::string_view kJoined = "Joined";
inline constexpr std::string_view kSuspended = "Suspended";
inline constexpr std::string_view kJobSuspended = "JobSuspended";
inline constexpr std::string_view kStarting = "Starting";
inline constexpr std::string_view kRunning = "Running";
inline constexpr std::string_view kRetrying = "Retrying";
inline constexpr std::string_view kCancelling = "Cancelling";

// True if `reason` is one of a run that has ended.
constexpr bool is_known_end(std::string_view reason) {
  constexpr std::array kEnds = {kInvalidSpec,
                                kInvalidParameters,
                                kProjectNotFound,
                                kSourceUnreachable,
                                kSourceDenied,
                                kRefNotFound,
                                kSourceTooLarge,
                                kEntryPointNotFound,
                                kImagePullFailed,
                                kUnschedulable,
                                kPendingTimeout,
                                kSandboxSetupFailed,
                                kNonZeroExit,
                                kSignaled,
                                kOOMKilled,
                                kTimeout,
                                kOutputsInvalid,
                                kOutputsTooLarge,
                                kEvicted,
                                kNodeLost,
                                kPodDeleted,
                                kJobDeleted,
                                kAgentLost,
                                kCancelled,
                                kInternal,
                                kSucceeded,
                                kArtifactsLost,
                                kPointsFailed,
                                kTooManyFailedPoints,
                                kPreempted};
  return std::ranges::find(kEnds, reason) != kEnds.end();
}

// The value of a metric's label for the end `reason`, which may be an agent's word: a label must not have as many
// values as tenants can think of.
constexpr std::string_view end_label(std::string_view reason) {
  return is_known_end(reason) ? reason : "Unknown";
}

}  // namespace modelrun::api::reason
