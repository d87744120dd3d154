// ModelSweep (modelrun.dev/v1alpha1): a model for each point of a space of parameters, on one commit, and one table of
// what came out. The structs mirror the resource, as those of api/model_run.h do; docs/resources.md explains each
// field. Pure, no I/O.
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
#include "api/model_run.h"
#include "api/object_meta.h"

namespace modelrun::api {

// On each run that a sweep has made. The label's value is the sweep's UID, the annotation's its name.
inline constexpr std::string_view kLabelSweepUid = "modelrun.dev/sweep-uid";
inline constexpr std::string_view kAnnotationSweep = "modelrun.dev/sweep";
// The index in the sweep of the run's first point.
inline constexpr std::string_view kAnnotationFirstPoint = "modelrun.dev/first-point";

inline constexpr std::int64_t kDefaultParallelism = 4;
inline constexpr std::int64_t kMaxParallelism = 100;

struct SweepLimits {
  std::int64_t parallelism = kDefaultParallelism;  // runs at a time, 1 to kMaxParallelism
  std::optional<std::int64_t> timeout_seconds;     // of one point; nullopt: as the project says
  std::optional<std::int64_t> max_failed_points;   // nullopt: all points are tried
};

struct ModelSweepSpec {
  std::string project;
  Scope scope = Scope::kProject;
  std::string model_name;
  std::string branch;
  std::string commit_sha;
  JsonText parameters;  // an object, or null: none
  JsonText space;       // see sweep/space.h; null where it was dropped
  std::vector<std::string> outputs;
  SweepLimits limits;
  bool cancel = false;
  bool suspend = false;
};

struct SweepPoints {
  std::int64_t total = 0;
  std::int64_t succeeded = 0, failed = 0, running = 0;
  friend bool operator==(const SweepPoints&, const SweepPoints&) = default;
};

// A run that the sweep has made.
struct SweepRunStatus {
  std::string name;
  std::int64_t first = 0, count = 0;  // its points
  Phase phase = Phase::kNone;
  friend bool operator==(const SweepRunStatus&, const SweepRunStatus&) = default;
};

struct OutputSummary {
  std::string output;
  std::int64_t count = 0;
  double mean = 0;
  std::optional<double> stddev;
  double min = 0, p5 = 0, p50 = 0, p95 = 0, max = 0;
  std::int64_t min_point = 0, max_point = 0;
  friend bool operator==(const OutputSummary&, const OutputSummary&) = default;
};

struct OutputSensitivity {
  std::string output, axis;
  std::string measure;  // Range, RangeOfMeans or RankCorrelation
  std::int64_t count = 0;
  std::optional<double> low, high;  // of the two ranges
  std::string low_at, high_at;      // JSON texts; empty: too long to be shown
  std::optional<double> correlation;
  friend bool operator==(const OutputSensitivity&, const OutputSensitivity&) = default;
};

// Where the table is: ConfigMaps that the sweep owns, with the parts of pack_table() (sweep/table.h) in this order.
struct TableRef {
  std::vector<std::string> config_maps;
  std::string sha256;
  std::uint64_t bytes = 0;
  std::int64_t rows = 0;
  friend bool operator==(const TableRef&, const TableRef&) = default;
};

struct ModelSweepStatus {
  std::int64_t observed_generation = -1;  // -1: no operator has seen the sweep yet
  Phase phase = Phase::kNone;             // never kTimedOut
  std::string branch;
  std::string commit_sha;
  std::optional<Time> started_at, finished_at;
  std::optional<SweepPoints> points;
  std::vector<SweepRunStatus> runs;
  std::vector<OutputSummary> summary;
  std::vector<OutputSensitivity> sensitivity;
  std::optional<TableRef> table_ref;
  std::optional<RunError> error;
  std::string message, warning;
  std::string project_uid;
  Conditions conditions;
  friend bool operator==(const ModelSweepStatus&, const ModelSweepStatus&) = default;
};

struct ModelSweep {
  ObjectMeta meta;
  ModelSweepSpec spec;
  ModelSweepStatus status;
  std::map<std::string, std::string> labels;  // all of metadata.labels; empty in the operator's cache
  std::optional<TraceContext> trace;          // annotation kAnnotationTraceparent, if it is one
};

// Decodes an object that the API server has validated against the CRD. An absent member gets the default of its field,
// and so does an unknown word in an enumeration. Never throws: list elements of the wrong type are left out.
ModelSweep decode_model_sweep(const nlohmann::json& object);
// Returns the value of `status`, for status_update() in api/model_run.h. Adds the derived fields commitShort, progress,
// durationSeconds and duration.
nlohmann::json encode_status(const ModelSweepStatus& status);

}  // namespace modelrun::api
