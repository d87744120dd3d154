#include "controller/hand_over.h"

#include <utility>

#include "api/standby.h"
#include "controller/live.h"
#include "controller/run/as_admitted.h"
#include "controller/run/limits.h"

namespace modelrun::controller {
namespace {

using RunPtr = std::shared_ptr<const api::ModelRun>;

// The run with the text of its parameters, which the cache does not keep.
Result<RunPtr> whole(const Context& context, const RunPtr& run, const std::stop_token& stop) {
  if (!run->spec.parameters || run->spec.parameters->has_text()) return run;
  auto live = read_live(context, kube::kModelRuns, run->meta.namespace_, run->meta.name, &api::decode_model_run, stop);
  RETURN_IF_ERROR(live);
  if (!*live || (*live)->meta.uid != run->meta.uid) return fail(ErrorKind::kConflict, "the run is gone");
  return live;
}

Result<std::string> work_line(const Context& context, const RunPtr& run,
                              const std::shared_ptr<const api::ModelProject>& project, const std::stop_token& stop) {
  const auto settings = as_admitted(*run, project);
  if (!settings) return fail(ErrorKind::kConflict, "the run's project is gone");
  const auto full = whole(context, run, stop);
  RETURN_IF_ERROR(full);
  api::Work work;
  work.run_name = run->meta.name;
  work.run_uid = run->meta.uid;
  work.attempt = static_cast<int>(run->status.attempts);
  work.entry_point = run->spec.entry_point();
  work.timeout = std::chrono::seconds(timeout_seconds(run->spec, settings->limits, context.settings));
  work.environment = api::run_environment(*run);
  work.points = run->spec.points.has_value();
  if (const auto& parameters = (*full)->spec.parameters) {
    if (parameters->digest() != run->status.provenance.parameters_digest) {
      return fail(ErrorKind::kConflict, "the run's parameters are not those that it was admitted with");
    }
    work.parameters = parameters->text();
  }
  return api::encode_work(work);
}

}  // namespace

void forget_if_gone(const Context& context, const std::string& key, const std::string& uid) {
  const auto record = context.caches.runs.find(key);
  if (!record || record->meta.uid != uid) {
    context.inbox.forget(uid);
    context.points.forget(uid);
  }
}

Error for_pod(const Error& error) {
  return error.kind == ErrorKind::kConflict ? error : Error{ErrorKind::kUnavailable, error.message};
}

void give_source(const Context& context, const RunPtr& run, std::shared_ptr<const api::ModelProject> project,
                 const DoneWithSource& done) {
  const auto settings = as_admitted(*run, std::move(project));
  if (!settings) return done(fail(ErrorKind::kConflict, "the run's project is gone"));
  const auto attempt = static_cast<int>(run->status.attempts);
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

void hand_over(const Context& context, const RunPtr& run, const std::shared_ptr<const api::ModelProject>& project,
               const std::stop_token& stop) {
  const auto& status = run->status;
  if (status.phase != api::Phase::kRunning || status.provenance.start != api::kStartWarm) return;
  const auto give = context.standbys.take_request(status.pod_uid);
  if (!give) return;
  auto line = work_line(context, run, project, stop);
  if (!line) return give(std::unexpected(for_pod(line.error())));
  context.inbox.set_awaits_work(run->meta.uid, static_cast<int>(status.attempts), false);
  give_source(context, run, project, [give, line = std::move(*line)](const auto& archive) {
    if (!archive) return give(std::unexpected(archive.error()));
    give(runserver::GivenWork{line, *archive});
  });
}

}  // namespace modelrun::controller
