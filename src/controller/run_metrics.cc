#include "controller/run_metrics.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "api/condition.h"
#include "api/reason.h"
#include "runtime/project_labels.h"

namespace modelrun::controller {
namespace {

namespace reason = api::reason;

// No status yet.
constexpr std::string_view kNew = "New";
constexpr std::string_view kUnknown = "Unknown";
constexpr std::array kReasons = {kNew,
                                 reason::kResolving,
                                 reason::kQueued,
                                 reason::kBlocked,
                                 reason::kJoined,
                                 reason::kSuspended,
                                 reason::kJobSuspended,
                                 reason::kStarting,
                                 reason::kRunning,
                                 reason::kRetrying,
                                 reason::kCancelling,
                                 reason::kPreempted,
                                 reason::kProjectNotFound,
                                 reason::kSourceUnreachable,
                                 reason::kImagePullFailed,
                                 reason::kUnschedulable,
                                 kUnknown};
// Beyond the time-out: how long the end of a model, of its pod and of its node may take to be seen.
constexpr std::chrono::minutes kGrace{10};

double seconds_in(Duration span) {
  return std::chrono::duration<double>(std::max(span, Duration::zero())).count();
}

std::string_view reason_of(const api::ModelRun& run) {
  const auto* condition = api::find_condition(run.status.conditions, "Succeeded");
  if (condition == nullptr) return kNew;
  const auto known = std::ranges::find(kReasons, std::string_view(condition->reason));
  return known != kReasons.end() ? *known : kUnknown;
}

// When the run began to wait for its first attempt.
Time asked_at(const api::ModelRun& run) {
  return run.status.timeline.resumed.value_or(run.meta.creation);
}

// When a Pending run began its present wait: for its first attempt, or for the pod of the attempt that has begun.
Time waits_since(const api::ModelRun& run) {
  const auto& times = run.status.timeline;
  if (run.status.attempts == 0) return asked_at(run);
  return times.job_resumed ? *times.job_resumed : times.job_created.value_or(asked_at(run));
}

}  // namespace

RunCounts count_runs(const RunStore& runs, Time now, std::chrono::seconds longest) {
  RunCounts counts;
  for (const auto& record : runs.by_index(kUnderWay, "")) {
    const auto& run = *record->active;
    const auto why = reason_of(run);
    ++counts.by_reason[std::string(why)];
    if (run.status.phase == api::Phase::kRunning) {
      const auto since = run.status.started_at.value_or(now);
      if (now - since > longest + kGrace) ++counts.overdue;
    } else if (why != reason::kSuspended && why != reason::kJobSuspended && why != reason::kJoined) {
      counts.oldest_pending = std::max<Duration>(counts.oldest_pending, now - waits_since(run));
    }
  }
  return counts;
}

void report_runs(runtime::Metrics& metrics, const RunCounts& counts) {
  for (const auto why : kReasons) {
    const auto found = counts.by_reason.find(std::string(why));
    metrics
        .gauge("modelrun_runs", "Runs that have not ended, by the reason of their condition.",
               {{"reason", std::string(why)}})
        .Set(found == counts.by_reason.end() ? 0 : found->second);
  }
  metrics
      .gauge("modelrun_oldest_pending_run_seconds",
             "The longest wait of a Pending run that is neither suspended nor joined, nor its Job suspended.")
      .Set(seconds_in(counts.oldest_pending));
  metrics.gauge("modelrun_runs_overdue", "Runs that are Running for longer than any run may.").Set(counts.overdue);
}

void count_wait(const Context& context, const api::ModelRun& run, const api::ModelRunStatus& now) {
  if (run.status.attempts != 0 || now.attempts != 1) return;
  const auto begun = now.timeline.adopted ? now.timeline.adopted : now.timeline.job_created;
  if (!begun) return;
  const auto label = context.metrics.projects().of(run.meta.namespace_, run.spec.project);
  context.metrics
      .histogram("modelrun_run_wait_seconds",
                 "From the creation of a run, or its last resumption, to its first attempt.",
                 {{"project_namespace", label.name_space}, {"project", label.project}}, {1, 5, 15, 60, 300, 900, 3'600})
      .Observe(seconds_in(*begun - asked_at(run)));
}

void count_end(const Context& context, const api::ModelRun& run) {
  const auto& status = run.status;
  if (status.project_uid.empty()) return;
  const auto label = context.metrics.projects().of(run.meta.namespace_, run.spec.project);
  context.metrics
      .counter("modelrun_project_runs_finished_total", "Runs that ended, by project and phase.",
               {{"project_namespace", label.name_space},
                {"project", label.project},
                {"phase", std::string(to_string(status.phase))}})
      .Increment();
  const auto& times = status.timeline;
  if (status.reused_from || !times.started || !times.finished) return;
  context.metrics
      .histogram("modelrun_run_duration_seconds", "From the start of a model's process to its end.",
                 {{"project_namespace", label.name_space}, {"project", label.project}},
                 {1, 5, 15, 60, 300, 900, 3'600, 14'400})
      .Observe(seconds_in(*times.finished - *times.started));
}

}  // namespace modelrun::controller
