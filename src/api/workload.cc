#include "api/workload.h"

#include <charconv>

#include "api/json_access.h"
#include "api/model_project.h"
#include "api/model_run.h"
#include "api/pod_metadata.h"
#include "api/sandbox.h"
#include "api/standby.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

ContainerView decode_container(const json& status) {
  ContainerView view;
  view.image_id = text_at(status, "imageID");
  const auto& state = member(status, "state");
  if (const auto& waiting = member(state, "waiting"); waiting.is_object()) {
    view.state = ContainerView::State::kWaiting;
    view.reason = text_at(waiting, "reason");
    view.message = text_at(waiting, "message");
  } else if (const auto& running = member(state, "running"); running.is_object()) {
    view.state = ContainerView::State::kRunning;
    view.started_at = time_at(running, "startedAt");
  } else if (const auto& ended = member(state, "terminated"); ended.is_object()) {
    view.state = ContainerView::State::kTerminated;
    view.reason = text_at(ended, "reason");
    view.message = text_at(ended, "message");
    if (const auto code = int_at(ended, "exitCode")) view.exit_code = static_cast<int>(*code);
    if (const auto signal = int_at(ended, "signal")) view.signal = static_cast<int>(*signal);
    view.started_at = time_at(ended, "startedAt");
    view.finished_at = time_at(ended, "finishedAt");
  }
  return view;
}

std::int64_t parse_attempt(const std::string& text) {
  std::int64_t attempt = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), attempt);
  return parsed.ec == std::errc() && attempt > 0 && attempt <= kMaxAttempts ? attempt : 0;
}

void decode_pod_condition(const json& condition, PodView& pod) {
  const std::string type = text_at(condition, "type");
  const bool is_true = text_at(condition, "status") == "True";
  if (type == "PodScheduled") {
    pod.scheduled = is_true;
    if (is_true) pod.scheduled_at = time_at(condition, "lastTransitionTime");
    if (!is_true) pod.scheduling_message = text_at(condition, "message");
  } else if (type == "DisruptionTarget" && is_true) {
    pod.disruption = text_at(condition, "reason");
  } else if (type == "PodReadyToStartContainers") {
    pod.set_up = is_true;
  }
}

}  // namespace

JobView decode_job(const json& object) {
  JobView job;
  job.meta = decode_meta(object);
  job.run_uid = label_of(object, kLabelRunUid);
  job.standby = label_of(object, kLabelStandby);
  job.attempt = parse_attempt(label_of(object, kLabelAttempt));
  job.suspended = bool_at(member(object, "spec"), "suspend");
  job.queue = label_of(object, kLabelQueue);
  for (const auto& condition : member(member(object, "status"), "conditions")) {
    const std::string type = text_at(condition, "type");
    const std::string status = text_at(condition, "status");
    if (type == "Suspended" && status == "False") job.resumed = true;
    if (status != "True") continue;
    if (type == "Complete") job.complete = true;
    if (type != "Failed") continue;
    job.failed = true;
    // The only rule of our podFailurePolicy is about the condition DisruptionTarget.
    if (text_at(condition, "reason") == "PodFailurePolicy") job.disruption = text_at(condition, "message");
  }
  return job;
}

PodView decode_pod(const json& object) {
  const auto& status = member(object, "status");
  PodView pod;
  pod.meta = decode_meta(object);
  pod.run = text_at(member(member(object, "metadata"), "annotations"), kAnnotationRun);
  pod.grace_seconds = int_at(member(object, "metadata"), "deletionGracePeriodSeconds").value_or(0);
  pod.phase = text_at(status, "phase");
  pod.reason = text_at(status, "reason");
  pod.message = text_at(status, "message");
  pod.node = text_at(member(object, "spec"), "nodeName");
  for (const auto& volume : member(member(object, "spec"), "volumes")) {
    if (text_at(volume, "name") == kFilesVolume && member(volume, "image").is_object()) pod.image_volume = true;
  }
  for (const auto& condition : member(status, "conditions")) decode_pod_condition(condition, pod);
  for (const auto& container : member(status, "containerStatuses")) {
    const std::string name = text_at(container, "name");
    if (name == kAgentContainer) pod.agent = decode_container(container);
    if (name == kModelContainer) pod.model = decode_container(container);
  }
  return pod;
}

}  // namespace modelrun::api
