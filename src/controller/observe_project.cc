#include "controller/observe_project.h"

#include <algorithm>
#include <utility>

#include "api/sandbox.h"
#include "base/printable.h"
#include "controller/live.h"
#include "controller/observe_standby.h"
#include "controller/project/decide.h"
#include "controller/resources/job.h"
#include "controller/run/image_volume.h"
#include "controller/run/steps.h"
#include "controller/sources/secrets.h"
#include "controller/standby_metrics.h"

namespace modelrun::controller {
namespace {

// True if the run has a Job. The Job of a suspended run is deleted only after the status that says so is written, and
// the operator may crash in between.
bool has_job(const Context& context, const api::ObjectMeta& run) {
  return std::ranges::any_of(own_jobs(context.caches.jobs, run), [](const auto& job) { return !job->meta.deleting(); });
}

// True if the run of an active entry has ended, is gone, or has lost its slot.
Result<bool> is_over(const Context& context, const std::string& namespace_, const api::ActiveRun& entry,
                     std::stop_token stop) {
  const auto record = context.caches.runs.find(api::object_key(namespace_, entry.name));
  if (record && record->meta.uid == entry.uid) {
    const bool holds = !record->meta.deleting() && record->active && !has_lost(entry, *record->active);
    return !record->active || (!holds && !has_job(context, record->meta));
  }
  const auto live =
      read_live(context, kube::kModelRuns, namespace_, entry.name, &api::decode_model_run, std::move(stop));
  RETURN_IF_ERROR(live);
  if (!*live || (*live)->meta.uid != entry.uid || api::is_final((*live)->status.phase)) return true;
  return (*live)->meta.deleting() && !has_job(context, (*live)->meta);
}

Result<void> observe_over(const Context& context, ProjectObserved& observed, std::stop_token stop) {
  for (const auto& entry : observed.project->status.active) {
    const auto over = is_over(context, observed.project->meta.namespace_, entry, stop);
    RETURN_IF_ERROR(over);
    if (*over) observed.over.insert(entry.uid);
  }
  return {};
}

// Who waits for a slot. A request whose run is gone or over is dropped: a slot that is given to nobody would never come
// back.
std::vector<SlotRequest> waiting_runs(const Context& context, const std::string& project_key) {
  auto requests = context.slots.of(project_key);
  const auto namespace_ = project_key.substr(0, project_key.find('/'));
  std::erase_if(requests, [&](const SlotRequest& request) {
    const auto run = context.caches.runs.find(api::object_key(namespace_, request.name));
    if (run && run->meta.uid == request.uid && run->active && !run->meta.deleting()) return false;
    context.slots.leave(request.uid);
    return true;
  });
  return requests;
}

void observe_runs(const Context& context, ProjectObserved& observed, const std::string& key) {
  auto runs = context.caches.runs.by_index(kByProject, key);
  for (const auto& run : runs) observed.highest_number = std::max(observed.highest_number, run->number);
  const auto& history = observed.project->history;
  if (!history.successful && !history.failed) return;
  for (const auto& run : runs) {
    if (is_followed(context.caches.runs, run->meta.uid)) observed.followed.insert(run->meta.uid);
  }
  observed.runs = std::move(runs);
  observed.end_events = context.settings.end_events.has_value();
}

std::string end_of(std::string_view name, const api::ContainerView& container) {
  auto words = fmt::format("the container {} ended: {}", name, container.reason);
  if (container.exit_code) words += fmt::format(", exit code {}", *container.exit_code);
  return words;
}

// Why the standby has ended or is not ready. Empty as long as that is not known: the agent says why the model's
// container has ended a moment after that has.
std::string trouble_of(const api::PodView& pod) {
  using State = api::ContainerView::State;
  const auto frame = api::frame_from_termination_message(pod.agent.message);
  if (frame && frame->frame.error) return frame->frame.error->message;
  for (const auto* container : {&pod.agent, &pod.model}) {
    if (container->state == State::kWaiting && !container->message.empty()) {
      return fmt::format("{}: {}", container->reason, container->message);
    }
  }
  if (pod.agent.state == State::kTerminated) return end_of(api::kAgentContainer, pod.agent);
  if (pod.model.state == State::kTerminated && pod.ended()) return end_of(api::kModelContainer, pod.model);
  return pod.scheduled ? std::string() : pod.scheduling_message;
}

// From when the standby's age counts: nothing of it gets old while its Job is suspended and has no pod.
Time born(const api::JobView& job, const std::vector<std::shared_ptr<const api::PodView>>& pods, Time now) {
  if (job.suspended) return now;
  if (!job.resumed || pods.empty()) return job.meta.creation;
  return std::ranges::max(pods, {}, [](const auto& pod) { return pod->meta.creation; })->meta.creation;
}

Standby view_of(const Context& context, const api::JobView& job) {
  Standby standby;
  standby.job = job.meta;
  standby.digest = job.standby;
  auto pods = pods_of(context.caches.pods, job.meta);
  // Pods that go because the Job was suspended are no failures: it is resumed with another one.
  if (job.suspended || job.resumed) std::erase_if(pods, [](const auto& pod) { return pod->meta.deleting(); });
  standby.over = job.failed || job.complete || std::ranges::any_of(pods, [](const auto& pod) {
                   return pod->meta.deleting() || pod->ended() || !pod->disruption.empty();
                 });
  const Time now = context.clock.now();
  standby.age = std::max<Duration>(now - born(job, pods, now), Duration::zero());
  standby.ready = !standby.over && ready_pod(context, job) != nullptr;
  const auto newest =
      std::ranges::max_element(pods, {}, [](const auto& pod) { return std::pair(pod->meta.creation, pod->meta.uid); });
  if (!standby.ready && newest != pods.end()) standby.trouble = printable(trouble_of(**newest));
  if (job.suspended) standby.trouble = suspended_words(job);
  if (standby.ready) count_refill(context, job.meta.uid);
  standby.unready_for = context.standbys.unready_for(job.meta.uid, standby.ready || job.suspended);
  if (!standby.ready && newest != pods.end() && context.settings.image_volumes == ImageVolumes::kAuto) {
    const auto placed_for = context.standbys.placed_for(job.meta.uid, (*newest)->scheduled);
    const auto sight = look_at_image_volume(**newest, placed_for);
    standby.volume_trouble = printable(sight.trouble);
    standby.look_at_volume = sight.look_again;
  }
  // A Job that has gone meanwhile would be kept there for ever: its removal, which the caches report once, has been
  // handled.
  const auto seen = context.caches.jobs.find(job.meta.key());
  if (!seen || seen->meta.uid != job.meta.uid) context.standbys.forget_job(job.meta.uid);
  return standby;
}

// How many more standbys may be made: of the operator's limit in all, and of the half of it that one namespace may use.
std::int64_t room_for(const Context& context, const std::string& namespace_) {
  const auto most = context.settings.max_standbys;
  const auto left = [&](std::int64_t limit, const std::string& where) {
    return limit - static_cast<std::int64_t>(context.caches.jobs.by_index(kStandbys, where).size());
  };
  return std::max<std::int64_t>(std::min(left(most, ""), left((most + 1) / 2, namespace_)), 0);
}

// Fails if it cannot be seen now which Secrets a standby would have: that is in the way of nothing else of the
// project. A project that has never had standbys costs one look into the index.
Result<StandbyPool> observe_pool(const Context& context, const api::ModelProject& project, std::stop_token stop) {
  StandbyPool pool;
  for (const auto& job : own_jobs(context.caches.jobs, project.meta)) {
    if (!job->standby.empty() && !job->meta.deleting()) pool.standbys.push_back(view_of(context, *job));
  }
  // The index has no order, and a simulation has to give the same order when it is replayed.
  std::ranges::sort(pool.standbys, {}, [](const Standby& standby) { return standby.job.name; });
  if (project.warm.sandboxes == 0) return pool;
  if (std::ranges::any_of(pool.standbys, &Standby::ready)) context.standbys.forget_failures(project.meta.uid);
  if (const auto trouble = context.standbys.trouble(project.meta.uid)) {
    pool.trouble = trouble->message;
    pool.retry_in = trouble->retry_in;
  }
  pool.refill_in = context.standbys.refill_in(project.meta.uid);
  const auto secrets = check_env_secrets(context.client, project, std::move(stop));
  RETURN_IF_ERROR(secrets);
  if (!project.run_settings) {
    pool.trouble = "the project's spec is too large";
  } else if (!secrets->error.empty()) {
    pool.trouble = secrets->error;
  } else {
    const bool mounted = mounts_image(context.settings, project.runtime, context.image_volumes.usable(), 1);
    pool.digest = standby_digest(project, context.settings, mounted, secrets->versions);
  }
  pool.room = room_for(context, project.meta.namespace_);
  return pool;
}

}  // namespace

Result<ProjectObserved> observe_project(const Context& context, std::shared_ptr<const api::ModelProject> project,
                                        std::stop_token stop) {
  ProjectObserved observed;
  observed.project = std::move(project);
  const auto key = observed.project->meta.key();
  observed.probe = context.sources.probe_of(*observed.project);
  observed.waiting = waiting_runs(context, key);
  if (const auto last = context.project_writes.last(key)) {
    observed.since_write = std::chrono::duration_cast<Duration>(context.steady.now() - *last);
  }
  observe_runs(context, observed, key);
  if (auto pool = observe_pool(context, *observed.project, stop)) {
    observed.pool = std::move(*pool);
  } else if (!is_transient(pool.error().kind) && pool.error().kind != ErrorKind::kCancelled) {
    observed.pool_trouble = printable(pool.error().message);
  }
  RETURN_IF_ERROR(observe_over(context, observed, std::move(stop)));
  return observed;
}

}  // namespace modelrun::controller
