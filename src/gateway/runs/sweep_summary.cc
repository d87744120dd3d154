#include "gateway/runs/sweep_summary.h"

namespace modelrun::gateway {

SweepSummary summarize(const api::ModelSweep& sweep) {
  const auto& status = sweep.status;
  return {.key = {sweep.meta.namespace_, sweep.meta.name, sweep.meta.uid},
          .version = sweep.meta.resource_version,
          .project = sweep.spec.project,
          .model = sweep.spec.scope == api::Scope::kModel ? sweep.spec.model_name : "",
          .branch = status.branch.empty() ? sweep.spec.branch : status.branch,
          .commit = status.commit_sha.empty() ? sweep.spec.commit_sha : status.commit_sha,
          .phase = status.phase,
          .points = status.points.value_or(api::SweepPoints{}),
          .created = sweep.meta.creation,
          .started = status.started_at,
          .finished = status.finished_at};
}

}  // namespace modelrun::gateway
