#include "controller/run_gate.h"

#include <utility>

#include "controller/run/as_admitted.h"

namespace modelrun::controller {
namespace {

// The watch for a request that was answered at once.
class NoWatch final : public runserver::OrderWatch {};

std::string key_of(const runserver::AttemptRef& attempt) {
  return api::object_key(attempt.namespace_, attempt.run);
}

std::unexpected<Error> not_leading() {
  return fail(ErrorKind::kUnavailable, "this operator does not lead; ask again");
}

// Requests and notes about a run that has gone meanwhile would be kept for ever: its removal, which the caches report
// once, has been handled already.
void forget_if_gone(const Context& context, const std::string& key, const std::string& uid) {
  const auto record = context.caches.runs.find(key);
  if (!record || record->meta.uid != uid) context.inbox.forget(uid);
}

using DoneWithSource = std::function<void(Result<std::shared_ptr<const source::Archive>>)>;

// The pod of `run` was granted the source. What goes wrong from here on is the reconciler's business too: the run's
// status says Running, and the pod by itself could only ask for ever.
void give_source(const Context& context, const std::shared_ptr<const api::ModelRun>& run, int attempt,
                 const DoneWithSource& done) {
  const auto project = context.caches.projects.find(api::object_key(run->meta.namespace_, run->spec.project));
  const auto settings = as_admitted(*run, project);
  if (!settings) return done(fail(ErrorKind::kConflict, "the run's project is gone"));
  context.sources.take(*run, *settings, [&context, run, attempt, done](const Result<Sources::ArchivePtr>& archive) {
    if (archive) {
      if (context.inbox.source_found(run->meta.uid, attempt)) context.run_queue.add(run->meta.key());
      return done(archive);
    }
    context.inbox.set_source_lost(run->meta.uid, attempt, archive.error());
    forget_if_gone(context, run->meta.key(), run->meta.uid);
    context.run_queue.add(run->meta.key());
    done(fail(ErrorKind::kUnavailable, "the source cannot be had now: {}", archive.error().message));
  });
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
  const bool owned = pod.namespace_ == attempt.namespace_ && seen->meta.uid == pod.pod_uid &&
                     seen->run_uid == attempt.uid && seen->meta.owner_kind == "Job" &&
                     seen->meta.owner_name == record->active->status.job_name;
  if (!owned)
    return fail(ErrorKind::kDenied, "pod {} is not one of attempt {} of this run", pod.pod_name, attempt.attempt);
  // The pod that status names was found to be the attempt's before. Its Job may be gone already, and the pod be in its
  // grace period, in which it hands in what it has.
  if (pod.pod_uid == record->active->status.pod_uid) return record->active;
  for (const auto& job : own_jobs(caches_.jobs, record->meta)) {
    if (job->meta.uid == seen->meta.owner_uid) return record->active;
  }
  return fail(ErrorKind::kUnavailable, "the Job of pod {} is not known (yet)", pod.pod_name);
}

void RunGate::claim(runserver::AttemptRef attempt, runserver::PodIdentity pod, DoneWithSource done) {
  const auto run = find(attempt, pod);
  if (!run) return done(std::unexpected(run.error()));
  const bool led = term_.with([&](const Context& context) {
    context.inbox.claim(attempt.uid, {attempt.attempt, pod.pod_name, pod.pod_uid},
                        [&context, run = *run, number = attempt.attempt, done](Result<void> granted) {
                          if (!granted) return done(std::unexpected(granted.error()));
                          give_source(context, run, number, done);
                        });
    forget_if_gone(context, key_of(attempt), attempt.uid);
    context.run_queue.add(key_of(attempt));
  });
  if (!led) done(not_leading());
}

void RunGate::submit(runserver::AttemptRef attempt, runserver::PodIdentity pod, api::ResultFrame frame,
                     std::function<void(Result<void>)> done) {
  const auto run = find(attempt, pod);
  if (!run) return done(std::unexpected(run.error()));
  const bool led = term_.with([&](const Context& context) {
    // An agent that has lost its connection pushes again what is held already.
    if (context.inbox.join(attempt.uid, pod.pod_uid, frame.attempt, done)) return;
    auto held = context.results.hold(attempt.namespace_, std::move(frame));
    if (!held) {
      context.metrics.counter(kRefusedMetric, kRefusedHelp).Increment();
      return done(std::unexpected(held.error()));
    }
    context.inbox.submit(attempt.uid, pod.pod_uid, std::move(*held), done);
    forget_if_gone(context, key_of(attempt), attempt.uid);
    context.run_queue.add(key_of(attempt));
  });
  if (!led) done(not_leading());
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
  std::unique_ptr<runserver::OrderWatch> watch;
  term_.with([&](const Context& context) {
    watch = context.inbox.watch_orders(attempt.uid, attempt.attempt, pod.pod_uid, done);
  });
  if (watch) return watch;
  done(not_leading());
  return std::make_unique<NoWatch>();
}

}  // namespace modelrun::controller
