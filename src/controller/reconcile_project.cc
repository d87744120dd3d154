#include "controller/reconcile_project.h"

#include <utility>

#include "controller/apply_project.h"
#include "controller/observe_project.h"
#include "controller/project/decide.h"

namespace modelrun::controller {

runtime::ReconcileResult reconcile_project(const Context& context, const std::string& key, std::stop_token stop) {
  auto project = context.caches.projects.find(key);
  if (!project || project->meta.deleting()) return runtime::done();
  const auto observed = observe_project(context, std::move(project), stop);
  if (!observed) return runtime::failed(observed.error());
  const ProjectPlan plan = decide_project(*observed, context.clock.now());
  if (auto applied = apply_project(context, *observed, plan, std::move(stop)); !applied) {
    return runtime::failed(applied.error());
  }
  return plan.requeue_after ? runtime::requeue_after(*plan.requeue_after) : runtime::done();
}

}  // namespace modelrun::controller
