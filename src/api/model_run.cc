#include "api/model_run.h"

#include <array>
#include <utility>

#include "api/json_access.h"
#include "api/model_project.h"
#include "base/printable.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<Phase, std::string_view>, 7> kPhases{{{Phase::kNone, ""},
                                                                     {Phase::kPending, "Pending"},
                                                                     {Phase::kRunning, "Running"},
                                                                     {Phase::kSucceeded, "Succeeded"},
                                                                     {Phase::kFailed, "Failed"},
                                                                     {Phase::kTimedOut, "TimedOut"},
                                                                     {Phase::kCancelled, "Cancelled"}}};

constexpr std::array<std::pair<EndEventState, std::string_view>, 3> kEndEventStates{
    {{EndEventState::kPending, "Pending"},
     {EndEventState::kDelivered, "Delivered"},
     {EndEventState::kGivenUp, "GivenUp"}}};

using TimelineField = std::optional<Time> Timeline::*;
constexpr std::array<std::pair<const char*, TimelineField>, 11> kTimeline{{{"accepted", &Timeline::accepted},
                                                                           {"resumed", &Timeline::resumed},
                                                                           {"resolved", &Timeline::resolved},
                                                                           {"queued", &Timeline::queued},
                                                                           {"jobCreated", &Timeline::job_created},
                                                                           {"jobResumed", &Timeline::job_resumed},
                                                                           {"adopted", &Timeline::adopted},
                                                                           {"scheduled", &Timeline::scheduled},
                                                                           {"started", &Timeline::started},
                                                                           {"finished", &Timeline::finished},
                                                                           {"recorded", &Timeline::recorded}}};

using ProvenanceField = std::string Provenance::*;
constexpr std::array<std::pair<const char*, ProvenanceField>, 8> kProvenance{
    {{"image", &Provenance::image},
     {"imageID", &Provenance::image_id},
     {"parametersDigest", &Provenance::parameters_digest},
     {"sourceDigest", &Provenance::source_digest},
     {"outputsDigest", &Provenance::outputs_digest},
     {"rings", &Provenance::rings},
     {"start", &Provenance::start},
     {"coldReason", &Provenance::cold_reason}}};

// The text fields of the status. decode_status() and encode_status() share this list, so that they cannot differ.
using TextField = std::string ModelRunStatus::*;
constexpr std::array<std::pair<const char*, TextField>, 14> kTexts{
    {{"runID", &ModelRunStatus::run_id},
     {"branch", &ModelRunStatus::branch},
     {"commitSHA", &ModelRunStatus::commit_sha},
     {"stdout", &ModelRunStatus::out},
     {"stderr", &ModelRunStatus::err},
     {"dataSnapshotRef", &ModelRunStatus::data_snapshot_ref},
     {"message", &ModelRunStatus::message},
     {"warning", &ModelRunStatus::warning},
     {"jobName", &ModelRunStatus::job_name},
     {"podName", &ModelRunStatus::pod_name},
     {"podUID", &ModelRunStatus::pod_uid},
     {"nodeName", &ModelRunStatus::node_name},
     {"projectUID", &ModelRunStatus::project_uid},
     {"identity", &ModelRunStatus::identity}}};

Reuse parse_reuse(const std::string& text) {
  if (text == "Join") return Reuse::kJoin;
  return text == "Reuse" ? Reuse::kReuse : Reuse::kNever;
}

ModelRunSpec decode_spec(const json& object) {
  ModelRunSpec spec;
  spec.project = text_at(object, "project");
  spec.scope = text_at(object, "scope") == "model" ? Scope::kModel : Scope::kProject;
  spec.model_name = text_at(object, "modelName");
  spec.branch = text_at(object, "branch");
  spec.commit_sha = text_at(object, "commitSHA");
  if (const auto& parameters = member(object, "parameters"); !parameters.is_null()) spec.parameters = parameters;
  if (const auto& points = member(object, "points"); points.is_array()) {
    spec.points = points;
    spec.point_count = static_cast<std::int64_t>(points.size());
  }
  spec.point_timeout_seconds = bounded_at(object, "pointTimeoutSeconds", 1, kMaxSetting);
  spec.max_failed_points = bounded_at(object, "maxFailedPoints", 0, kMaxSetting);
  spec.timeout_seconds = bounded_at(object, "timeoutSeconds", 0, kMaxSetting);
  if (const auto loss = text_at(object, "onArtifactLoss"); !loss.empty()) spec.fail_on_artifact_loss = loss == "Fail";
  spec.reuse = parse_reuse(text_at(object, "reuse"));
  spec.cancel = bool_at(object, "cancel");
  spec.suspend = bool_at(object, "suspend");
  return spec;
}

