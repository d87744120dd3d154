#include "api/run_object.h"

#include "api/json_access.h"

namespace modelrun::api {

namespace {

std::string_view word_of(Reuse reuse) {
  switch (reuse) {
    case Reuse::kNever:
      return "Never";
    case Reuse::kJoin:
      return "Join";
    case Reuse::kReuse:
      return "Reuse";
  }
  return "Never";
}

}  // namespace

nlohmann::json run_object(const RunRequest& request) {
  nlohmann::json spec{{"project", request.project}, {"scope", request.model.empty() ? "project" : "model"}};
  put_text(spec, "modelName", request.model);
  put_text(spec, "branch", request.branch);
  put_text(spec, "commitSHA", request.commit);
  if (request.parameters) spec["parameters"] = *request.parameters;
  if (request.points) spec["points"] = *request.points;
  if (request.point_timeout_seconds) spec["pointTimeoutSeconds"] = *request.point_timeout_seconds;
  if (request.max_failed_points) spec["maxFailedPoints"] = *request.max_failed_points;
  if (request.timeout_seconds) spec["timeoutSeconds"] = *request.timeout_seconds;
  if (const auto& fails = request.fail_on_artifact_loss) spec["onArtifactLoss"] = *fails ? "Fail" : "Warn";
  if (request.reuse != Reuse::kNever) spec["reuse"] = word_of(request.reuse);
  nlohmann::json metadata{{"namespace", request.namespace_}};
  if (request.name.empty()) {
    metadata["generateName"] = request.project + "-";
  } else {
    metadata["name"] = request.name;
  }
  if (!request.created_by.empty()) metadata["labels"] = {{kLabelCreatedBy, request.created_by}};
  return {
      {"apiVersion", kApiVersion}, {"kind", "ModelRun"}, {"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
}

nlohmann::json requested_spec(const nlohmann::json& spec) {
  nlohmann::json requested = nlohmann::json::object();
  for (const char* field : {"project", "scope", "modelName", "branch", "commitSHA", "parameters", "points",
                            "pointTimeoutSeconds", "maxFailedPoints", "timeoutSeconds", "onArtifactLoss"}) {
    if (const auto& value = member(spec, field); !value.is_null()) requested[field] = value;
  }
  // The API server writes the default into every run.
  if (const auto reuse = text_at(spec, "reuse"); reuse != word_of(Reuse::kNever)) put_text(requested, "reuse", reuse);
  return requested;
}

RunRequest same_again(const ModelRun& run) {
  RunRequest request;
  request.namespace_ = run.meta.namespace_;
  request.project = run.spec.project;
  if (run.spec.scope == Scope::kModel) request.model = run.spec.model_name;
  request.commit = run.status.commit_sha.empty() ? run.spec.commit_sha : run.status.commit_sha;
  if (request.commit.empty()) request.branch = run.spec.branch;
  if (run.spec.parameters) request.parameters = run.spec.parameters->parse();
  if (run.spec.points) request.points = run.spec.points->parse();
  request.point_timeout_seconds = run.spec.point_timeout_seconds;
  request.max_failed_points = run.spec.max_failed_points;
  request.timeout_seconds = run.spec.timeout_seconds;
  request.fail_on_artifact_loss = run.spec.fail_on_artifact_loss;
  return request;
}

}  // namespace modelrun::api
