#include "api/sweep_object.h"

#include "api/json_access.h"
#include "api/model_run.h"

namespace modelrun::api {
namespace {

void put_limit(nlohmann::json& limits, const char* name, const std::optional<std::int64_t>& value) {
  if (value) limits[name] = *value;
}

}  // namespace

nlohmann::json sweep_object(const SweepRequest& request) {
  nlohmann::json spec{
      {"project", request.project}, {"scope", request.model.empty() ? "project" : "model"}, {"space", request.space}};
  put_text(spec, "modelName", request.model);
  put_text(spec, "branch", request.branch);
  put_text(spec, "commitSHA", request.commit);
  if (request.parameters) spec["parameters"] = *request.parameters;
  if (!request.outputs.empty()) spec["outputs"] = request.outputs;
  nlohmann::json limits = nlohmann::json::object();
  put_limit(limits, "parallelism", request.parallelism);
  put_limit(limits, "timeoutSeconds", request.timeout_seconds);
  put_limit(limits, "maxFailedPoints", request.max_failed_points);
  if (!limits.empty()) spec["limits"] = std::move(limits);
  nlohmann::json metadata{{"namespace", request.namespace_}};
  if (request.name.empty()) {
    metadata["generateName"] = request.project + "-";
  } else {
    metadata["name"] = request.name;
  }
  if (!request.created_by.empty()) metadata["labels"] = {{kLabelCreatedBy, request.created_by}};
  return {{"apiVersion", kApiVersion},
          {"kind", "ModelSweep"},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)}};
}

nlohmann::json requested_sweep_spec(const nlohmann::json& spec) {
  nlohmann::json requested = nlohmann::json::object();
  for (const char* field :
       {"project", "scope", "modelName", "branch", "commitSHA", "parameters", "space", "outputs", "limits"}) {
    if (const auto& value = member(spec, field); !value.is_null()) requested[field] = value;
  }
  return requested;
}

}  // namespace modelrun::api
