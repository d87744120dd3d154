#include "controller/apply_project.h"

#include "base/log.h"
#include "controller/children.h"
#include "controller/resources/job.h"

namespace modelrun::controller {
namespace {

Result<void> write(const Context& context, const api::ModelProject& project, const api::ModelProjectStatus& status,
                   std::stop_token stop) {
  const auto body = api::status_update("ModelProject", project.meta, api::encode_status(status));
  auto answer = context.client.replace_status(kube::kModelProjects, body, std::move(stop));
  RETURN_IF_ERROR(answer);
  context.caches.projects.put(api::decode_model_project(*answer));
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

void note_failure(const Context& context, const api::ModelProject& project, const std::string& message) {
  context.standbys.note_failure(project.meta.uid, message);
  context.events.event(kube::kModelProjects, project.meta, runtime::EventKind::kWarning, "StandbyFailed", "Reconcile",
                       message);
  log::warn("a standby cannot be had", {{"project", project.meta.key()}, {"error", message}});
}

// What keeps a standby from being made is noted, and is in the way of nothing else.
void make_standby(const Context& context, const api::ModelProject& project, const std::string& digest,
                  const std::stop_token& stop) {
  const auto name = context.standbys.new_name(project.meta.name);
  auto made = ensure_network_policy(context, project.meta.namespace_, stop);
  if (made) {
    const auto job = context.client.create(kube::kJobs, build_standby({project, context.settings, name, digest}), stop);
    if (job)
      context.caches.jobs.put(api::decode_job(*job));
    else
      made = std::unexpected(job.error());
  }
  if (made || made.error().kind == ErrorKind::kCancelled) return;
  note_failure(context, project, made.error().message);
}

}  // namespace

Result<void> apply_project(const Context& context, const ProjectObserved& observed, const ProjectPlan& plan,
                           std::stop_token stop) {
  const auto& project = *observed.project;
  if (plan.begin_probe) context.sources.begin_probe(project);
  if (plan.status) {
    RETURN_IF_ERROR(write(context, project, *plan.status, stop));
  }
  for (const auto& failure : plan.failures) note_failure(context, project, failure);
  for (const auto& job : plan.drop_standbys) {
    RETURN_IF_ERROR(drop_standby(context, job, stop));
  }
  for (std::int64_t i = 0; i < plan.make_standbys; ++i) make_standby(context, project, observed.pool.digest, stop);
  for (const auto& name : plan.admitted) context.run_queue.add(api::object_key(project.meta.namespace_, name));
  for (const auto& run : plan.expired) {
    RETURN_IF_ERROR(delete_expired(context, *run, stop));
  }
  return {};
}

}  // namespace modelrun::controller
