#include "controller/observe.h"

#include <algorithm>
#include <utility>

#include "controller/secrets.h"

namespace modelrun::controller {
namespace {

void observe_children(const Context& context, Observed& observed) {
  const auto& run = *observed.run;
  for (auto& job : context.caches.jobs.by_index(kByRun, run.meta.uid)) {
    if (job->meta.name != run.status.job_name || job->meta.owner_uid != run.meta.uid) continue;
    context.inbox.set_job_seen(run.meta.uid, static_cast<int>(run.status.attempts));
    // A Job that is being deleted is as good as gone; its Pod is followed to its end.
    if (!job->meta.deleting()) observed.job = std::move(job);
    else observed.job_seen = true;
  }
  for (auto& pod : context.caches.pods.by_index(kByRun, run.meta.uid)) {
    if (pod->meta.owner_name == run.status.job_name) observed.pods.push_back(std::move(pod));
  }
  std::ranges::sort(observed.pods, std::ranges::greater{}, [](const auto& pod) { return pod->meta.creation; });
}

void observe_inbox(const Context& context, Observed& observed) {
  auto notes = context.inbox.read(*observed.run);
  observed.claims = std::move(notes.claims);
  observed.frame = std::move(notes.frame);
  observed.durable_final = notes.durable_final;
  observed.job_seen = observed.job_seen || notes.job_seen;
  observed.job_foreign = notes.job_foreign;
  observed.children_ensured = notes.children_ensured;
  observed.job_error = std::move(notes.job_error);
  observed.marks = std::move(notes.marks);
}

}  // namespace

Result<Observed> observe(const Context& context, std::shared_ptr<const api::ModelRun> run, std::stop_token stop) {
  Observed observed;
  observed.run = std::move(run);
  const auto& meta = observed.run->meta;
  observed.project = context.caches.projects.find(meta.namespace_ + "/" + observed.run->spec.project);
  if (observed.project) {
    const auto& active = observed.project->status.active;
    const auto mine = std::ranges::find(active, meta.uid, &api::ActiveRun::uid);
    if (mine != active.end()) observed.admitted_number = mine->number;
  }
  observed.source = context.sources.view(meta.uid);
  if (observed.run->status.job_name.empty()) {
    // Only now do the Secrets matter: the Job is about to be made.
    if (observed.project && observed.admitted_number) {
      auto wrong = check_env_secrets(context.client, *observed.project, stop);
      if (!wrong) return std::unexpected(wrong.error());
      observed.env_error = std::move(*wrong);
    }
    return observed;
  }
  observe_children(context, observed);
  observe_inbox(context, observed);
  return observed;
}

}  // namespace modelrun::controller
