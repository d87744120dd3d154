#include "controller/observe_run.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "controller/live.h"
#include "controller/observe_other.h"
#include "controller/observe_refusal.h"
#include "controller/observe_standby.h"
#include "controller/point_store.h"
#include "controller/project/decide.h"
#include "controller/run/as_admitted.h"
#include "controller/run/limits.h"
#include "controller/run/reuse.h"
#include "controller/run/steps.h"
#include "controller/sources/secrets.h"

namespace modelrun::controller {
namespace {

// A Job has one Pod. Anybody may give other Pods of the namespace the same label.
constexpr int kMostPods = 100;

// True for a Job of an attempt that is over, left by a crash between the status write and the deletion of the Job.
// The number of attempts only grows, and an attempt has one Job. So with a stale copy of the run, this function may
// miss such a Job, but never returns true for the Job of the current attempt.
bool is_stray(const api::JobView& job, const api::ModelRun& run) {
  const auto& status = run.status;
  if (job.meta.deleting()) return false;
  const auto over = status.job_name.empty() ? status.attempts : status.attempts - 1;
  // The run has adopted a standby, and then, after a crash, begun that attempt or a later one with another Job.
  if (!job.standby.empty()) return job.attempt <= status.attempts && job.meta.name != status.job_name;
  const auto& name = job.meta.name;
  std::int64_t attempt = 0;
  const auto* const digits = name.data() + name.rfind('-') + 1;
  const auto parsed = std::from_chars(digits, name.data() + name.size(), attempt);
  return parsed.ec == std::errc() && attempt >= 1 && attempt <= over && name == child_name(run.meta, attempt);
}

// The project, which may be null. Its absence, or another one under its name, ends runs, so the API server is asked
// before that is believed of a cache that may be behind.
Result<std::shared_ptr<const api::ModelProject>> find_project(const Context& context, const api::ModelRun& run,
                                                              std::stop_token stop) {
  auto cached = context.caches.projects.find(api::object_key(run.meta.namespace_, run.spec.project));
  const auto& recorded = run.status.project_uid;
  if (cached && (recorded.empty() || cached->meta.uid == recorded)) return cached;
  auto live = read_live(context, kube::kModelProjects, run.meta.namespace_, run.spec.project,
                        &api::decode_model_project, std::move(stop));
  if (live && *live) context.caches.projects.put(**live);
  return live;
}

// Notes the Jobs that are to be deleted. One of them may be a standby that the run has adopted, under a slot that it
// has lost before its status said so. While that Job is there, the project does not take the slot back, and the run
// would wait for itself. The API server is asked before that is believed of a cache that may be behind.
Result<void> observe_strays(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& run = *observed.run;
  for (const auto& job : own_jobs(context.caches.jobs, run.meta)) {
    if (is_stray(*job, run)) observed.stray_jobs.push_back(job->meta.name);
    const bool unrecorded = !job->standby.empty() && !job->meta.deleting() && run.status.job_name.empty() &&
                            job->attempt == run.status.attempts + 1;
    if (!unrecorded || !observed.lost_slot) continue;
    const auto live =
        read_live(context, kube::kModelRuns, run.meta.namespace_, run.meta.name, &api::decode_model_run, stop);
    RETURN_IF_ERROR(live);
    const bool same = *live && (*live)->meta.uid == run.meta.uid && (*live)->status.job_name.empty() &&
                      (*live)->status.attempts == run.status.attempts;
    if (same) observed.stray_jobs.push_back(job->meta.name);
  }
  return {};
}

// The recorded pod, which may be there longer than what is known of its Job. It is read from the API server if the
// cache does not have it: it may be gone, or newer than the cache.
Result<void> observe_recorded_pod(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& status = observed.run->status;
  const auto recorded = [&](const auto& pod) { return pod->meta.uid == status.pod_uid; };
  if (status.pod_uid.empty() || std::ranges::any_of(observed.pods, recorded)) return {};
  auto cached = context.caches.pods.find(api::object_key(observed.run->meta.namespace_, status.pod_name));
  if (cached && recorded(cached)) {
    observed.pods.push_back(std::move(cached));
    return {};
  }
  const auto pod = read_live(context, kube::kPods, observed.run->meta.namespace_, status.pod_name, &api::decode_pod,
                             std::move(stop));
  RETURN_IF_ERROR(pod);
  if (*pod && recorded(*pod)) observed.pods.push_back(*pod);
  return {};
}

void take_job(const Context& context, const std::shared_ptr<const api::JobView>& job, Observed& observed) {
  const auto& run = *observed.run;
  context.inbox.set_job_seen(run.meta.uid, static_cast<int>(run.status.attempts), job->meta.uid);
  // A Job that is being deleted counts as gone. Its Pod is still followed to its end.
  if (!job->meta.deleting()) observed.job = job;
}

// The attempt's Job. Its absence ends the attempt, so the API server is asked before that is believed of a cache that
// may be behind, unless the Job has just not been made yet.
Result<void> observe_job(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& run = *observed.run;
  for (const auto& job : own_jobs(context.caches.jobs, run.meta)) {
    if (job->meta.name == run.status.job_name) take_job(context, job, observed);
  }
  const bool expected = run.status.phase == api::Phase::kRunning || !context.inbox.jobs_seen(run).empty();
  if (observed.job || !expected) return {};
  const auto job =
      read_live(context, kube::kJobs, run.meta.namespace_, run.status.job_name, &api::decode_job, std::move(stop));
  RETURN_IF_ERROR(job);
  if (!*job || !api::is_owned_by((*job)->meta, run.meta)) return {};
  context.caches.jobs.put(**job);
  take_job(context, *job, observed);
  return {};
}

// The attempt's pods: those of its Jobs, and the one that is recorded in status.
Result<void> observe_pods(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& run = *observed.run;
  const auto jobs = context.inbox.jobs_seen(run);
  observed.job_seen = !jobs.empty();
  const auto is_ours = [&](const api::PodView& pod) {
    return pod.meta.uid == run.status.pod_uid || (pod.meta.owner_kind == "Job" && jobs.contains(pod.meta.owner_uid));
  };
  for (const auto& uid : jobs) {
    api::ObjectMeta job;
    job.namespace_ = run.meta.namespace_;
    job.uid = uid;
    auto pods = pods_of(context.caches.pods, job);
    std::ranges::move(pods, std::back_inserter(observed.pods));
  }
  const bool over = observed.job && (observed.job->failed || observed.job->complete);
  const auto waited = observed.marks.find(Mark::kAttempt);
  const bool late =
      waited != observed.marks.end() && waited->second >= std::chrono::seconds(limits_of(observed).pending_seconds);
  const bool waits = observed.job && observed.job->suspended;  // which has no pod, and is in time
  if (run.status.pod_uid.empty() && !waits && (late || (over && observed.pods.empty()))) {
    // That a Job has ended and has no pod would be the only evidence of how the attempt ended, and that its pod has not
    // started in time is the evidence that it never will. The cache may be behind.
    observed.pods.clear();
    kube::ListOptions options{.namespace_ = run.meta.namespace_,
                              .label_selector = fmt::format("{}={}", api::kLabelRunUid, run.meta.uid),
                              .limit = kMostPods};
    const auto listed = context.client.list(kube::kPods, options, stop);
    RETURN_IF_ERROR(listed);
    if (!listed->continue_token.empty()) {
      return fail(ErrorKind::kTooLarge, "more than {} pods carry the label {}={}; delete those that are not the run's",
                  kMostPods, api::kLabelRunUid, run.meta.uid);
    }
    for (const auto& object : listed->items) {
      auto pod = std::make_shared<const api::PodView>(api::decode_pod(object));
      if (is_ours(*pod)) observed.pods.push_back(std::move(pod));
    }
  }
  std::ranges::sort(observed.pods, std::ranges::greater{}, [](const auto& pod) { return pod->meta.creation; });
  return observe_recorded_pod(context, observed, std::move(stop));
}

// A Job is suspended or deleted before its pods are, but its watch may be behind that of the pods: the end of a pod of
// a Job that does not say why is believed only when the API server was asked.
Result<void> observe_suspension(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& job = observed.job;
  if (!job || job->suspended || job->failed || job->complete) return {};
  const auto* pod = pick_pod(observed, observed.run->status.pod_uid);
  const bool ends = pod != nullptr ? pod->meta.deleting() : observed.run->status.phase == api::Phase::kRunning;
  using api::ExitHow;
  const bool cut_short = observed.frame && (observed.frame->exit.how == ExitHow::kNotStarted ||
                                            observed.frame->exit.how == ExitHow::kTerminated ||
                                            observed.frame->exit.how == ExitHow::kLost);
  if (!ends && !cut_short) return {};
  const auto live =
      read_live(context, kube::kJobs, job->meta.namespace_, job->meta.name, &api::decode_job, std::move(stop));
  RETURN_IF_ERROR(live);
  if (!*live || (*live)->meta.uid != job->meta.uid) {
    observed.job.reset();
    return {};
  }
  context.caches.jobs.put(**live);
  observed.job = (*live)->meta.deleting() ? nullptr : *live;
  return {};
}

// Notes when the end of the model's container, and the deletion of its pod, were first seen.
void note_sights(const Context& context, const Observed& observed) {
  const auto& run = *observed.run;
  const auto attempt = static_cast<int>(run.status.attempts);
  const auto mark = [&](Mark seen) { context.inbox.set_mark(run.meta.uid, attempt, seen, /*again=*/false); };
  if (observed.job && observed.job->suspended) {
    mark(Mark::kJobSuspended);
  } else if (observed.job && run.status.phase != api::Phase::kRunning) {
    context.inbox.job_resumed(run.meta.uid, attempt);
  }
  mark(Mark::kAttempt);
  const auto* pod = attempt_pod(observed);
  if (pod == nullptr) return;
  if (pod->model.state == api::ContainerView::State::kTerminated) mark(Mark::kModelEnded);
  if (pod->meta.deletion) mark(Mark::kPodDeleting);
  if (pod->scheduled) mark(Mark::kScheduled);
}

// The rows that the agent did not know to be stored when it made the frame are taken in like those that it reports.
Result<void> observe_points(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& run = *observed.run;
  if (!run.spec.points) return {};
  RETURN_IF_ERROR(read_points(context, run, std::move(stop)));
  if (observed.frame && !observed.frame->rows.empty()) {
    const api::RowReport report{observed.frame->first_row, false, observed.frame->rows};
    Result<api::RowReceipt> taken = api::RowReceipt{};
    context.points.add(run.meta.uid, run.meta.namespace_, static_cast<int>(run.status.attempts), report,
                       [&taken](Result<api::RowReceipt> receipt) { taken = std::move(receipt); });
    // Rows that nobody can take in are those of points that are executed again.
    if (!taken && is_transient(taken.error().kind)) return std::unexpected(taken.error());
  }
  observed.points = context.points.read(run.meta.uid);
  return {};
}

void take_notes(Inbox::Notes notes, Observed& observed) {
  observed.claims = std::move(notes.claims);
  observed.frame = std::move(notes.frame);
  observed.durable_final = notes.durable_final;
  observed.job_foreign = notes.job_foreign;
  observed.children_ensured = notes.children_ensured;
  observed.job_error = std::move(notes.job_error);
  observed.pod_refusal = std::move(notes.pod_refusal);
  observed.source_lost = std::move(notes.source_lost);
  observed.awaits_work = notes.awaits_work;
  observed.durable_failures = notes.durable_failures;
  observed.payload_refusals = notes.payload_refusals;
  observed.payload_error = std::move(notes.payload_error);
  observed.marks = std::move(notes.marks);
}

// Looks up why the Job has no pod, if it is time for that. That it cannot be looked up now, or is not allowed, is in no
// run's way.
void observe_refusal(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& job = observed.job;
  if (!job || job->failed || job->complete || job->suspended || !observed.pods.empty()) return;
  if (refusal_due(observed) > Duration::zero()) return;
  if (auto refusal = read_refusal(context, job->meta, std::move(stop))) observed.pod_refusal = std::move(*refusal);
  context.inbox.set_pod_refusal(observed.run->meta.uid, static_cast<int>(observed.run->status.attempts),
                                observed.pod_refusal);
  observed.marks[Mark::kRefusalRead] = Duration::zero();
}

// Checks the Secrets, and computes the run's identity. Both are needed only when the Job is about to be created, or
// when the run has to be compared with other runs.
Result<void> observe_identity(const Context& context, Observed& observed, std::stop_token stop) {
  const bool ready = observed.source.state == SourceView::State::kReady;
  const bool compares = ready && observed.run->spec.reuse != api::Reuse::kNever;
  if (!observed.project || (!observed.admitted_number && !compares)) return {};
  auto secrets = check_env_secrets(context.client, *observed.project, stop);
  RETURN_IF_ERROR(secrets);
  observed.env_error = std::move(secrets->error);
  if (!ready || !observed.env_error.empty()) return {};
  observed.identity =
      identity_of(*observed.run, *observed.project, observed.source.commit, secrets->versions, context.settings);
  if (!observed.admitted_number) return {};
  return observe_standby(context, observed, secrets->versions, std::move(stop));
}

Result<void> take_other(const Context& context, Observed& observed, Result<OtherRun> other) {
  RETURN_IF_ERROR(other);
  observed.other = std::move(*other);
  observed.awaits_turn = observed.other.awaits_turn;
  if (!observed.other.full) return {};
  auto notes = context.inbox.read(*observed.run);
  observed.payload_refusals = notes.payload_refusals;
  observed.payload_error = std::move(notes.payload_error);
  return {};
}

// The run has no Job yet.
Result<void> observe_start(const Context& context, Observed& observed, LargeWork::Turn& turn, std::stop_token stop) {
  const auto& run = *observed.run;
  // A run that holds a slot must not wait for another run, which may itself wait for a slot: that could deadlock.
  // With Reuse it may still take a result that exists: its slot may be the one that the other run's end has freed. A
  // run that has begun an attempt of its own, and was then suspended, neither waits for a result nor takes one.
  const bool in_time = run.status.attempts == 0 && (run.spec.reuse == api::Reuse::kReuse || !observed.admitted_number);
  const bool compares = run.spec.reuse != api::Reuse::kNever && in_time && !run.spec.cancel && !run.spec.suspend;
  if (compares && run.status.reused_from) {
    RETURN_IF_ERROR(take_other(context, observed, observe_followed(context, run, turn, stop)));
    if (observed.other.run || observed.awaits_turn) {
      observed.identity = run.status.identity;  // as it was when the run joined the other
      return {};
    }
  }
  RETURN_IF_ERROR(observe_identity(context, observed, stop));
  if (!compares || observed.identity.empty()) return {};
  return take_other(context, observed, find_other(context, run, observed.identity, turn, stop));
}

}  // namespace

Result<void> observe_run(const Context& context, Observed& observed, LargeWork::Turn& turn, std::stop_token stop) {
  const auto& meta = observed.run->meta;
  observed.known_for = context.inbox.known_for(meta.uid);
  observed.turn_waited = turn.waited();
  // Read first too: if something below fails for long, the run ends with the result that it has left.
  if (!observed.run->status.job_name.empty()) take_notes(context.inbox.read(*observed.run), observed);
  auto project = find_project(context, *observed.run, stop);
  RETURN_IF_ERROR(project);
  observed.project = std::move(*project);
  if (observed.project) {
    const auto& active = observed.project->status.active;
    const auto mine = std::ranges::find(active, meta.uid, &api::ActiveRun::uid);
    observed.lost_slot = mine != active.end() && has_lost(*mine, *observed.run);
    if (mine != active.end() && !observed.lost_slot) observed.admitted_number = mine->number;
  }
  observed.as_admitted = as_admitted(*observed.run, observed.project);
  observed.source = context.sources.view(meta.uid);
  RETURN_IF_ERROR(observe_strays(context, observed, stop));
  if (observed.run->status.job_name.empty()) return observe_start(context, observed, turn, std::move(stop));
  if (!is_sound(observed)) return {};
  RETURN_IF_ERROR(observe_job(context, observed, stop));
  RETURN_IF_ERROR(observe_pods(context, observed, stop));
  RETURN_IF_ERROR(observe_suspension(context, observed, stop));
  note_sights(context, observed);
  take_notes(context.inbox.read(*observed.run), observed);
  RETURN_IF_ERROR(observe_points(context, observed, stop));
  observe_refusal(context, observed, std::move(stop));
  // What follows makes several copies of it, as JSON and compressed.
  observed.awaits_turn = observed.frame && api::frame_bytes(*observed.frame) > kLargeResult && !turn.take();
  return {};
}

}  // namespace modelrun::controller
