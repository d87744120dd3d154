#include "cli/run_object.h"

#include "api/json_access.h"

namespace modelrun::cli {

nlohmann::json run_object(const RunRequest& request) {
  nlohmann::json spec{{"project", request.project}, {"scope", request.model.empty() ? "project" : "model"}};
  api::put_text(spec, "modelName", request.model);
  api::put_text(spec, "branch", request.branch);
  api::put_text(spec, "commitSHA", request.commit);
  if (request.parameters) spec["parameters"] = *request.parameters;
  if (request.timeout_seconds) spec["timeoutSeconds"] = *request.timeout_seconds;
  return {{"apiVersion", api::kApiVersion},
          {"kind", "ModelRun"},
          {"metadata",
           {{"generateName", request.project + "-"},
            {"namespace", request.namespace_},
            {"labels", {{api::kLabelCreatedBy, "cli"}}}}},
          {"spec", std::move(spec)}};
}

RunRequest same_again(const api::ModelRun& run) {
  RunRequest request;
  request.namespace_ = run.meta.namespace_;
  request.project = run.spec.project;
  if (run.spec.scope == api::Scope::kModel) request.model = run.spec.model_name;
  request.branch = run.spec.branch.empty() ? run.status.branch : run.spec.branch;
  request.commit = run.status.commit_sha.empty() ? run.spec.commit_sha : run.status.commit_sha;
  request.parameters = run.spec.parameters;
  request.timeout_seconds = run.spec.timeout_seconds;
  return request;
}

}  // namespace modelrun::cli
