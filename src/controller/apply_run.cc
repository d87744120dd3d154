#include "controller/apply_run.h"

#include <utility>

#include "api/reason.h"
#include "base/large_document.h"
#include "base/log.h"
#include "controller/children.h"
#include "controller/hand_over.h"
#include "controller/live.h"
#include "controller/point_store.h"
#include "controller/resources/config_map.h"
#include "controller/resources/job.h"
#include "controller/run/as_admitted.h"
#include "controller/run/limits.h"
#include "controller/run/reuse.h"
#include "controller/run/status.h"
#include "controller/run_metrics.h"
#include "controller/run_spans.h"
#include "controller/standby_metrics.h"
#include "kube/refusal.h"

namespace modelrun::controller {
namespace {

using RunPtr = std::shared_ptr<const api::ModelRun>;

// Carries out the steps of one plan. run() is the run as the API server holds it, as far as is known.
class Applier {
 public:
  Applier(const Context& context, const Observed& observed, LargeWork::Turn& turn, std::stop_token stop)
      : context_(context), observed_(observed), turn_(turn), stop_(std::move(stop)), run_(observed.run) {}

  [[nodiscard]] const RunPtr& run() const { return run_; }
  [[nodiscard]] const std::stop_token& stop() const { return stop_; }

  Result<void> carry_out(const Action& action) {
    return std::visit([this](const auto& step) { return act(step); }, action);
  }

  // Writes the status, if it has changed.
  Result<void> write(const api::ModelRunStatus& status) {
    if (status == run_->status) return {};
    auto answer = replace_status(status);
    if (!answer && api::is_final(status.phase) && is_lasting(answer.error().kind)) {
      // A run that has ended must not hold its slot for ever because of what its model has left.
      log::warn("the final status of a run was refused, and is written without its result",
                {{"run", run_->meta.key()}, {"error", answer.error().message}});
      answer = replace_status(refused_end(observed_, status, answer.error().message, context_.clock.now()));
    }
    RETURN_IF_ERROR(answer);
    auto written = answer->read(&api::decode_model_run);
    RETURN_IF_ERROR(written);
    run_ = std::make_shared<const api::ModelRun>(std::move(*written));
    fresh_ = true;
    context_.caches.runs.put(context_.caches.record_of(*run_));
    if (status.end_event && !run_->status.end_event) {
      log::error("the event of a run's end is lost: the CRD of ModelRuns is older than the operator, upgrade it",
                 {{"run", run_->meta.key()}});
    }
    return {};
  }

 private:
  // True if the API server will not take this status: it is too large or not valid, or has been denied for long.
  [[nodiscard]] bool is_lasting(ErrorKind kind) const {
    if (kind == ErrorKind::kInvalid || kind == ErrorKind::kTooLarge) return true;
    return kind == ErrorKind::kDenied && context_.inbox.trouble_for(meta().uid) >= kDeniedWait;
  }

  Result<kube::Answer> replace_status(const api::ModelRunStatus& status) {
    return context_.client.replace_status_answer(kube::kModelRuns, status_text(status), stop_);
  }

  // Its outputs as objects are gone when it returns.
  [[nodiscard]] kube::ObjectText status_text(const api::ModelRunStatus& status) const {
    const LargeDocument turn(status.outputs ? status.outputs->size() : 0);
    return kube::status_text(kube::kModelRuns, run_->meta, api::encode_status(status));
  }

  const api::ObjectMeta& meta() const { return run_->meta; }
  [[nodiscard]] int attempt() const { return static_cast<int>(run_->status.attempts); }

  Result<void> act(const ResolveSource& step) {
    context_.sources.begin(*run_, *observed_.as_admitted, {.hold = step.hold, .now = step.now});
    return {};
  }

  Result<void> act(const RequestAdmission&) {
    const auto project = api::object_key(meta().namespace_, run_->spec.project);
    context_.slots.enter(project,
                         {meta().uid, meta().name, meta().creation, meta().generation, run_->status.run_number});
    context_.project_queue.add(project);
    return {};
  }

