#include "controller/apply_project.h"

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
  return {};
}

}  // namespace modelrun::controller
