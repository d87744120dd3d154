#include "controller/pods/run_gate.h"

#include <utility>

#include "controller/run/as_admitted.h"

namespace modelrun::controller {
namespace {

// The watch for a request that was answered at once.
class NoWatch final : public runserver::OrderWatch {};

std::string key_of(const runserver::AttemptRef& attempt) {
  return api::object_key(attempt.namespace_, attempt.run);
}

}  // namespace

// Returns the run if `pod` belongs to the attempt that it names. The pod is looked up too, because TokenReview still
// accepts a token about a second after its pod is gone.
Result<std::shared_ptr<const api::ModelRun>> RunGate::find(const runserver::AttemptRef& attempt,
                                                           const runserver::PodIdentity& pod) const {
  const auto record = caches_.runs.find(key_of(attempt));
  if (!record || record->meta.uid != attempt.uid) {
    // The run may be so new that the cache does not have it yet. The agent asks again.
    return fail(ErrorKind::kUnavailable, "run {} is not known (yet)", key_of(attempt));
  }
  if (!record->active) return fail(ErrorKind::kConflict, "run {} is over", key_of(attempt));
  if (record->active->status.attempts < attempt.attempt) {
    return fail(ErrorKind::kUnavailable, "attempt {} of run {} is not known (yet)", attempt.attempt, key_of(attempt));
  }
  if (record->active->status.attempts != attempt.attempt) {
    return fail(ErrorKind::kConflict, "attempt {} of run {} is not the current one", attempt.attempt, key_of(attempt));
  }
  const auto seen = caches_.pods.find(api::object_key(pod.namespace_, pod.pod_name));
  if (!seen) return fail(ErrorKind::kUnavailable, "pod {} is not known (yet)", pod.pod_name);
  const bool owned = seen->meta.uid == pod.pod_uid && seen->run_uid == attempt.uid && seen->meta.owner_kind == "Job" &&
                     seen->meta.owner_name == record->active->status.job_name;
  if (!owned)
    return fail(ErrorKind::kDenied, "pod {} is not one of attempt {} of this run", pod.pod_name, attempt.attempt);
  for (const auto& job : caches_.jobs.by_index(kByRun, attempt.uid)) {
    if (job->meta.uid == seen->meta.owner_uid && job->meta.owner_uid == attempt.uid) return record->active;
  }
  return fail(ErrorKind::kUnavailable, "the Job of pod {} is not known (yet)", pod.pod_name);
}

void RunGate::claim(runserver::AttemptRef attempt, runserver::PodIdentity pod,
                    std::function<void(Result<std::shared_ptr<const source::Archive>>)> done) {
  const auto run = find(attempt, pod);
  if (!run) return done(std::unexpected(run.error()));
  inbox_.claim(attempt.uid, {attempt.attempt, pod.pod_name, pod.pod_uid},
               [this, run = *run, done = std::move(done)](Result<void> granted) {
                 if (!granted) return done(std::unexpected(granted.error()));
                 const auto project = caches_.projects.find(api::object_key(run->meta.namespace_, run->spec.project));
                 if (!project) return done(fail(ErrorKind::kConflict, "the run's project is gone"));
                 sources_.with_archive(*run, *as_admitted(*run, project), done);
               });
  run_queue_.add(key_of(attempt));
}

void RunGate::submit(runserver::AttemptRef attempt, runserver::PodIdentity pod, api::ResultFrame frame,
                     std::function<void(Result<void>)> done) {
  const auto run = find(attempt, pod);
  if (!run) return done(std::unexpected(run.error()));
  inbox_.submit(attempt.uid, pod.pod_uid, std::move(frame), std::move(done));
  run_queue_.add(key_of(attempt));
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
  return inbox_.watch_orders(attempt.uid, attempt.attempt, pod.pod_uid, done);
}

}  // namespace modelrun::controller
