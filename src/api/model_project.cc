#include "api/model_project.h"

#include "api/json_access.h"

namespace modelrun::api {
namespace {

using nlohmann::json;

void take(const json& object, const char* name, json& target) {
  if (const auto& value = member(object, name); !value.is_null()) target = value;
}

void take(const json& object, const char* name, std::int64_t& target) {
  target = bounded_at(object, name, 0, kMaxSetting).value_or(target);
}

std::optional<std::int64_t> seconds_at(const json& object, const char* name) {
  return bounded_at(object, name, 0, kMaxSetting);
}

RuntimeSpec decode_runtime(const json& object) {
  RuntimeSpec runtime;
  runtime.image = text_at(object, "image");
  runtime.image_pull_policy = text_at(object, "imagePullPolicy");
  take(object, "imagePullSecrets", runtime.image_pull_secrets);
  for (const auto& word : member(object, "command")) runtime.command.push_back(word.get<std::string>());
  take(object, "env", runtime.env);
  take(object, "resources", runtime.resources);
  runtime.runtime_class_name = text_at(object, "runtimeClassName");
  take(object, "nodeSelector", runtime.node_selector);
  take(object, "tolerations", runtime.tolerations);
  runtime.priority_class_name = text_at(object, "priorityClassName");
  runtime.pod_labels = texts_of(member(object, "podLabels"));
  runtime.pod_annotations = texts_of(member(object, "podAnnotations"));
  if (const auto& value = member(object, "hostUsers"); value.is_boolean()) runtime.host_users = value.get<bool>();
  return runtime;
}

LimitsSpec decode_limits(const json& object) {
  LimitsSpec limits;
  limits.timeout_seconds = seconds_at(object, "timeoutSeconds");
  take(object, "pendingSeconds", limits.pending_seconds);
  limits.queue_seconds = seconds_at(object, "queueSeconds");
  take(object, "attempts", limits.attempts);
  take(object, "stdoutBytes", limits.stdout_bytes);
  take(object, "outputBytes", limits.output_bytes);
  take(object, "artifactBytes", limits.artifact_bytes);
  limits.fail_on_artifact_loss = text_at(object, "onArtifactLoss") == "Fail";
  limits.max_concurrent_runs = int_at(object, "maxConcurrentRuns");
  return limits;
}

HistorySpec decode_history(const json& object) {
  HistorySpec history;
  take(object, "podSeconds", history.pod_seconds);
  history.successful = int_at(object, "successful");
  history.failed = int_at(object, "failed");
  history.ttl_seconds = seconds_at(object, "ttlSecondsAfterFinished");
  history.include_applied = bool_at(object, "includeApplied");
  return history;
}

WarmSpec decode_warm(const json& object) {
  WarmSpec warm;
  take(object, "sandboxes", warm.sandboxes);
  take(object, "maxAgeSeconds", warm.max_age_seconds);
  const auto& preload = member(object, "preload");
  if (!preload.is_array()) return warm;
  warm.preload.emplace();
  for (const auto& name : preload) {
    if (name.is_string()) warm.preload->push_back(name.get<std::string>());
  }
  return warm;
}

void take_run_settings(const json& spec, ModelProject& project) {
  if (!spec.is_object()) return;
  json settings = spec;
  settings.erase("history");
  settings.erase("warm");
  settings.erase("suspend");
  project.run_settings = settings;
  project.settings_bytes = project.run_settings->size();
  if (project.settings_bytes < kMaxSettingsBytes) return;
  project.run_settings.reset();
  project.runtime = {};
}

ModelProjectStatus decode_project_status(const json& object) {
  ModelProjectStatus status;
  status.observed_generation = int_at(object, "observedGeneration").value_or(-1);
  status.last_run_number = run_number_at(object, "lastRunNumber");
  for (const auto& item : member(object, "active")) {
    status.active.push_back({text_at(item, "uid"), text_at(item, "name"), run_number_at(item, "number"),
                             int_at(item, "generation").value_or(0)});
  }
  take(object, "queuedRuns", status.queued_runs);
  status.default_branch = text_at(object, "defaultBranch");
  status.last_commit = text_at(object, "lastCommit");
  if (const auto& warm = member(object, "warm"); warm.is_object()) {
    status.warm = {int_at(warm, "ready").value_or(0), int_at(warm, "wanted").value_or(0)};
  }
  status.conditions = decode_conditions(member(object, "conditions"));
  return status;
}

}  // namespace

std::int64_t sound_run_number(std::int64_t number) {
  return number > 0 && number <= kMaxRunNumber ? number : 0;
}

std::int64_t run_number_at(const json& object, std::string_view name) {
  return sound_run_number(int_at(object, name).value_or(0));
}

ModelProject decode_model_project(const json& object) {
  const auto& spec = member(object, "spec");
  const auto& git = member(member(spec, "source"), "git");
  const auto& data = member(spec, "data");
  ModelProject project;
  project.meta = decode_meta(object);
  project.git = {text_at(git, "url"), text_at(git, "defaultBranch"), text_at(member(git, "secretRef"), "name")};
  project.runtime = decode_runtime(member(spec, "runtime"));
  project.data = {text_at(member(data, "persistentVolumeClaim"), "claimName"),
                  text_at(member(data, "configMap"), "name"), text_at(data, "snapshotRef")};
  project.limits = decode_limits(member(spec, "limits"));
  project.history = decode_history(member(spec, "history"));
  project.warm = decode_warm(member(spec, "warm"));
  project.suspend = bool_at(spec, "suspend");
  take_run_settings(spec, project);
  project.status = decode_project_status(member(object, "status"));
  return project;
}

json encode_status(const ModelProjectStatus& status) {
  json object = {{"observedGeneration", status.observed_generation},
                 {"lastRunNumber", status.last_run_number},
                 {"active", json::array()},
                 {"activeRuns", status.active.size()},
                 {"queuedRuns", status.queued_runs},
                 {"conditions", encode_conditions(status.conditions)}};
  for (const auto& run : status.active) {
    object["active"].push_back(
        {{"uid", run.uid}, {"name", run.name}, {"number", run.number}, {"generation", run.generation}});
  }
  put_text(object, "defaultBranch", status.default_branch);
  put_text(object, "lastCommit", status.last_commit);
  if (status.warm) {
    const auto& [ready, wanted] = *status.warm;
    object["warm"] = {
        {"ready", ready}, {"wanted", wanted}, {"sandboxes", std::to_string(ready) + "/" + std::to_string(wanted)}};
  }
  return object;
}

}  // namespace modelrun::api
