// Compact views of a run's Job and Pod, with only the fields that the controller reads. Caches hold these views
// instead of the objects. Text is empty when a field is absent. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/object_meta.h"

namespace modelrun::api {

struct JobView {
  ObjectMeta meta;
  std::string run_uid;       // label kLabelRunUid; empty on a standby that no run has adopted
  std::string standby;       // label kLabelStandby; empty on a Job that was made for a run
  std::int64_t attempt = 0;  // label kLabelAttempt; 0 if there is none
  bool complete = false;     // condition Complete
  bool failed = false;       // condition Failed
  // spec.suspend: the Job has no pods, or its controller is about to delete them. Whoever set it, a queue such as Kueue
  // or a person, also takes it back; the operator never does.
  bool suspended = false;
  bool resumed = false;  // condition Suspended is False: the Job was suspended before, and is not any more
  std::string queue;     // label kLabelQueue
  // The message of condition Failed, if its reason is that the Job's podFailurePolicy found its Pod disrupted. Once the
  // Pod is gone, nothing else tells of the disruption.
  std::string disruption;
};

// The state of one container, as the kubelet reports it.
struct ContainerView {
  enum class State { kUnknown, kWaiting, kRunning, kTerminated };
  State state = State::kUnknown;
  std::string reason;   // of the state waiting or terminated
  std::string message;  // waiting: the message; terminated: the termination message
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::optional<Time> started_at, finished_at;
  std::string image_id;
};

struct PodView {
  ObjectMeta meta;
  std::string run;     // annotation kAnnotationRun: the name of the run that the pod was made for; empty on a standby's
  std::string phase;   // Pending, Running, Succeeded, Failed, Unknown
  std::string reason;  // e.g. Evicted, DeadlineExceeded
  std::string message;
  std::string node;
  bool scheduled = false;
  std::optional<Time> scheduled_at;
  bool image_volume = false;  // it has a volume that is an image
  bool set_up = false;        // condition PodReadyToStartContainers: its volumes are mounted and it has its network
  std::int64_t grace_seconds = 0;  // metadata.deletionGracePeriodSeconds; 0 unless the pod is being deleted
  std::string scheduling_message;  // message of condition PodScheduled while it is not True
  std::string disruption;          // reason of condition DisruptionTarget while it is True
  ContainerView agent, model;

  [[nodiscard]] bool ended() const { return phase == "Succeeded" || phase == "Failed"; }
};

// Both never fail: a field that is absent or of another type keeps its default.
JobView decode_job(const nlohmann::json& object);
PodView decode_pod(const nlohmann::json& object);

}  // namespace modelrun::api
