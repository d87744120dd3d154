#include "gateway/runs/kube_run_service.h"

#include "api/json_access.h"
#include "api/run_object.h"
#include "api/strict_json.h"
#include "gateway/runs/create_once.h"
#include "gateway/runs/names.h"
#include "gateway/runs/rights.h"
#include "kube/payload.h"
#include "kube/refusal.h"

namespace modelrun::gateway {
namespace {

constexpr std::size_t kParameterBytes = 64 * 1024;          // parameters must be smaller than this as JSON
constexpr std::size_t kMaxAtOnce = std::size_t{64} << 10U;  // encoding more as JSON takes milliseconds
constexpr int kMaxConflicts = 5;                            // of one change, with changes that others make

Result<nlohmann::json> object_for(const Identity& caller, const NewRun& wanted) {
  api::RunRequest request{.namespace_ = wanted.project.namespace_,
                          .project = wanted.project.name,
                          .model = wanted.model,
                          .branch = wanted.branch,
                          .commit = wanted.commit,
                          .parameters = wanted.parameters,
                          .timeout_seconds = wanted.timeout_seconds,
                          .fail_on_artifact_loss = wanted.fail_on_artifact_loss,
                          .reuse = wanted.reuse,
                          .name = name_of_key("run", caller, wanted.project.namespace_, wanted.idempotency_key),
                          .created_by = "gateway"};
  if (request.parameters) {
    const auto size = api::json_text(*request.parameters).size();
    if (size >= kParameterBytes) {
      return fail(
          ErrorKind::kTooLarge,
          "parameters: {} bytes as JSON; they must be smaller than {}. Larger data belongs in the repository or "
          "in the project's data",
          size, kParameterBytes);
    }
  }
  auto object = api::run_object(request);
  add_origin(object, caller, wanted.traceparent);
  return object;
}

}  // namespace

std::string no_run(std::string_view run_id) {
  return no_object(kRunIds, run_id);
}

Result<Started> KubeRunService::start(const Identity& caller, const NewRun& wanted, std::stop_token stop) {
  const auto& project = wanted.project;
  RETURN_IF_ERROR(runs_.demand(caller, "create", project.namespace_, "start", no_project(project), stop));
  const auto object = object_for(caller, wanted);
  RETURN_IF_ERROR(object);
  if (wanted.shared) {
    // Who asks again and again costs the API server nothing. A run that shows another project, model or commit is
    // compared as a whole below, which refuses it; one that has no commit yet is checked by who uses its result.
    auto known = cache_.find_named(project.namespace_, (*object)["metadata"].value("name", ""));
    const auto fits = [&](const RunSummary& run) {
      return run.project == project.name && run.model == wanted.model &&
             (run.commit.empty() || run.commit == wanted.commit);
    };
    if (known && fits(*known)) {
      auto noted = note_shared(std::move(*known), stop);
      if (noted) return Started{.run = std::move(*noted), .created = false, .suspended = false};
      if (noted.error().kind != ErrorKind::kNotFound) return std::unexpected(noted.error());
    }
  }
  const auto there = read_project(client_, project, stop);
  RETURN_IF_ERROR(there);
  const bool suspended = api::bool_at(api::member(*there, "spec"), "suspend");
  const auto made = create_once(client_, kube::kModelRuns, *object, {kRunIds, api::requested_spec}, stop);
  RETURN_IF_ERROR(made);
  const auto run = api::decode_model_run(made->object);
  cache_.note(run);
  auto summary = summarize(run);
  if (wanted.shared && !made->created) {
    auto noted = note_shared(std::move(summary), stop);
    RETURN_IF_ERROR(noted);
    summary = std::move(*noted);
  }
  return Started{.run = std::move(summary), .created = made->created, .suspended = suspended};
}

Result<RunSummary> KubeRunService::note_shared(RunSummary run, std::stop_token stop) {
  if (run.shared || api::is_final(run.phase)) return run;
  const auto answer = client_.patch_answer(kube::kModelRuns, run.key.namespace_, run.key.name, kube::PatchType::kMerge,
                                           {{"metadata", {{"uid", run.key.uid}, {"labels", {{kLabelShared, "true"}}}}}},
                                           {}, std::move(stop));
  if (!answer && (answer.error().kind == ErrorKind::kNotFound || answer.error().kind == ErrorKind::kConflict)) {
    return fail(ErrorKind::kNotFound, "{}", no_run(run.key.uid));  // or another run has that name now
  }
  if (!answer) return std::unexpected(own_fault(kube::plain_refusal(answer.error())));
  const auto noted = answer->read(&api::decode_model_run);
  if (!noted) return std::unexpected(own_fault(noted.error()));
  cache_.note(*noted);
  return summarize(*noted);
}

void KubeRunService::notify(const RunKey& key, std::uint64_t seen, std::chrono::milliseconds span,
                            const std::stop_token& stop, std::function<void()> wake) {
  cache_.notify(key, seen, span, stop, std::move(wake));
}

void KubeRunService::pause(std::chrono::milliseconds span, const std::stop_token& stop, std::function<void()> wake) {
  cache_.pause(span, stop, std::move(wake));
}

Result<RunSummary> KubeRunService::refresh_summary(const Identity& caller, const RunKey& key, bool live,
                                                   std::stop_token stop) {
  return runs_.refresh(caller, key, live, std::move(stop));
}

Result<RunSummary> KubeRunService::find_summary(const Identity& caller, std::string_view run_id, std::stop_token stop) {
  return runs_.find(caller, run_id, stop);
}

Result<RunPtr> KubeRunService::read_run(const Identity& caller, const RunKey& key, std::stop_token stop) {
  RETURN_IF_ERROR(runs_.demand_sight(caller, key.namespace_, key.uid, stop));
  // A copy from memory will do: the watch tells whether the run still exists, and in which version.
  if (const auto known = cache_.find(key); known && api::is_final(known->phase)) {
    if (auto kept = results_.run(key.uid, known->version)) return kept;
  }
  auto live = runs_.read_live(key, stop);
  RETURN_IF_ERROR(live);
  auto run = std::make_shared<const api::ModelRun>(std::move(*live));
  if (api::is_final(run->status.phase)) results_.put(run);
  return run;
}

std::optional<EndedRun> KubeRunService::remembered_run(const Identity& caller, std::string_view run_id) {
  const auto digits = run_id_digits(run_id);
  if (!digits || !cache_.filled()) return std::nullopt;
  // Some of several candidates may be invisible to this caller; find_summary() checks each of them.
  auto candidates = cache_.by_uid(*digits);
  if (candidates.size() != 1) return std::nullopt;
  auto& summary = candidates.front();
  const auto see = to("get", kube::kModelRuns, summary.key.namespace_);
  if (!api::is_final(summary.phase) || access_.remembered(caller, see) != true) return std::nullopt;
  auto kept = results_.whole(summary.key.uid, summary.version, kMaxAtOnce);
  if (!kept) return std::nullopt;
  return EndedRun{std::move(summary), std::move(kept->first), std::move(kept->second)};
}

Result<FramePtr> KubeRunService::payload(const Identity& caller, const api::ModelRun& run, std::stop_token stop) {
  RETURN_IF_ERROR(runs_.demand_sight(caller, run.meta.namespace_, run.meta.uid, stop));
  if (auto kept = results_.frame(run)) return kept;
  auto loaded = kube::load_payload(client_, run, stop);
  if (!loaded) return std::unexpected(own_fault(loaded.error()));
  auto frame = std::make_shared<const api::ResultFrame>(std::move(*loaded));
  results_.put(run, frame);
  return frame;
}

Result<RunPage> KubeRunService::list(const Identity& caller, const ProjectRef& project, const RunQuery& query,
                                     std::stop_token stop) {
  auto runs = runs_.of_project(caller, project, std::move(stop));
  RETURN_IF_ERROR(runs);
  return page_of(std::move(*runs), query);
}

Result<RunSummary> KubeRunService::cancel(const Identity& caller, const RunKey& key, std::stop_token stop) {
  return runs_.cancel(caller, key, std::move(stop));
}

Result<void> KubeRunService::cancel_unshared(const Identity& caller, const RunKey& key, std::stop_token stop) {
  RETURN_IF_ERROR(runs_.demand(caller, "patch", key.namespace_, "cancel", no_run(key.uid), stop));
  for (int i = 0; i < kMaxConflicts; ++i) {
    const auto before = runs_.read_live(key, stop);
    RETURN_IF_ERROR(before);
    if (api::is_final(before->status.phase) || before->labels.contains(std::string(kLabelShared))) return {};
    // The version is a precondition: who asks for the run in between changes it.
    const auto answer = client_.patch_answer(
        kube::kModelRuns, key.namespace_, key.name, kube::PatchType::kMerge,
        {{"metadata", {{"uid", key.uid}, {"resourceVersion", std::to_string(before->meta.resource_version)}}},
         {"spec", {{"cancel", true}}}},
        {}, stop);
    if (answer) return answer->read([this](const kube::Json& object) { cache_.note(api::decode_model_run(object)); });
    if (answer.error().kind != ErrorKind::kConflict) return std::unexpected(own_fault(answer.error()));
  }
  return fail(ErrorKind::kConflict, "run {} changes all the time: cancel it with cancel_run", key.uid);
}

}  // namespace modelrun::gateway
