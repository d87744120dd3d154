// ModelProject (modelrun.dev/v1alpha1): where the models of a project are and how its runs are executed. The structs
// mirror the resource; docs/resources.md explains each field. An optional or empty field means that the object does
// not set it; the other initial values are the CRD's defaults. Fields whose name ends in _seconds are seconds, those
// in _bytes are bytes. Pure, no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/condition.h"
#include "api/json_text.h"
#include "api/object_meta.h"

namespace modelrun::api {

struct GitSource {
  std::string url;
  std::string default_branch;
  std::string secret_name;
};

// Fields that are copied into the pod unchanged stay JSON; the CRD's schema has checked their structure.
struct RuntimeSpec {
  std::string image;
  std::string image_pull_policy;
  nlohmann::json image_pull_secrets = nlohmann::json::array();
  std::vector<std::string> command;
  nlohmann::json env = nlohmann::json::array();
  nlohmann::json resources = nlohmann::json::object();
  std::string runtime_class_name;
  nlohmann::json node_selector = nlohmann::json::object();
  nlohmann::json tolerations = nlohmann::json::array();
  std::string priority_class_name;
  std::optional<bool> host_users;
  // Of the Job and the pod, at most 8 each by the CRD; only those that api/pod_metadata.h lets through are honoured.
  std::map<std::string, std::string> pod_labels, pod_annotations;
};

struct DataSpec {
  std::string claim_name;
  std::string config_map;
  std::string snapshot_ref;
};

struct LimitsSpec {
  std::optional<std::int64_t> timeout_seconds;
  std::int64_t pending_seconds = 600;
  std::optional<std::int64_t> queue_seconds;
  std::int64_t attempts = 3;
  std::int64_t stdout_bytes = 256 * 1024;
  std::int64_t output_bytes = 1024 * 1024;
  std::int64_t artifact_bytes = 4 * 1024 * 1024;  // of all artifacts, compressed; 0 to 8 MiB
  bool fail_on_artifact_loss = false;             // onArtifactLoss is Fail, not Warn
  std::optional<std::int64_t> max_concurrent_runs;
};

// Sandboxes that stand ready before there are runs (spec.warm).
struct WarmSpec {
  std::int64_t sandboxes = 0;  // 0 to 100
  std::optional<std::vector<std::string>>
      preload;                          // names of modules; nullopt: those of numpy and pandas that are there
  std::int64_t max_age_seconds = 3600;  // after which an unused one is replaced
};

struct HistorySpec {
  std::int64_t pod_seconds = 300;
  std::optional<std::int64_t> successful;
  std::optional<std::int64_t> failed;
  std::optional<std::int64_t> ttl_seconds;
  bool include_applied = false;

  friend bool operator==(const HistorySpec&, const HistorySpec&) = default;
};

// Bounds for numbers that are decoded, far above what the CRDs allow and the operator writes. Whoever may write a
// status, or has written an object before the CRD had its rules, may have put any integer there; with these bounds
// arithmetic cannot overflow. A run number above its bound counts as none. Of everything else above its bound, the
// bound is taken.
inline constexpr std::int64_t kMaxRunNumber = std::int64_t{1} << 53U;
inline constexpr std::int64_t kMaxAttempts = 1'000'000;
inline constexpr std::int64_t kMaxSetting = 1'000'000'000;  // of seconds, bytes or attempts

// A run that has been given a run number and that holds a concurrency slot until it has ended.
struct ActiveRun {
  std::string uid;
  std::string name;
  std::int64_t number = 0;
  // metadata.generation of the run when it was admitted. After that only `cancel` and `suspend` can change in its
  // spec. 0: the operator that admitted the run did not record it.
  std::int64_t generation = 0;
  friend bool operator==(const ActiveRun&, const ActiveRun&) = default;
};

// How many of the project's standbys are ready, of how many that are wanted; absent while none are wanted.
struct WarmStatus {
  std::int64_t ready = 0;
  std::int64_t wanted = 0;
  friend bool operator==(const WarmStatus&, const WarmStatus&) = default;
};

struct ModelProjectStatus {
  std::int64_t observed_generation = -1;  // -1: no operator has seen the project yet
  std::int64_t last_run_number = 0;
  std::vector<ActiveRun> active;
  std::int64_t queued_runs = 0;
  std::string default_branch;
  std::string last_commit;
  std::optional<WarmStatus> warm;
  Conditions conditions;
  friend bool operator==(const ModelProjectStatus&, const ModelProjectStatus&) = default;
};

// The run number, or 0 if no operator can have given it.
[[nodiscard]] std::int64_t sound_run_number(std::int64_t number);
// The sound_run_number() of the member `name`; 0 if there is none.
std::int64_t run_number_at(const nlohmann::json& object, std::string_view name);

// A project's settings as JSON must be smaller than this. Each run records them, and together with the parameters and
// the rest of a run they stay well under etcd's limit of 1.5 MiB for an object.
inline constexpr std::size_t kMaxSettingsBytes = 256 * 1024;

struct ModelProject {
  ObjectMeta meta;
  GitSource git;
  RuntimeSpec runtime;
  DataSpec data;
  LimitsSpec limits;
  HistorySpec history;
  WarmSpec warm;
  bool suspend = false;
  // The object's `spec` without `history`, `warm` and `suspend`. A run records it at its admission and uses it for all
  // of its attempts. nullopt when the object has no spec, and when they are too large.
  std::optional<JsonText> run_settings;
  std::size_t settings_bytes = 0;  // size of run_settings as text
  ModelProjectStatus status;
};

// Decodes an object that the API server has validated against the CRD. An absent member gets the default of its field.
// Of settings that are too large (settings_bytes >= kMaxSettingsBytes) only the short ones are kept: no run can use
// them, and a namespace may have many such projects. Throws nlohmann::json::exception when a word of runtime.command is
// not a string, which the CRD's schema rules out.
ModelProject decode_model_project(const nlohmann::json& object);
// Returns the value of `status`, for status_update() in api/model_run.h. Adds activeRuns, the number of active runs.
nlohmann::json encode_status(const ModelProjectStatus& status);

}  // namespace modelrun::api