std::optional<ResultRef> decode_result_ref(const json& object) {
  if (!object.is_object()) return std::nullopt;
  ResultRef ref;
  for (const auto& name : member(object, "configMaps")) ref.config_maps.push_back(name.get<std::string>());
  ref.sha256 = text_at(object, "sha256");
  ref.bytes = static_cast<std::uint64_t>(int_at(object, "bytes").value_or(0));
  return ref;
}

std::optional<PointsStatus> decode_points_status(const json& object) {
  if (!object.is_object()) return std::nullopt;
  PointsStatus points;
  points.total = bounded_at(object, "total", 0, kMaxSetting).value_or(0);
  points.succeeded = bounded_at(object, "succeeded", 0, kMaxSetting).value_or(0);
  points.failed = bounded_at(object, "failed", 0, kMaxSetting).value_or(0);
  for (const auto& name : member(object, "configMaps")) points.config_maps.push_back(name.get<std::string>());
  return points;
}

std::optional<RunRef> decode_run_ref(const json& object) {
  if (!object.is_object()) return std::nullopt;
  return RunRef{text_at(object, "name"), text_at(object, "uid"), run_number_at(object, "runNumber")};
}

std::vector<ArtifactStatus> decode_artifacts(const json& array) {
  std::vector<ArtifactStatus> artifacts;
  if (!array.is_array()) return artifacts;
  for (const auto& item : array) {
    artifacts.push_back({text_at(item, "name"), static_cast<std::uint64_t>(int_at(item, "size").value_or(0)),
                         text_at(item, "sha256"), text_at(item, "mediaType"), bool_at(item, "stored")});
  }
  return artifacts;
}

// A state that this version does not know counts as none: whoever knows it sees to the event.
std::optional<EndEvent> decode_end_event(const json& object) {
  const auto word = text_at(object, "state");
  for (const auto& [state, name] : kEndEventStates) {
    if (name == word) return EndEvent{state, time_at(object, "deliveredAt"), text_at(object, "message")};
  }
  return std::nullopt;
}

ModelRunStatus decode_status(const json& object) {
  ModelRunStatus status;
  for (const auto& [name, field] : kTexts) status.*field = text_at(object, name);
  status.observed_generation = int_at(object, "observedGeneration").value_or(-1);
  status.phase = parse_phase(text_at(object, "phase"));
  // As it stands, whatever it is: a number that is recorded can never change.
  status.run_number = int_at(object, "runNumber").value_or(0);
  if (const auto code = int_at(object, "exitCode")) status.exit_code = static_cast<int>(*code);
  status.started_at = time_at(object, "startedAt");
  status.finished_at = time_at(object, "finishedAt");
  status.out_truncated = bool_at(object, "stdoutTruncated");
  status.err_truncated = bool_at(object, "stderrTruncated");
  if (const auto& outputs = member(object, "outputs"); !outputs.is_null()) status.outputs = outputs;
  status.result_ref = decode_result_ref(member(object, "resultRef"));
  status.points = decode_points_status(member(object, "points"));
  status.truncated = bool_at(object, "truncated");
  status.artifacts = decode_artifacts(member(object, "artifacts"));
  if (const auto& error = member(object, "error"); error.is_object()) {
    status.error = RunError{text_at(error, "reason"), text_at(error, "message")};
  }
  status.attempts = bounded_at(object, "attempts", 0, kMaxAttempts).value_or(0);
  status.free_attempts = bounded_at(object, "freeAttempts", 0, kMaxAttempts).value_or(0);
  status.preemptions = bounded_at(object, "preemptions", 0, kMaxAttempts).value_or(0);
  status.job_suspended = bool_at(object, "jobSuspended");
  status.project_generation = int_at(object, "projectGeneration").value_or(0);
  if (const auto& spec = member(object, "projectSpec"); spec.is_object()) status.project_spec = spec;
  status.reused_from = decode_run_ref(member(object, "reusedFrom"));
  for (const auto& [name, field] : kTimeline) status.timeline.*field = time_at(member(object, "timeline"), name);
  for (const auto& [name, field] : kProvenance) status.provenance.*field = text_at(member(object, "provenance"), name);
  status.conditions = decode_conditions(member(object, "conditions"));
  status.end_event = decode_end_event(member(object, "endEvent"));
  return status;
}

void put_result(json& object, const ModelRunStatus& status) {
  if (status.outputs) object["outputs"] = status.outputs->parse();
  if (status.result_ref) {
    object["resultRef"] = {{"configMaps", status.result_ref->config_maps},
                           {"sha256", status.result_ref->sha256},
                           {"bytes", status.result_ref->bytes},
                           {"encoding", "gzip+base64"}};
  }
  if (const auto& points = status.points) {
    object["points"] = {{"total", points->total}, {"succeeded", points->succeeded}, {"failed", points->failed}};
    if (!points->config_maps.empty()) object["points"]["configMaps"] = points->config_maps;
  }
  for (const auto& artifact : status.artifacts) {
    object["artifacts"].push_back({{"name", artifact.name},
                                   {"size", artifact.size},
                                   {"sha256", artifact.sha256},
                                   {"mediaType", artifact.media_type},
                                   {"stored", artifact.stored}});
  }
  if (status.error) object["error"] = {{"reason", status.error->reason}, {"message", status.error->message}};
}