  Result<void> act(const TakeLead& step) {
    const auto leads_still = [&](const Leads::Lead& lead) {
      const auto record = context_.caches.runs.find(lead.key);
      return record && record->meta.uid == lead.uid && record->active &&
             use_of(*record->active, step.identity, api::Reuse::kJoin) == Use::kWait;
    };
    if (context_.leads.take(step.identity, {meta().uid, meta().key()}, leads_still)) return {};
    return fail(ErrorKind::kConflict, "run {}: an identical run has just come first", meta().key());
  }

  // Reads the run from the API server unless this pass has just written it: a stale cache could bring back a Job that
  // was deleted after the run's end.
  Result<void> act(const CreateJob& step) {
    if (!fresh_) {
      auto live = read_live(context_, kube::kModelRuns, meta().namespace_, meta().name, &api::decode_model_run, stop_);
      RETURN_IF_ERROR(live);
      if (*live == nullptr) return fail(ErrorKind::kNotFound, "run {} is gone", meta().key());
      const bool same = (*live)->meta.uid == meta().uid && (*live)->status.attempts == step.attempt &&
                        !api::is_final((*live)->status.phase) && (*live)->status.job_name == run_->status.job_name;
      context_.caches.runs.put(context_.caches.record_of(**live));
      if (!same) return fail(ErrorKind::kConflict, "run {}: the cache is behind", meta().key());
      run_ = std::move(*live);
      fresh_ = true;
    }
    // Build the Job only from what the API server holds, so that a Job that is created again after a crash is the
    // same.
    const auto settings = as_admitted(*run_, observed_.project);
    if (!settings) return fail(ErrorKind::kConflict, "run {}: its project is gone", meta().key());
    // By the time that the pod asks for the source it is at hand.
    context_.sources.begin(*run_, *settings, {.hold = true});
    return create_job(context_, *run_, *settings, stop_);
  }

  // The run itself was read in this pass or is known from the cache: if that is behind, the status write that follows
  // is refused, and the Job, which is the run's then, is found again by its owner.
  Result<void> act(const AdoptStandby& step) {
    auto job = context_.client.patch(kube::kJobs, meta().namespace_, step.job.name, kube::PatchType::kMerge,
                                     build_adoption(*run_, step.attempt, step.job), {}, stop_);
    if (!job) {
      context_.standbys.release(meta().uid);
      // Another run has it, it is being deleted, or it is gone: look for another one.
      if (job.error().kind == ErrorKind::kNotFound) return fail(ErrorKind::kConflict, "{}", job.error().message);
      return std::unexpected(job.error());
    }
    auto view = api::decode_job(*job);
    count_adoption(context_, step.job);
    if (observed_.project) context_.standbys.note_adopted(observed_.project->meta.uid);
    context_.inbox.set_job_seen(meta().uid, step.attempt, view.meta.uid);
    context_.inbox.set_awaits_work(meta().uid, step.attempt, true);
    context_.caches.jobs.put(std::move(view));
    return {};
  }

  // The run does not need the ConfigMap, so that it fails by nothing that is in the way of it.
  Result<void> act(const ShowParameters& step) {
    api::ObjectMeta owner;
    owner.namespace_ = meta().namespace_;
    owner.uid = step.job_uid;
    const auto made = create_config_map(context_, build_parameters(*run_, step.job_uid), owner, "run", stop_);
    if (!made) {
      log::warn("the ConfigMap of a run's parameters was not made",
                {{"run", meta().key()}, {"error", made.error().message}});
    }
    return {};
  }

  // Kubernetes deletes the Job's Pod and the ConfigMap of the parameters with it. Deletes only what the run owns: the
  // name may come from a status that somebody else has written.
  Result<void> act(const DeleteJob& step) {
    auto job = context_.caches.jobs.find(api::object_key(meta().namespace_, step.name));
    if (!job) {
      auto live = read_live(context_, kube::kJobs, meta().namespace_, step.name, &api::decode_job, stop_);
      RETURN_IF_ERROR(live);
      job = std::move(*live);
    }
    if (!job || !api::is_owned_by(job->meta, meta())) return {};
    kube::DeleteOptions options;
    options.uid = job->meta.uid;
    auto removed = context_.client.remove(kube::kJobs, meta().namespace_, step.name, options, stop_);
    if (!removed && removed.error().kind == ErrorKind::kNotFound) return {};
    return removed;
  }

