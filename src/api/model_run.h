// ModelRun (modelrun.dev/v1alpha1): what a run is to execute (spec) and how it went (status). The structs mirror the
// resource; docs/resources.md explains each field. An optional or empty field means that the object does not set it.
// Pure, no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "api/json_text.h"
#include "api/object_meta.h"
#include "api/parameters.h"
#include "api/trace_context.h"
#include "base/error.h"

namespace modelrun::api {

inline constexpr std::string_view kApiVersion = "modelrun.dev/v1alpha1";
inline constexpr std::string_view kLabelRunUid = "modelrun.dev/run-uid";
inline constexpr std::string_view kAnnotationRun = "modelrun.dev/run";  // its value: the name of the run
inline constexpr std::string_view kLabelProject = "modelrun.dev/project";
inline constexpr std::string_view kLabelAttempt = "modelrun.dev/attempt";
// On everything that the operator makes. It watches Jobs and Pods by it.
inline constexpr std::string_view kLabelManagedBy = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kManagedByOperator = "modelrun";
inline constexpr std::string_view kOursSelector = "app.kubernetes.io/managed-by=modelrun";
// The tool that created the run, "cli" or "gateway". The history limits of the project apply to runs with one of
// these values; they apply to other runs, such as those that GitOps applies, only if history.includeApplied is true.
inline constexpr std::string_view kLabelCreatedBy = "modelrun.dev/created-by";
// The gateway's caller who asked for the run. Whoever creates a ModelRun may write this annotation: it tells, and
// proves nothing.
inline constexpr std::string_view kAnnotationRequestedBy = "modelrun.dev/requested-by";

enum class Scope { kProject, kModel };

// Whether the run may take the result of an identical run instead of being executed (docs/resources.md).
enum class Reuse {
  kNever,
  kJoin,   // it waits for an identical run that is under way, and takes its result
  kReuse,  // it takes the result of an identical run that has succeeded
};

struct ModelRunSpec {
  std::string project;
  Scope scope = Scope::kProject;
  std::string model_name;
  std::string branch;
  std::string commit_sha;
  std::optional<Parameters> parameters;  // nullopt: no parameters.json; {}: a file with {}
  // A list of parameters, each of which the entry point is executed with (api/points.h); then there are no
  // `parameters`.
  std::optional<Parameters> points;
  std::int64_t point_count = 0;                       // elements of `points`
  std::optional<std::int64_t> point_timeout_seconds;  // of one point; nullopt: as the run's
  std::optional<std::int64_t> max_failed_points;      // no further point is begun when more have failed
  std::optional<std::int64_t> timeout_seconds;
  std::optional<bool> fail_on_artifact_loss;  // onArtifactLoss is Fail, or Warn; nullopt: as the project says
  Reuse reuse = Reuse::kNever;
  bool cancel = false;
  bool suspend = false;

  // Returns the path of the entry point in the repository: "run.py" or "model/<modelName>.py".
  [[nodiscard]] std::string entry_point() const;
};

// The order matters: is_final() compares.
enum class Phase { kNone, kPending, kRunning, kSucceeded, kFailed, kTimedOut, kCancelled };
// Returns the word in `status.phase`, for example "Running"; "" for kNone.
std::string_view to_string(Phase phase);
// kNone for a word that is none of them.
Phase parse_phase(std::string_view word);
// Whether the run has ended. A final phase never changes again.
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
  std::uint64_t size = 0;  // bytes
  std::string sha256;      // of the bytes: 64 lower-case hex digits
  std::string media_type;  // empty: not known
  bool stored = false;     // the bytes are in the full result
  friend bool operator==(const ArtifactStatus&, const ArtifactStatus&) = default;
};

// Where the full result is: ConfigMaps that the run owns. Their parts, in the order of `config_maps`, are the base64
// of the gzip of one result frame (encode_frame() in api/sandbox.h). kube/payload.h reads it.
struct ResultRef {
  std::vector<std::string> config_maps;
  std::string sha256;       // of the frame before compression: 64 lower-case hex digits
  std::uint64_t bytes = 0;  // size of the frame before compression, in bytes
  friend bool operator==(const ResultRef&, const ResultRef&) = default;
};

// How far the points of a run are, and where their rows are (api/points.h). kube/point_rows.h reads them.
struct PointsStatus {
  std::int64_t total = 0;
  std::int64_t succeeded = 0, failed = 0;  // that have a row; one that ran too long has failed
  std::vector<std::string> config_maps;    // that the run owns
  [[nodiscard]] std::int64_t done() const { return succeeded + failed; }
  friend bool operator==(const PointsStatus&, const PointsStatus&) = default;
};

// Refers to another run of the same namespace.
struct RunRef {
  std::string name;
  std::string uid;
  std::int64_t run_number = 0;  // 0: the run had no number when the reference was written
  friend bool operator==(const RunRef&, const RunRef&) = default;
};

