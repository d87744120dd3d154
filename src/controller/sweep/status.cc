#include "controller/sweep/status.h"

#include "api/reason.h"
#include "base/printable.h"
#include "base/text.h"

namespace modelrun::controller {
namespace {

using api::ConditionStatus;
using api::ModelSweepStatus;
using api::Phase;

void set_conditions(const SweepObserved& observed, ModelSweepStatus& status, std::string_view reason, Time now) {
  const bool over = api::is_final(status.phase);
  const bool success = status.phase == Phase::kSucceeded;
  const auto set = [&](const char* type, ConditionStatus value) {
    api::set_condition(status.conditions,
                       {type, value, std::string(reason), status.message, now, observed.sweep->meta.generation});
  };
  const auto truth = [](bool value) { return value ? ConditionStatus::kTrue : ConditionStatus::kFalse; };
  set("Succeeded", over ? truth(success) : ConditionStatus::kUnknown);
  set("Finished", truth(over));
  set("Reconciling", truth(!over));
  // As of a ModelRun: only when it is true.
  if (over && !success) set("Stalled", ConditionStatus::kTrue);
}

const SweepRunView* first_run(const SweepSurvey& survey) {
  return survey.parts.empty() ? nullptr : survey.parts.front().run;
}

void take_source(const SweepObserved& observed, const SweepSurvey& survey, ModelSweepStatus& status) {
  if (status.commit_sha.empty()) status.commit_sha = sweep_commit(observed, survey);
  const auto* first = first_run(survey);
  if (first == nullptr) return;
  // A run that was given the commit has no branch.
  if (status.branch.empty() && observed.sweep->spec.commit_sha.empty()) status.branch = printable(first->branch, 512);
  if (status.project_uid.empty()) status.project_uid = first->project_uid;
}

void take_runs(const SweepSurvey& survey, ModelSweepStatus& status) {
  status.runs.clear();
  for (const auto& part : survey.parts) {
    if (part.run == nullptr || status.runs.size() == kMaxShownRuns) continue;
    status.runs.push_back(
        {part.name, static_cast<std::int64_t>(part.first), static_cast<std::int64_t>(part.count), part.run->phase});
  }
}

void take_survey(const SweepObserved& observed, const SweepSurvey& survey, ModelSweepStatus& status, Time now) {
  take_source(observed, survey, status);
  take_runs(survey, status);
  status.points = api::SweepPoints{survey.total, survey.succeeded, survey.failed, survey.running};
  if (survey.started && !status.started_at) status.started_at = now;
}

}  // namespace

std::string sweep_commit(const SweepObserved& observed, const SweepSurvey& survey) {
  const auto& sweep = *observed.sweep;
  if (!sweep.status.commit_sha.empty()) return sweep.status.commit_sha;
  if (!sweep.spec.commit_sha.empty()) return ascii_lower(sweep.spec.commit_sha);
  const auto* first = first_run(survey);
  return first == nullptr ? std::string() : first->commit;
}

ModelSweepStatus sweep_under_way(const SweepObserved& observed, const SweepSurvey& survey, std::string_view reason,
                                 const std::string& message, Time now) {
  ModelSweepStatus status = observed.sweep->status;
  status.observed_generation = observed.sweep->meta.generation;
  take_survey(observed, survey, status, now);
  status.phase = status.started_at ? Phase::kRunning : Phase::kPending;
  status.message = printable(message);
  set_conditions(observed, status, reason, now);
  return status;
}

ModelSweepStatus sweep_ended(const SweepObserved& observed, const SweepSurvey* survey, const SweepEnd& end,
                             const SweepResult* result, Time now) {
  ModelSweepStatus status = observed.sweep->status;
  status.observed_generation = observed.sweep->meta.generation;
  if (survey != nullptr) take_survey(observed, *survey, status, now);
  status.phase = end.phase;
  status.message = printable(end.message);
  if (end.phase != Phase::kSucceeded) status.error = api::RunError{end.reason, status.message};
  if (status.points) status.points->running = 0;
  if (result != nullptr) {
    status.points = api::SweepPoints{result->rows, result->succeeded, result->failed, 0};
    status.summary = result->summary;
    status.sensitivity = result->sensitivity;
    status.table_ref = result->ref;
    status.warning = printable(result->warning);
  }
  status.finished_at = now;
  set_conditions(observed, status, end.reason, now);
  return status;
}

ModelSweepStatus least_of_sweep(const ModelSweepStatus& whole, const std::string& why) {
  ModelSweepStatus status = whole;
  status.runs.clear();
  status.summary.clear();
  status.sensitivity.clear();
  status.warning = printable("summary and sensitivity are left out, the API server refused them: " + why);
  return status;
}

}  // namespace modelrun::controller