// Adds the fields that make sense only after the run has ended. Then they are always there, so that readers need no
// defaults; only the duration is left out when the model did not start.
void put_end(json& object, const ModelRunStatus& status) {
  object["exitCode"] = status.exit_code ? json(*status.exit_code) : json(nullptr);
  object["stdout"] = status.out;
  object["stderr"] = status.err;
  object["stdoutTruncated"] = status.out_truncated;
  object["stderrTruncated"] = status.err_truncated;
  object["truncated"] = status.truncated;
  if (status.started_at && status.finished_at) {
    const double seconds = std::chrono::duration<double>(*status.finished_at - *status.started_at).count();
    object["durationSeconds"] = seconds;
    object["duration"] = fmt::format("{:.2f}s", seconds);
  }
}

}  // namespace

std::string ModelRunSpec::entry_point() const {
  return scope == Scope::kProject ? "run.py" : "model/" + model_name + ".py";
}

std::string_view to_string(Phase phase) {
  for (const auto& [value, name] : kPhases) {
    if (value == phase) return name;
  }
  return "";
}

Phase parse_phase(std::string_view word) {
  for (const auto& [phase, name] : kPhases) {
    if (name == word) return phase;
  }
  return Phase::kNone;
}

ModelRun decode_model_run(const json& object) {
  constexpr std::size_t kMaxRequestedBy = 256;
  const auto& annotations = member(member(object, "metadata"), "annotations");
  return {decode_meta(object),
          label_of(object, kLabelCreatedBy),
          printable(text_at(annotations, kAnnotationRequestedBy), kMaxRequestedBy),
          decode_spec(member(object, "spec")),
          decode_status(member(object, "status")),
          texts_of(member(member(object, "metadata"), "labels")),
          parse_traceparent(text_at(annotations, kAnnotationTraceparent))};
}

std::string_view to_string(EndEventState state) {
  for (const auto& [value, name] : kEndEventStates) {
    if (value == state) return name;
  }
  return "";
}

json encode_end_event(const EndEvent& event) {
  json object = {{"state", to_string(event.state)}};
  put_time(object, "deliveredAt", event.delivered_at);
  put_text(object, "message", event.message);
  return object;
}

json encode_status(const ModelRunStatus& status) {
  json object = {{"observedGeneration", status.observed_generation}};
  for (const auto& [name, field] : kTexts) put_text(object, name, status.*field);
  put_text(object, "phase", std::string(to_string(status.phase)));
  put_text(object, "commitShort", status.commit_sha.substr(0, 12));
  if (status.run_number != 0) object["runNumber"] = status.run_number;
  if (status.attempts > 0) object["attempts"] = status.attempts;
  if (status.free_attempts > 0) object["freeAttempts"] = status.free_attempts;
  if (status.preemptions > 0) object["preemptions"] = status.preemptions;
  if (status.job_suspended) object["jobSuspended"] = true;
  if (status.project_generation > 0) object["projectGeneration"] = status.project_generation;
  if (status.project_spec) object["projectSpec"] = status.project_spec->parse();
  if (const auto& from = status.reused_from) {
    object["reusedFrom"] = {{"name", from->name}, {"uid", from->uid}};
    if (from->run_number > 0) object["reusedFrom"]["runNumber"] = from->run_number;
  }
  put_time(object, "startedAt", status.started_at);
  put_time(object, "finishedAt", status.finished_at);
  for (const auto& [name, field] : kTimeline) {
    if (status.timeline.*field) put_time(object["timeline"], name, status.timeline.*field);
  }
  for (const auto& [name, field] : kProvenance) {
    if (!(status.provenance.*field).empty()) object["provenance"][name] = status.provenance.*field;
  }
  put_result(object, status);
  if (is_final(status.phase)) put_end(object, status);
  object["conditions"] = encode_conditions(status.conditions);
  if (status.end_event) object["endEvent"] = encode_end_event(*status.end_event);
  return object;
}

json status_update(std::string_view kind, const ObjectMeta& meta, json status) {
  return {{"apiVersion", kApiVersion},
          {"kind", kind},
          {"metadata",
           {{"namespace", meta.namespace_},
            {"name", meta.name},
            {"uid", meta.uid},
            {"resourceVersion", std::to_string(meta.resource_version)}}},
          {"status", std::move(status)}};
}

}  // namespace modelrun::api
