// Builds the ModelRun object that a client creates, from what a person or a program asks for. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/model_run.h"

namespace modelrun::api {

// A field that is empty or nullopt is left out of the object, except `project`.
struct RunRequest {
  std::string namespace_;
  std::string project;
  std::string model;  // empty: the whole project
  std::string branch;
  std::string commit;
  std::optional<nlohmann::json> parameters;
  std::optional<nlohmann::json> points{};  // an array; then there are no parameters
  std::optional<std::int64_t> point_timeout_seconds{};
  std::optional<std::int64_t> max_failed_points{};
  std::optional<std::int64_t> timeout_seconds;
  std::optional<bool> fail_on_artifact_loss{};  // onArtifactLoss is Fail, or Warn
  Reuse reuse = Reuse::kNever;                  // kNever, the default of the CRD, is left out
  std::string name;                             // empty: the API server makes the name "<project>-xxxxx" (generateName)
  std::string created_by;                       // label kLabelCreatedBy: "cli" or "gateway"
};

// Returns the complete object: apiVersion, kind, metadata and spec.
nlohmann::json run_object(const RunRequest& request);

// The fields of a ModelRun's spec that run_object() may set, and no others. Two requests are the same when these are: a
// field that the API server holds besides them is a default of the CRD, or was changed later (cancel, suspend).
nlohmann::json requested_spec(const nlohmann::json& spec);

// Returns a request that repeats `run`: same namespace, project, model, parameters and time-out, and the commit that
// `run` was pinned to, or else the commit or the branch that its spec names. `name` and `created_by` stay empty;
// spec.reuse is not repeated, so the new run is executed.
RunRequest same_again(const ModelRun& run);

}  // namespace modelrun::api
