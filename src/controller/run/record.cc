#include "controller/run/record.h"

#include <utility>

#include "api/model_project.h"

namespace modelrun::controller {

std::string identity_key(const std::string& identity) {
  constexpr std::string_view kScheme = "sha256:";
  constexpr std::size_t kDigits = 15;  // as many characters as libstdc++'s std::string holds without an allocation
  return identity.size() < kScheme.size() ? std::string() : identity.substr(kScheme.size(), kDigits);
}

RunRecord make_record(api::ModelRun run) {
  RunRecord record;
  record.meta = run.meta;
  record.project = run.spec.project;
  record.phase = run.status.phase;
  record.made_by_tool = run.created_by == "cli" || run.created_by == "gateway";
  // Numbers go on from the highest that an operator can have given.
  record.number = api::sound_run_number(run.status.run_number);
  record.observed_generation = run.status.observed_generation;
  // A result that was taken from another run may be old. This run's own age counts from when it took the result.
  record.finished_at = run.status.reused_from ? run.status.timeline.recorded : run.status.finished_at;
  if (const auto& points = run.status.points) {
    record.points_succeeded = static_cast<std::int32_t>(points->succeeded);
    record.points_failed = static_cast<std::int32_t>(points->failed);
  }
  record.job_name = run.status.job_name;
  if (api::is_final(record.phase) && run.status.owes_end_event()) {
    record.owes_event_since = run.status.timeline.recorded.value_or(run.meta.creation);
  }
  const bool leads = !api::is_final(record.phase) && !run.status.reused_from;
  if (leads || record.phase == api::Phase::kSucceeded) record.identity = identity_key(run.status.identity);
  if (api::is_final(record.phase)) return record;
  // They are needed once, when the Job is created, and the run is read from the API server for that.
  if (run.spec.parameters) run.spec.parameters->drop_text();
  if (run.spec.points) run.spec.points->drop_text();
  run.labels.clear();
  record.active = std::make_shared<const api::ModelRun>(std::move(run));
  return record;
}

}  // namespace modelrun::controller
