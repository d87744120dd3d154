#include "controller/observe.h"

#include <algorithm>
#include <utility>

#include "controller/as_admitted.h"
#include "controller/limits.h"
#include "controller/observe_other.h"
#include "controller/reuse.h"
#include "controller/secrets.h"

namespace modelrun::controller {
namespace {

// A Job of an attempt that is over: a crash came between the status that said so and the deletion. Attempts only rise,
// so a run that the cache is behind of makes this miss a stray, never take the current Job for one.
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

// The recorded pod, which the cache does not know: gone, or newer than the cache.
Result<void> observe_recorded_pod(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& status = observed.run->status;
  const auto recorded = [&](const auto& pod) { return pod->meta.uid == status.pod_uid; };
  if (status.pod_uid.empty() || std::ranges::any_of(observed.pods, recorded)) return {};
  const auto live = context.client.get(kube::kPods, observed.run->meta.namespace_, status.pod_name, stop);
  if (!live && live.error().kind == ErrorKind::kNotFound) return {};
  if (!live) return std::unexpected(live.error());
  auto pod = std::make_shared<const api::PodView>(api::decode_pod(*live));
  if (recorded(pod)) observed.pods.push_back(std::move(pod));
  return {};
}

void observe_children(const Context& context, Observed& observed) {
  const auto& run = *observed.run;
  for (auto& job : context.caches.jobs.by_index(kByRun, run.meta.uid)) {
    if (job->meta.name != run.status.job_name || job->meta.owner_uid != run.meta.uid) continue;
    context.inbox.set_job_seen(run.meta.uid, static_cast<int>(run.status.attempts));
    // A Job that is being deleted is as good as gone; its Pod is followed to its end.
    if (!job->meta.deleting())
      observed.job = std::move(job);
    else
      observed.job_seen = true;
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
  observed.payload_error = std::move(notes.payload_error);
  observed.marks = std::move(notes.marks);
}

// What the Secrets are, and from that what the run is identical to: when its Job is about to be made, or when it is to
// be compared with other runs. Nobody needs to know before.
Result<void> observe_identity(const Context& context, Observed& observed, std::stop_token stop) {
  const bool ready = observed.source.state == SourceView::State::kReady;
  const bool compares = ready && observed.run->spec.reuse != api::Reuse::kNever;
  if (!observed.project || (!observed.admitted_number && !compares)) return {};
  auto secrets = check_env_secrets(context.client, *observed.project, stop);
  if (!secrets) return std::unexpected(secrets.error());
  observed.env_error = std::move(secrets->error);
  if (!ready || !observed.env_error.empty()) return {};
  observed.identity =
      identity_of(*observed.run, *observed.project, observed.source.commit, secrets->versions, context.settings);
  return {};
}

Result<void> take_other(const Context& context, Observed& observed, Result<OtherRun> other) {
  if (!other) return std::unexpected(other.error());
  observed.other = std::move(*other);
  if (observed.other.full) observed.payload_error = context.inbox.read(*observed.run).payload_error;
  return {};
}

// The run has no Job yet.
Result<void> observe_start(const Context& context, Observed& observed, std::stop_token stop) {
  const auto& run = *observed.run;
  // A run that has its slot waits for nobody: were that one to wait for a slot, neither would ever go on. A result that
  // is there is taken even then, since the slot may have become free by the end of just that run. One that was at work
  // itself, and then suspended, does neither.
  const bool in_time = run.status.attempts == 0 && (run.spec.reuse == api::Reuse::kReuse || !observed.admitted_number);
  const bool compares = run.spec.reuse != api::Reuse::kNever && in_time && !run.spec.cancel && !run.spec.suspend;
  if (compares && run.status.reused_from) {
    if (auto done = take_other(context, observed, observe_followed(context, run, stop)); !done) return done;
    if (observed.other.run) {
      observed.identity = run.status.identity;  // as it was when the run joined the other
      return {};
    }
  }
  if (auto done = observe_identity(context, observed, stop); !done) return done;
  if (!compares || observed.identity.empty()) return {};
  return take_other(context, observed, find_other(context, run, observed.identity, stop));
}

}  // namespace

Result<Observed> observe(const Context& context, std::shared_ptr<const api::ModelRun> run, std::stop_token stop) {
  Observed observed;
  observed.run = std::move(run);
  const auto& meta = observed.run->meta;
  observed.project = context.caches.projects.find(meta.namespace_ + "/" + observed.run->spec.project);
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
    if (auto done = observe_start(context, observed, stop); !done) return std::unexpected(done.error());
    return observed;
  }
  observe_children(context, observed);
  if (auto pod = observe_recorded_pod(context, observed, stop); !pod) return std::unexpected(pod.error());
  observe_inbox(context, observed);
  return observed;
}

}  // namespace modelrun::controller
