#include "controller/observe_run.h"

#include <algorithm>
#include <utility>

#include "controller/observe_other.h"
#include "controller/project/decide.h"
#include "controller/run/as_admitted.h"
#include "controller/run/limits.h"
#include "controller/run/reuse.h"
#include "controller/sources/secrets.h"

namespace modelrun::controller {
namespace {

// True for a Job of an attempt that is over, left by a crash between the status write and the deletion of the Job.
// The number of attempts only grows. So with a stale copy of the run, this function may miss such a Job, but never
// returns true for the Job of the current attempt.
bool is_stray(const api::JobView& job, const api::ModelRun& run) {
  const auto& status = run.status;
  if (job.meta.owner_uid != run.meta.uid || job.meta.deleting()) return false;
  const auto over = status.job_name.empty() ? status.attempts : status.attempts - 1;
  for (std::int64_t attempt = 1; attempt <= over; ++attempt) {
    if (job.meta.name == child_name(run.meta, attempt)) return true;
  }
  return false;
}

void observe_strays(const Context& context, Observed& observed) {
  for (const auto& job : context.caches.jobs.by_index(kByRun, observed.run->meta.uid)) {
    if (is_stray(*job, *observed.run)) observed.stray_jobs.push_back(job->meta.name);
  }
}

// Reads the recorded pod from the API server if the cache does not have it: it may be gone, or newer than the cache.
Result<void> observe_recorded_pod(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& status = observed.run->status;
  const auto recorded = [&](const auto& pod) { return pod->meta.uid == status.pod_uid; };
  if (status.pod_uid.empty() || std::ranges::any_of(observed.pods, recorded)) return {};
  const auto live = context.client.get(kube::kPods, observed.run->meta.namespace_, status.pod_name, stop);
  if (!live && live.error().kind == ErrorKind::kNotFound) return {};
  RETURN_IF_ERROR(live);
  auto pod = std::make_shared<const api::PodView>(api::decode_pod(*live));
  if (recorded(pod)) observed.pods.push_back(std::move(pod));
  return {};
}

void observe_children(const Context& context, Observed& observed) {
  const auto& run = *observed.run;
  for (auto& job : context.caches.jobs.by_index(kByRun, run.meta.uid)) {
    if (job->meta.name != run.status.job_name || job->meta.owner_uid != run.meta.uid) continue;
    observed.job_seen = true;
    // A Job that is being deleted counts as gone. Its Pod is still followed to its end.
    if (!job->meta.deleting()) observed.job = std::move(job);
  }
  for (auto& pod : context.caches.pods.by_index(kByRun, run.meta.uid)) {
    if (pod->meta.owner_name == run.status.job_name) observed.pods.push_back(std::move(pod));
  }
  std::ranges::sort(observed.pods, std::ranges::greater{}, [](const auto& pod) { return pod->meta.creation; });
}

void observe_inbox(const Context& context, Observed& observed) {
  auto notes = context.inbox.read(*observed.run);
  observed.claims = std::move(notes.claims);
  observed.frame = std::move(notes.frame);
  observed.durable_final = notes.durable_final;
  observed.job_seen = observed.job_seen || notes.job_seen;
  observed.job_foreign = notes.job_foreign;
  observed.children_ensured = notes.children_ensured;
  observed.job_error = std::move(notes.job_error);
  observed.durable_failures = notes.durable_failures;
  observed.payload_refusals = notes.payload_refusals;
  observed.payload_error = std::move(notes.payload_error);
  observed.marks = std::move(notes.marks);
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
  return {};
}

Result<void> take_other(const Context& context, Observed& observed, Result<OtherRun> other) {
  RETURN_IF_ERROR(other);
  observed.other = std::move(*other);
  if (!observed.other.full) return {};
  auto notes = context.inbox.read(*observed.run);
  observed.payload_refusals = notes.payload_refusals;
  observed.payload_error = std::move(notes.payload_error);
  return {};
}

// The run has no Job yet.
Result<void> observe_start(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& run = *observed.run;
  // A run that holds a slot must not wait for another run, which may itself wait for a slot: that could deadlock.
  // With Reuse it may still take a result that exists: its slot may be the one that the other run's end has freed. A
  // run that has begun an attempt of its own, and was then suspended, neither waits for a result nor takes one.
  const bool in_time = run.status.attempts == 0 && (run.spec.reuse == api::Reuse::kReuse || !observed.admitted_number);
  const bool compares = run.spec.reuse != api::Reuse::kNever && in_time && !run.spec.cancel && !run.spec.suspend;
  if (compares && run.status.reused_from) {
    RETURN_IF_ERROR(take_other(context, observed, observe_followed(context, run, stop)));
    if (observed.other.run) {
      observed.identity = run.status.identity;  // as it was when the run joined the other
      return {};
    }
  }
  RETURN_IF_ERROR(observe_identity(context, observed, stop));
  if (!compares || observed.identity.empty()) return {};
  return take_other(context, observed, find_other(context, run, observed.identity, stop));
}

}  // namespace

Result<Observed> observe_run(const Context& context, std::shared_ptr<const api::ModelRun> run, std::stop_token stop) {
  Observed observed;
  observed.run = std::move(run);
  const auto& meta = observed.run->meta;
  observed.project = context.caches.projects.find(api::object_key(meta.namespace_, observed.run->spec.project));
  if (observed.project) {
    const auto& active = observed.project->status.active;
    const auto mine = std::ranges::find(active, meta.uid, &api::ActiveRun::uid);
    observed.lost_slot = mine != active.end() && has_lost(*mine, *observed.run);
    if (mine != active.end() && !observed.lost_slot) observed.admitted_number = mine->number;
  }
  observed.as_admitted = as_admitted(*observed.run, observed.project);
  observed.source = context.sources.view(meta.uid);
  observe_strays(context, observed);
  if (observed.run->status.job_name.empty()) {
    RETURN_IF_ERROR(observe_start(context, observed, stop));
    return observed;
  }
  observe_children(context, observed);
  RETURN_IF_ERROR(observe_recorded_pod(context, observed, stop));
  observe_inbox(context, observed);
  return observed;
}

}  // namespace modelrun::controller