// When the run reached each step. `job_created` or `adopted`, `job_resumed`, `scheduled` and `started` are those of the
// latest attempt. `job_resumed` is absent if the Job was not suspended, or for less than a second.
struct Timeline {
  std::optional<Time> accepted, resumed, resolved, queued, job_created, job_resumed, adopted, scheduled, started,
      finished, recorded;
  friend bool operator==(const Timeline&, const Timeline&) = default;
};

// What the result was made from. A digest is "sha256:" and 64 hex digits.
struct Provenance {
  std::string image;     // as it was asked for
  std::string image_id;  // as the kubelet reports it
  std::string parameters_digest;
  std::string source_digest;
  std::string outputs_digest;
  std::string rings;  // as ResultFrame::rings
  // How the latest attempt started, if the project has standbys (api/standby.h): kStartWarm or kStartCold. Empty if it
  // has none.
  std::string start;
  std::string cold_reason;  // why it started cold, a word
  friend bool operator==(const Provenance&, const Provenance&) = default;
};

inline constexpr std::string_view kStartWarm = "Warm";
inline constexpr std::string_view kStartCold = "Cold";

// What becomes of the CloudEvent that tells of the run's end (src/cloudevents). A run is owed one from the write of its
// final phase on, if there was a sink then.
enum class EndEventState { kPending, kDelivered, kGivenUp };
std::string_view to_string(EndEventState state);

struct EndEvent {
  EndEventState state = EndEventState::kPending;
  std::optional<Time> delivered_at;  // with kDelivered: when the sink's answer came
  std::string message;               // with kGivenUp: why
  friend bool operator==(const EndEvent&, const EndEvent&) = default;
};

nlohmann::json encode_end_event(const EndEvent& event);

struct ModelRunStatus {
  std::int64_t observed_generation = -1;  // -1: no operator has seen the run yet
  Phase phase = Phase::kNone;
  std::string run_id;
  std::int64_t run_number = 0;  // 0: none has been given
  std::string branch;
  std::string commit_sha;
  std::optional<int> exit_code;
  std::optional<Time> started_at, finished_at;
  std::string out, err;  // the parts of stdout and stderr that the status holds
  bool out_truncated = false, err_truncated = false;
  std::optional<JsonText> outputs;
  std::optional<ResultRef> result_ref;
  std::optional<PointsStatus> points;
  bool truncated = false;  // the status does not hold the whole result
  std::vector<ArtifactStatus> artifacts;
  std::string data_snapshot_ref;
  std::optional<RunError> error;
  std::string message, warning;
  std::string job_name, pod_name, pod_uid, node_name;
  std::int64_t attempts = 0;
  std::int64_t free_attempts = 0;  // those of them that do not count in limits.attempts
  std::int64_t preemptions = 0;    // those of them that ended because their Job was suspended
  // The Job of the present attempt is made suspended: that of the attempt before was suspended, and whoever did so has
  // not let the run go on yet.
  bool job_suspended = false;
  std::string project_uid;
  std::int64_t project_generation = 0;
  // ModelProject::run_settings of that generation; removed when the run has ended.
  std::optional<JsonText> project_spec;
  // A digest of all that decides what the run does: runs with the same identity are identical. Empty when it is not
  // known yet, and when no run may take this run's result.
  std::string identity;
  std::optional<RunRef> reused_from;  // the run whose result this run has, or waits for
  Timeline timeline;
  Provenance provenance;
  Conditions conditions;
  std::optional<EndEvent> end_event;  // nullopt: none is owed, and none ever will be once the phase is final
  [[nodiscard]] bool owes_end_event() const { return end_event && end_event->state == EndEventState::kPending; }

  friend bool operator==(const ModelRunStatus&, const ModelRunStatus&) = default;
};

struct ModelRun {
  ObjectMeta meta;
  std::string created_by;    // label kLabelCreatedBy
  std::string requested_by;  // annotation kAnnotationRequestedBy, as one line of at most 256 bytes
  ModelRunSpec spec;
  ModelRunStatus status;
  std::map<std::string, std::string> labels;  // all of metadata.labels; empty in the operator's cache
  std::optional<TraceContext> trace;          // annotation kAnnotationTraceparent, if it is one
};

// Decodes an object that the API server has validated against the CRD. An absent member gets the default of its
// field, and so does an unknown word in an enumeration. Throws nlohmann::json::exception when a name in
// resultRef.configMaps or points.configMaps is not a string, which the CRD's schema rules out.
ModelRun decode_model_run(const nlohmann::json& object);
// Returns the value of `status`, for status_update(). Fields without a value are left out, except that exit code and
// streams are always there once the phase is final. Adds the derived fields commitShort, durationSeconds and
// duration.
nlohmann::json encode_status(const ModelRunStatus& status);

// Returns the body of a PUT to the status subresource of a ModelRun or ModelProject (`kind`). `meta` is that of the
// object on which the new status was decided: the API server refuses the write with a conflict (409) when the object
// has changed since, or is another one (UID) under the same name.
nlohmann::json status_update(std::string_view kind, const ObjectMeta& meta, nlohmann::json status);

}  // namespace modelrun::api
