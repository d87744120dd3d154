// Builds the ModelSweep object that a client creates, from what a person or a program asks for. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace modelrun::api {

// A field that is empty or nullopt is left out of the object, except `project` and `space`.
struct SweepRequest {
  std::string namespace_;
  std::string project;
  std::string model;  // empty: the whole project
  std::string branch;
  std::string commit;
  std::optional<nlohmann::json> parameters{};  // an object: what every point starts from
  nlohmann::json space;                        // as spec.space of a ModelSweep; sweep/space.h reads it
  std::vector<std::string> outputs{};
  std::optional<std::int64_t> parallelism{};
  std::optional<std::int64_t> timeout_seconds{};  // of one point
  std::optional<std::int64_t> max_failed_points{};
  std::string name{};        // empty: the API server makes the name "<project>-xxxxx" (generateName)
  std::string created_by{};  // label kLabelCreatedBy: "cli" or "gateway"
};

// Returns the complete object: apiVersion, kind, metadata and spec.
nlohmann::json sweep_object(const SweepRequest& request);

// The fields of a ModelSweep's spec that sweep_object() may set, and no others. Two requests are the same when these
// are: a field that the API server holds besides them was changed later (cancel, suspend).
nlohmann::json requested_sweep_spec(const nlohmann::json& spec);

}  // namespace modelrun::api
