#include "gateway/runs/run_summary.h"

namespace modelrun::gateway {

RunSummary summarize(const api::ModelRun& run) {
  const auto& status = run.status;
  return {.key = {run.meta.namespace_, run.meta.name, run.meta.uid},
          .version = run.meta.resource_version,
          .project = run.spec.project,
          .model = run.spec.scope == api::Scope::kModel ? run.spec.model_name : "",
          .branch = status.branch.empty() ? run.spec.branch : status.branch,
          .phase = status.phase,
          .shared = run.labels.contains(std::string(kLabelShared)),
          .number = status.run_number,
          .commit = status.commit_sha,
          .message = status.message,
          .warning = status.warning,
          .created = run.meta.creation,
          .started = status.started_at,
          .finished = status.finished_at};
}

}  // namespace modelrun::gateway
