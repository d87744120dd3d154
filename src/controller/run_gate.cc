#include "controller/run_gate.h"

#include <utility>

#include "controller/hand_over.h"

namespace modelrun::controller {
namespace {

std::string key_of(const runserver::AttemptRef& attempt) {
  return api::object_key(attempt.namespace_, attempt.run);
}

std::unexpected<Error> not_leading() {
  return fail(ErrorKind::kUnavailable, "this operator does not lead; ask again");
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
                     seen->meta.owner_kind == "Job" && seen->meta.owner_name == record->active->status.job_name;
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

void RunGate::claim(runserver::AttemptRef attempt, runserver::PodIdentity pod,
                    std::function<void(Result<std::shared_ptr<const source::Archive>>)> done) {
  const auto run = find(attempt, pod);
  if (!run) return done(std::unexpected(run.error()));
  const bool led = term_.with([&](const Context& context) {
    context.inbox.claim(attempt.uid, {attempt.attempt, pod.pod_name, pod.pod_uid},
                        [&context, run = *run, done](Result<void> granted) {
                          if (!granted) return done(std::unexpected(granted.error()));
                          const auto project = api::object_key(run->meta.namespace_, run->spec.project);
                          give_source(context, run, context.caches.projects.find(project), done);
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

Result<std::shared_ptr<const api::ModelRun>> RunGate::find_executing(const runserver::AttemptRef& attempt,
                                                                     const runserver::PodIdentity& pod) const {
  auto run = find(attempt, pod);
  RETURN_IF_ERROR(run);
  if (!(*run)->spec.points) return fail(ErrorKind::kNotFound, "run {} has no points", key_of(attempt));
  if ((*run)->status.pod_uid == pod.pod_uid) return run;
  // The cache may be behind the status that permits this pod; another one's stays as it is.
  if ((*run)->status.pod_uid.empty()) {
    return fail(ErrorKind::kUnavailable, "pod {} is not known (yet) to execute run {}", pod.pod_name, key_of(attempt));
  }
  return fail(ErrorKind::kDenied, "another pod executes run {}", key_of(attempt));
}

void RunGate::points(runserver::AttemptRef attempt, runserver::PodIdentity pod,
                     std::function<void(Result<std::string>)> done) {
  const auto run = find_executing(attempt, pod);
  if (!run) return done(std::unexpected(run.error()));
  const bool led = term_.with([&](const Context& context) {
    context.points.ask(attempt.uid, attempt.attempt, done);
    forget_if_gone(context, key_of(attempt), attempt.uid);
    context.run_queue.add(key_of(attempt));
  });
  if (!led) done(not_leading());
}

void RunGate::rows(runserver::AttemptRef attempt, runserver::PodIdentity pod, api::RowReport report,
                   std::function<void(Result<api::RowReceipt>)> done) {
  const auto run = find_executing(attempt, pod);
  if (!run) return done(std::unexpected(run.error()));
  const bool led = term_.with([&](const Context& context) {
    const bool due = context.points.add(attempt.uid, attempt.namespace_, attempt.attempt, report, done);
    forget_if_gone(context, key_of(attempt), attempt.uid);
    if (due || !context.points.is_known(attempt.uid, attempt.attempt)) context.run_queue.add(key_of(attempt));
  });
  if (!led) done(not_leading());
}

// Fails if no work will come for the pod, or if it is not known yet.
Result<void> RunGate::check_standby(const runserver::StandbyRef& standby, const runserver::PodIdentity& pod) const {
  const auto seen = caches_.pods.find(api::object_key(pod.namespace_, pod.pod_name));
  if (!seen) return fail(ErrorKind::kUnavailable, "pod {} is not known (yet)", pod.pod_name);
  const bool its_own = pod.namespace_ == standby.namespace_ && seen->meta.uid == pod.pod_uid &&
                       seen->meta.owner_kind == "Job" && seen->meta.owner_name == standby.job;
  if (!its_own) return fail(ErrorKind::kDenied, "pod {} is not one of standby {}", pod.pod_name, standby.job);
  const auto job = caches_.jobs.find(api::object_key(standby.namespace_, standby.job));
  if (!job) return fail(ErrorKind::kUnavailable, "standby {} is not known (yet)", standby.job);
  if (job->meta.uid != seen->meta.owner_uid || job->standby.empty()) {
    return fail(ErrorKind::kDenied, "pod {} is not one of standby {}", pod.pod_name, standby.job);
  }
  if (job->meta.deleting() || job->failed || job->complete) {
    return fail(ErrorKind::kConflict, "standby {} is over", standby.job);
  }
  if (job->meta.owner_kind != "ModelRun") return {};
  const auto key = api::object_key(standby.namespace_, job->meta.owner_name);
  const auto run = caches_.runs.find(key);
  if (!run || !api::is_owned_by(job->meta, run->meta)) {
    return fail(ErrorKind::kUnavailable, "run {} is not known (yet)", key);
  }
  if (!run->active) return fail(ErrorKind::kConflict, "run {} is over", key);
  return {};
}

std::unique_ptr<runserver::LongPoll> RunGate::await_work(runserver::StandbyRef standby, runserver::PodIdentity pod,
                                                         std::function<void(Result<runserver::GivenWork>)> done) {
  if (const auto checked = check_standby(standby, pod); !checked) {
    done(std::unexpected(checked.error()));
    return std::make_unique<runserver::LongPoll>();
  }
  std::unique_ptr<runserver::LongPoll> watch;
  term_.with([&](const Context& context) {
    watch = context.standbys.await_work(pod.pod_uid, done);
    // A pod that has gone meanwhile would be kept for ever: its removal, which the caches report once, has been
    // handled.
    const auto seen = caches_.pods.find(api::object_key(pod.namespace_, pod.pod_name));
    if (!seen || seen->meta.uid != pod.pod_uid) return context.standbys.forget(pod.pod_uid);
    // Whose the standby is stands in its Job. It is looked at after the request is there: a pass that adopts the
    // standby puts the Job into the cache before it looks for the request.
    const auto job = caches_.jobs.find(api::object_key(standby.namespace_, standby.job));
    if (!job) return;
    auto& queue = job->meta.owner_kind == "ModelRun" ? context.run_queue : context.project_queue;
    queue.add(api::object_key(standby.namespace_, job->meta.owner_name));
  });
  if (watch) return watch;
  done(not_leading());
  return std::make_unique<runserver::LongPoll>();
}

std::unique_ptr<runserver::LongPoll> RunGate::watch_orders(runserver::AttemptRef attempt, runserver::PodIdentity pod,
                                                           std::function<void(Result<runserver::Order>)> done) {
  const auto run = find(attempt, pod);
  if (!run) {
    if (run.error().kind == ErrorKind::kConflict)
      done(runserver::Order::kOver);
    else
      done(std::unexpected(run.error()));
    return std::make_unique<runserver::LongPoll>();
  }
  std::unique_ptr<runserver::LongPoll> watch;
  term_.with([&](const Context& context) {
    watch = context.inbox.watch_orders(attempt.uid, attempt.attempt, pod.pod_uid, done);
  });
  if (watch) return watch;
  done(not_leading());
  return std::make_unique<runserver::LongPoll>();
}

}  // namespace modelrun::controller
