// What the controller reads of a run's Job and Pod: compact views, not the objects.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/object_meta.h"

namespace modelrun::api {

struct JobView {
  ObjectMeta meta;
  std::string run_uid;  // label kLabelRunUid
  bool suspended = false;
  bool complete = false;  // condition Complete
  bool failed = false;    // condition Failed
  std::string failure;    // its reason and message
};

// One container's state, as the kubelet reports it.
struct ContainerView {
  enum class State { kUnknown, kWaiting, kRunning, kTerminated };
  State state = State::kUnknown;
  std::string reason;   // of waiting or terminated
  std::string message;  // of waiting, or the termination message
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::optional<Time> started_at, finished_at;
  std::string image_id;
};

struct PodView {
  ObjectMeta meta;
  std::string run_uid;  // label kLabelRunUid; empty on pods that are not ours
  std::string run;      // annotation kLabelRun: its name
  std::string phase;    // Pending, Running, Succeeded, Failed, Unknown
  std::string reason;   // e.g. Evicted, DeadlineExceeded
  std::string message;
  std::string node;
  bool scheduled = false;
  std::optional<Time> scheduled_at;
  std::string scheduling_message;  // why it is not scheduled
  std::string disruption;          // reason of condition DisruptionTarget, when true
  ContainerView agent, model;

  [[nodiscard]] bool ended() const { return phase == "Succeeded" || phase == "Failed"; }
};

JobView decode_job(const nlohmann::json& object);
PodView decode_pod(const nlohmann::json& object);

}  // namespace modelrun::api
