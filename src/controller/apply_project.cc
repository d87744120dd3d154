#include "controller/apply_project.h"

#include "base/log.h"
#include "base/printable.h"
#include "controller/children.h"
#include "controller/resources/job.h"
#include "controller/run/image_volume.h"

namespace modelrun::controller {
namespace {

Result<void> write(const Context& context, const api::ModelProject& project, const api::ModelProjectStatus& status,
                   std::stop_token stop) {
  const auto answer = context.client.replace_status_answer(
      kube::kModelProjects, kube::status_text(kube::kModelProjects, project.meta, api::encode_status(status)),
      std::move(stop));
  RETURN_IF_ERROR(answer);
  auto written = answer->read(&api::decode_model_project);
  RETURN_IF_ERROR(written);
  context.caches.projects.put(std::move(*written));
  context.project_writes.note(project.meta.key(), context.steady.now());
  return {};
}

Result<void> delete_expired(const Context& context, const RunRecord& run, std::stop_token stop) {
  kube::DeleteOptions options;
  options.uid = run.meta.uid;
  auto removed = context.client.remove(kube::kModelRuns, run.meta.namespace_, run.meta.name, options, std::move(stop));
  // The run was deleted by somebody else, or another run has its name by now (the UID is a precondition).
  if (!removed && (removed.error().kind == ErrorKind::kNotFound || removed.error().kind == ErrorKind::kConflict)) {
    return {};
  }
  return removed;
}

// Deletes the standby, unless a run has adopted it since it was read.
Result<void> drop_standby(const Context& context, const api::ObjectMeta& job, std::stop_token stop) {
  kube::DeleteOptions options;
  options.uid = job.uid;
  options.resource_version = std::to_string(job.resource_version);
  auto removed = context.client.remove(kube::kJobs, job.namespace_, job.name, options, std::move(stop));
  if (!removed && (removed.error().kind == ErrorKind::kNotFound || removed.error().kind == ErrorKind::kConflict)) {
    return {};
  }
  return removed;
}

void note_failure(const Context& context, const api::ModelProject& project, std::string_view why) {
  const auto message = printable(why);
  context.standbys.note_failure(project.meta.uid, message);
  context.events.event(kube::kModelProjects, project.meta, runtime::EventKind::kWarning, "StandbyFailed", "Reconcile",
                       message);
  log::warn("a standby cannot be had", {{"project", project.meta.key()}, {"error", message}});
}

Result<void> make_standbys(const Context& context, const api::ModelProject& project, const std::string& digest,
                           std::int64_t count, const std::stop_token& stop) {
  if (count == 0) return {};
  RETURN_IF_ERROR(ensure_network_policy(context, project.meta.namespace_, stop));
  const bool mounted = mounts_image(context.settings, project.runtime, context.image_volumes.usable(), 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto name = context.standbys.new_name(project.meta.name);
    const auto job =
        context.client.create(kube::kJobs, build_standby({project, context.settings, name, digest, mounted}), stop);
    RETURN_IF_ERROR(job);
    auto view = api::decode_job(*job);
    context.standbys.note_made(view.meta.uid);
    context.caches.jobs.put(std::move(view));
  }
  return {};
}

// That a standby cannot be made is noted, and fails nothing.
Result<void> keep_pool(const Context& context, const ProjectObserved& observed, const ProjectPlan& plan,
                       const std::stop_token& stop) {
  const auto& project = *observed.project;
  if (!plan.no_image_volumes.empty()) context.image_volumes.give_up(plan.no_image_volumes);
  for (const auto& failure : plan.failures) note_failure(context, project, failure);
  for (const auto& job : plan.drop_standbys) {
    RETURN_IF_ERROR(drop_standby(context, job, stop));
  }
  const auto made =
      make_standbys(context, project, observed.pool ? observed.pool->digest : "", plan.make_standbys, stop);
  if (!made && made.error().kind != ErrorKind::kCancelled) note_failure(context, project, made.error().message);
  return {};
}

}  // namespace

Result<void> apply_project(const Context& context, const ProjectObserved& observed, const ProjectPlan& plan,
                           std::stop_token stop) {
  const auto& project = *observed.project;
  if (plan.begin_probe) context.sources.begin_probe(project);
  if (plan.status) {
    RETURN_IF_ERROR(write(context, project, *plan.status, stop));
  }
  for (const auto& name : plan.admitted) context.run_queue.add(api::object_key(project.meta.namespace_, name));
  for (const auto& run : plan.expired) {
    RETURN_IF_ERROR(delete_expired(context, *run, stop));
  }
  return keep_pool(context, observed, plan, stop);
}

}  // namespace modelrun::controller