  Result<void> act(const ReadDurable& step) {
    auto frame = read_log(step.pod_name, kLargeResult);
    if (!frame && frame.error().kind == ErrorKind::kTooLarge) {
      if (!turn_.take()) return {};  // the run is woken when it has its turn
      frame = read_log(step.pod_name, api::kMaxFrameBytes);
    }
    context_.inbox.set_mark(meta().uid, attempt(), Mark::kDurableRead, /*again=*/true);
    if (!frame && step.last && !step.give_up && is_transient(frame.error().kind)) {
      context_.inbox.durable_failed(meta().uid, attempt());
      log::warn("the agent's log cannot be read now", {{"run", meta().key()}, {"error", frame.error().message}});
      return {};  // the plan has the run reconciled again
    }
    if (const auto usable = is_usable(frame); !usable && step.last) {
      log::info("the agent's log has no result that can be used",
                {{"run", meta().key()}, {"error", usable.error().message}});
      frame = from_termination_message(step.pod_name);
    }
    FramePtr held;
    if (is_usable(frame)) {
      auto room = context_.results.hold(meta().namespace_, std::move(*frame));
      if (!room) {
        context_.metrics.counter(kRefusedMetric, kRefusedHelp).Increment();
        return std::unexpected(room.error());  // it can be read later as well
      }
      held = std::move(*room);
    }
    const bool found = held != nullptr;
    context_.inbox.put_durable(meta().uid, attempt(), std::move(held), step.last);
    if (found || step.last) context_.run_queue.add(meta().key());
    return {};
  }

  // The frame in the agent's log. kTooLarge: the log or the frame has more than `most` bytes.
  Result<api::ResultFrame> read_log(const std::string& pod_name, std::size_t most) {
    kube::LogOptions options;
    options.container = api::kAgentContainer;
    options.limit_bytes = static_cast<std::int64_t>(most);
    const auto log = context_.client.pod_log(meta().namespace_, pod_name, options, stop_);
    RETURN_IF_ERROR(log);
    if (most < api::kMaxFrameBytes && log->size() >= most) {
      return fail(ErrorKind::kTooLarge, "the agent's log has {} bytes or more", most);
    }
    return api::frame_from_log(*log, most);
  }

  [[nodiscard]] Result<void> is_usable(const Result<api::ResultFrame>& frame) const {
    RETURN_IF_ERROR(frame);
    if (frame->run_uid != meta().uid || frame->attempt != attempt()) {
      return fail(ErrorKind::kInvalid, "it is of attempt {} of run {}", frame->attempt, frame->run_uid);
    }
    return can_hold(*frame);
  }

  Result<void> act(const AvoidImageVolumes& step) {
    context_.image_volumes.give_up(step.why);
    return {};
  }

  Result<void> act(const OrderCancel&) {
    context_.inbox.order_cancel(meta().uid, attempt());
    return {};
  }

  Result<void> act(const WritePayload& step) {
    for (std::size_t i = 0; i < step.names.size(); ++i) {
      const auto part = build_result_part(*run_, step.names[i], step.parts[i]);
      const auto made = create_part(context_, part, meta(), "run", stop_);
      if (made) continue;
      if (kube::is_refusal(made.error().kind))
        context_.inbox.payload_refused(meta().uid, attempt(), made.error().message);
      return fail_in("store the full result", made.error());
    }
    return {};
  }

  Result<void> act(const StoreRows& step) {
    const auto stored = store_rows(context_, *run_, step, stop_);
    if (!stored && kube::is_refusal(stored.error().kind)) {
      context_.inbox.payload_refused(meta().uid, attempt(), stored.error().message);
    }
    return stored;
  }

  Result<void> act(const DeleteRun&) {
    kube::DeleteOptions options;
    options.uid = meta().uid;
    auto removed = context_.client.remove(kube::kModelRuns, meta().namespace_, meta().name, options, stop_);
    if (!removed && removed.error().kind == ErrorKind::kNotFound) return {};
    return removed;
  }

  [[nodiscard]] Result<api::ResultFrame> from_termination_message(const std::string& pod_name) const {
    for (const auto& pod : observed_.pods) {
      if (pod->meta.name != pod_name) continue;
      auto compact = api::frame_from_termination_message(pod->agent.message);
      RETURN_IF_ERROR(compact);
      if (!compact->complete) {
        compact->frame.partial = true;
        compact->frame.warning = "the agent's log was gone: what did not fit into its termination message is lost";
      }
      return std::move(compact->frame);
    }
    return fail(ErrorKind::kNotFound, "pod {} is gone", pod_name);
  }

