#include "controller/records.h"

#include <utility>

namespace modelrun::controller {

RunRecord make_record(api::ModelRun run) {
  RunRecord record;
  record.meta = run.meta;
  record.project = run.spec.project;
  record.phase = run.status.phase;
  record.made_by_tool = run.created_by == "cli" || run.created_by == "gateway";
  record.number = run.status.run_number;
  record.observed_generation = run.status.observed_generation;
  record.finished_at = run.status.finished_at;
  record.job_name = run.status.job_name;
  if (!api::is_final(record.phase)) record.active = std::make_shared<const api::ModelRun>(std::move(run));
  return record;
}

Caches::Caches() {
  runs.add_index(kByProject, [](const RunRecord& run) { return std::vector{run.project_key()}; });
  jobs.add_index(kByRun, [](const api::JobView& job) { return std::vector{job.run_uid}; });
  pods.add_index(kByRun, [](const api::PodView& pod) { return std::vector{pod.run_uid}; });
}

}  // namespace modelrun::controller
