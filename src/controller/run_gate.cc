#include "controller/run_gate.h"

#include <utility>

#include "controller/as_admitted.h"

namespace modelrun::controller {
namespace {

// For a request that is answered before it begins.
class NoWatch final : public runserver::OrderWatch {};

std::string key_of(const runserver::AttemptRef& attempt) {
  return attempt.namespace_ + "/" + attempt.run;
}

}  // namespace

// The run, if `pod` belongs to the attempt it names. TokenReview still says yes a second after a pod is gone, so the
// pod is looked up too.
Result<std::shared_ptr<const api::ModelRun>> RunGate::find(const runserver::AttemptRef& attempt,
                                                           const runserver::PodIdentity& pod) const {
  const auto record = context_.caches.runs.find(key_of(attempt));
  if (!record || record->meta.uid != attempt.uid) {
    // The cache may be behind a run that was created just now; its pod asks again.
    return fail(ErrorKind::kUnavailable, "run {} is not known (yet)", key_of(attempt));
  }
  if (!record->active) return fail(ErrorKind::kConflict, "run {} is over", key_of(attempt));
  if (record->active->status.attempts < attempt.attempt) {
    return fail(ErrorKind::kUnavailable, "attempt {} of run {} is not known (yet)", attempt.attempt, key_of(attempt));
  }
  if (record->active->status.attempts != attempt.attempt) {
    return fail(ErrorKind::kConflict, "attempt {} of run {} is not the current one", attempt.attempt, key_of(attempt));
  }
  const auto seen = context_.caches.pods.find(pod.namespace_ + "/" + pod.pod_name);
  if (!seen) return fail(ErrorKind::kUnavailable, "pod {} is not known (yet)", pod.pod_name);
  const bool owned = seen->meta.uid == pod.pod_uid && seen->run_uid == attempt.uid && seen->meta.owner_kind == "Job" &&
                     seen->meta.owner_name == record->active->status.job_name;
  if (!owned)
    return fail(ErrorKind::kDenied, "pod {} is not one of attempt {} of this run", pod.pod_name, attempt.attempt);
  for (const auto& job : context_.caches.jobs.by_index(kByRun, attempt.uid)) {
    if (job->meta.uid == seen->meta.owner_uid && job->meta.owner_uid == attempt.uid) return record->active;
  }
  return fail(ErrorKind::kUnavailable, "the Job of pod {} is not known (yet)", pod.pod_name);
}

void RunGate::claim(runserver::AttemptRef attempt, runserver::PodIdentity pod,
                    std::function<void(Result<std::shared_ptr<const source::Archive>>)> done) {
  const auto run = find(attempt, pod);
  if (!run) return done(std::unexpected(run.error()));
  context_.inbox.claim(attempt.uid, {attempt.attempt, pod.pod_name, pod.pod_uid},
                       [this, run = *run, done = std::move(done)](Result<void> granted) {
                         if (!granted) return done(std::unexpected(granted.error()));
                         const auto project =
                             context_.caches.projects.find(run->meta.namespace_ + "/" + run->spec.project);
                         if (!project) return done(fail(ErrorKind::kConflict, "the run's project is gone"));
                         context_.sources.with_archive(*run, *as_admitted(*run, project), done);
                       });
  context_.run_queue.add(key_of(attempt));
}

void RunGate::submit(runserver::AttemptRef attempt, runserver::PodIdentity pod, api::ResultFrame frame,
                     std::function<void(Result<void>)> done) {
  const auto run = find(attempt, pod);
  if (!run) return done(std::unexpected(run.error()));
  context_.inbox.submit(attempt.uid, pod.pod_uid, std::move(frame), std::move(done));
  context_.run_queue.add(key_of(attempt));
}

std::unique_ptr<runserver::OrderWatch> RunGate::watch_orders(runserver::AttemptRef attempt, runserver::PodIdentity pod,
                                                             std::function<void(Result<runserver::Order>)> done) {
  const auto run = find(attempt, pod);
  if (!run) {
    if (run.error().kind == ErrorKind::kConflict)
      done(runserver::Order::kOver);
    else
      done(std::unexpected(run.error()));
    return std::make_unique<NoWatch>();
  }
  return context_.inbox.watch_orders(attempt.uid, attempt.attempt, pod.pod_uid, done);
}

}  // namespace modelrun::controller