  const Context& context_;
  const Observed& observed_;
  LargeWork::Turn& turn_;
  std::stop_token stop_;
  RunPtr run_;
  bool fresh_ = false;  // run_ came from the API server in this pass
};

// Counts how an attempt starts when that is written.
void count_start(const Context& context, const api::ModelRunStatus& before, const api::ModelRunStatus& now) {
  if (now.provenance.start.empty() || before.attempts == now.attempts) return;
  const bool warm = now.provenance.start == api::kStartWarm;
  context.metrics
      .counter("modelrun_warm_starts_total",
               "Attempts of projects with spec.warm, by how they started: Warm, or why they started cold.",
               {{"start", warm ? std::string(api::kStartWarm) : now.provenance.cold_reason}})
      .Increment();
}

// Records the plan's events, logs them, and counts the run if it has ended.
void report(const Context& context, const api::ModelRun& run, const Plan& plan) {
  auto events = plan.events;
  if (plan.status && plan.status->phase != run.status.phase && run.status.error) {
    // The API server has refused the status that the plan's events tell of; see refused_end().
    events = {{EventType::kWarning, run.status.error->reason, run.status.error->message}};
  }
  for (const auto& note : events) {
    const auto kind = note.type == EventType::kNormal ? runtime::EventKind::kNormal : runtime::EventKind::kWarning;
    context.events.event(kube::kModelRuns, run.meta, kind, note.reason, "Reconcile", note.note);
    log::info(note.note, {{"run", run.meta.key()},
                          {"uid", run.meta.uid},
                          {"reason", note.reason},
                          {"phase", std::string(to_string(run.status.phase))}});
  }
  if (!api::is_final(run.status.phase) || !plan.status) return;
  const auto word = run.status.error ? std::string_view(run.status.error->reason) : api::reason::kSucceeded;
  const auto reason = std::string(api::reason::end_label(word));
  context.metrics
      .counter("modelrun_runs_finished_total", "Runs that ended, by phase and reason.",
               {{"phase", std::string(to_string(run.status.phase))}, {"reason", reason}})
      .Increment();
  count_end(context, run);
  trace_end(context, run);
}

}  // namespace

Result<RunPtr> apply_run(const Context& context, const Observed& observed, const Plan& plan, LargeWork::Turn& turn,
                         std::stop_token stop) {
  const auto& meta = observed.run->meta;
  const auto attempt = static_cast<int>(observed.run->status.attempts);
  for (const auto mark : plan.marks) context.inbox.set_mark(meta.uid, attempt, mark, /*again=*/false);
  Applier applier(context, observed, turn, std::move(stop));
  for (const auto& action : plan.before) {
    RETURN_IF_ERROR(applier.carry_out(action));
  }
  if (plan.status) {
    RETURN_IF_ERROR(applier.write(*plan.status));
    count_start(context, observed.run->status, *plan.status);
    count_wait(context, *observed.run, *plan.status);
  }
  // Needed without a write too: a status that an earlier pass has written may answer requests that came later.
  context.inbox.settle(*applier.run());
  hand_over(context, applier.run(), observed.project, applier.stop());
  give_points(context, applier.run(), observed.project, applier.stop());
  report(context, *applier.run(), plan);
  for (const auto& action : plan.after) {
    RETURN_IF_ERROR(applier.carry_out(action));
  }
  return applier.run();
}

Result<void> apply_finished(const Context& context, const api::ObjectMeta& meta, const Plan& plan,
                            std::stop_token stop) {
  // The actions for a finished run need only its name and UID.
  auto run = std::make_shared<api::ModelRun>();
  run->meta = meta;
  Observed observed;
  observed.run = std::move(run);
  LargeWork::Turn turn;  // deletions do not need it
  Applier applier(context, observed, turn, std::move(stop));
  for (const auto& action : plan.after) {
    RETURN_IF_ERROR(applier.carry_out(action));
  }
  return {};
}

}  // namespace modelrun::controller
