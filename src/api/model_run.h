// modelrun.dev/v1alpha1 ModelRun: what is to run, and what came of it. Field by field in docs/resources.md.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "api/object_meta.h"
#include "base/error.h"

namespace modelrun::api {

inline constexpr std::string_view kApiVersion = "modelrun.dev/v1alpha1";
inline constexpr std::string_view kLabelRunUid = "modelrun.dev/run-uid";
inline constexpr std::string_view kLabelRun = "modelrun.dev/run";  // an annotation: the run's name
inline constexpr std::string_view kLabelProject = "modelrun.dev/project";
inline constexpr std::string_view kLabelAttempt = "modelrun.dev/attempt";
// Who made the run: "cli" and "gateway" runs fall under the project's history limits, applied ones do not.
inline constexpr std::string_view kLabelCreatedBy = "modelrun.dev/created-by";

enum class Scope { kProject, kModel };

// Whether the result of an identical run will do.
enum class Reuse {
  kNever,
  kJoin,   // of one that is under way
  kReuse,  // of one that has succeeded
};

struct ModelRunSpec {
  std::string project;
  Scope scope = Scope::kProject;
  std::string model_name;
  std::string branch;
  std::string commit_sha;
  std::optional<nlohmann::json> parameters;  // absent and {} differ: absent means no file
  std::optional<std::int64_t> timeout_seconds;
  Reuse reuse = Reuse::kNever;
  bool cancel = false;
  bool suspend = false;

  // "run.py" or "model/<modelName>.py".
  [[nodiscard]] std::string entry_point() const;
};

enum class Phase { kNone, kPending, kRunning, kSucceeded, kFailed, kTimedOut, kCancelled };
std::string_view to_string(Phase phase);
// A final phase never changes again.
inline bool is_final(Phase phase) {
  return phase >= Phase::kSucceeded;
}

struct RunError {
  std::string reason;
  std::string message;
  friend bool operator==(const RunError&, const RunError&) = default;
};

struct ArtifactStatus {
  std::string name;
  std::uint64_t size = 0;
  std::string sha256;
  std::string media_type;
  bool stored = false;
  friend bool operator==(const ArtifactStatus&, const ArtifactStatus&) = default;
};

// The full payload in ConfigMaps that the run owns: base64 parts, in order, of a gzip-compressed result frame.
struct ResultRef {
  std::vector<std::string> config_maps;
  std::string sha256;  // of the uncompressed payload
  std::uint64_t bytes = 0;
  friend bool operator==(const ResultRef&, const ResultRef&) = default;
};

// Another run of the namespace.
struct RunRef {
  std::string name;
  std::string uid;
  std::int64_t run_number = 0;  // 0: it had none yet
  friend bool operator==(const RunRef&, const RunRef&) = default;
};

struct Timeline {
  std::optional<Time> accepted, resumed, resolved, queued, job_created, scheduled, started, finished, recorded;
  friend bool operator==(const Timeline&, const Timeline&) = default;
};

struct Provenance {
  std::string image;
  std::string image_id;
  std::string parameters_digest;
  std::string source_digest;
  std::string outputs_digest;
  friend bool operator==(const Provenance&, const Provenance&) = default;
};

struct ModelRunStatus {
  std::int64_t observed_generation = -1;
  Phase phase = Phase::kNone;
  std::string run_id;
  std::int64_t run_number = 0;  // 0: not given yet
  std::string branch;
  std::string commit_sha;
  std::optional<int> exit_code;
  std::optional<Time> started_at, finished_at;
  std::string out, err;  // stdout, stderr: what stands in status of them
  bool out_truncated = false, err_truncated = false;
  std::optional<nlohmann::json> outputs;
  std::optional<ResultRef> result_ref;
  bool truncated = false;
  std::vector<ArtifactStatus> artifacts;
  std::string data_snapshot_ref;
  std::optional<RunError> error;
  std::string message, warning;
  std::string job_name, pod_name, pod_uid, node_name;
  std::int64_t attempts = 0;
  std::string project_uid;
  std::int64_t project_generation = 0;
  std::optional<nlohmann::json> project_spec;  // ModelProject::run_settings of that generation, until the run has ended
  std::string identity;  // runs with the same one would do the same; empty: none is like it, or not known yet
  std::optional<RunRef> reused_from;  // whose result this is, or is to be
  Timeline timeline;
  Provenance provenance;
  Conditions conditions;

  friend bool operator==(const ModelRunStatus&, const ModelRunStatus&) = default;
};

struct ModelRun {
  ObjectMeta meta;
  std::string created_by;  // label kLabelCreatedBy
  ModelRunSpec spec;
  ModelRunStatus status;
};

ModelRun decode_model_run(const nlohmann::json& object);
nlohmann::json encode_status(const ModelRunStatus& status);

// The body of a PUT to the status subresource: it is refused with a conflict unless `meta.resource_version` is current.
nlohmann::json status_update(std::string_view kind, const ObjectMeta& meta, nlohmann::json status);

}  // namespace modelrun::api
