#include "gateway/runs/kube_run_service.h"

#include <algorithm>

#include "api/json_access.h"
#include "api/run_object.h"
#include "api/strict_json.h"
#include "base/encoding.h"
#include "gateway/runs/names.h"
#include "kube/payload.h"
#include "kube/refusal.h"

namespace modelrun::gateway {
namespace {

constexpr std::size_t kCandidates = 10;                                // named in the error for an ambiguous run_id
constexpr std::size_t kParameterBytes = 64 * 1024;                     // parameters must be smaller than this as JSON
constexpr std::string_view kTraceparent = "modelrun.dev/traceparent";  // annotation
constexpr std::size_t kMaxAtOnce = std::size_t{64} << 10U;             // encoding more as JSON takes milliseconds

// The name of a run with an idempotency key: the same key of the same caller gives the same name, so a repeated
// request finds the first run. The caller is part of it, so that no key leads to the run of another caller.
std::string name_for(const Identity& caller, const NewRun& wanted) {
  // With the length before each part, the parts of two different requests cannot give the same text.
  std::string text;
  for (const std::string_view part : {std::string_view(wanted.project.namespace_), std::string_view(caller.user),
                                      std::string_view(wanted.idempotency_key)}) {
    text += fmt::format("{}:{}", part.size(), part);
  }
  return "run-" + sha256_hex(text).substr(0, 40);
}

Result<nlohmann::json> object_for(const Identity& caller, const NewRun& wanted) {
  api::RunRequest request{.namespace_ = wanted.project.namespace_,
                          .project = wanted.project.name,
                          .model = wanted.model,
                          .branch = wanted.branch,
                          .commit = wanted.commit,
                          .parameters = wanted.parameters,
                          .timeout_seconds = {},
                          .name = wanted.idempotency_key.empty() ? "" : name_for(caller, wanted),
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
  object["metadata"]["annotations"] = {{api::kAnnotationRequestedBy, caller.user}};
  if (!wanted.traceparent.empty()) object["metadata"]["annotations"][kTraceparent] = wanted.traceparent;
  return object;
}

std::string candidates_text(std::vector<RunSummary> runs) {
  std::ranges::sort(runs, std::ranges::greater{}, &RunSummary::created);
  std::string text;
  for (const auto& run : runs) {
    text += fmt::format("{}{} ({}, {})", text.empty() ? "" : "; ", run.key.uid, run.project, status_word(run.phase));
  }
  return text;
}

}  // namespace

std::string no_project(const ProjectRef& project) {
  return fmt::format("there is no project '{}' in namespace {} that you can see", project.name, project.namespace_);
}

std::string no_run(std::string_view run_id) {
  return fmt::format("there is no run {} that you can see; list_runs shows the runs of a project", run_id);
}

Result<void> KubeRunService::demand(const Identity& caller, const ResourceAttributes& action, std::string_view what,
                                    const std::string& absent, std::stop_token stop) {
  const auto may = access_.allowed(caller, action, stop);
  RETURN_IF_ERROR(may);
  if (*may) return {};
  const ResourceAttributes see{
      .verb = "get", .group = kModelrunDev, .resource = "modelruns", .namespace_ = action.namespace_};
  const auto sees = access_.allowed(caller, see, stop);
  RETURN_IF_ERROR(sees);
  if (!*sees) return fail(ErrorKind::kNotFound, "{}", absent);
  return fail(ErrorKind::kDenied, "you may not {} in namespace {}; ask its administrator for the role modelrun-editor",
              what, action.namespace_);
}

Result<Started> KubeRunService::start(const Identity& caller, const NewRun& wanted, std::stop_token stop) {
  const auto& project = wanted.project;
  const ResourceAttributes create{
      .verb = "create", .group = kModelrunDev, .resource = "modelruns", .namespace_ = project.namespace_};
  RETURN_IF_ERROR(demand(caller, create, "start runs", no_project(project), stop));
  const auto object = object_for(caller, wanted);
  RETURN_IF_ERROR(object);
  const auto there = client_.get(kube::kModelProjects, project.namespace_, project.name, stop);
  if (!there && there.error().kind == ErrorKind::kNotFound)
    return fail(ErrorKind::kNotFound, "{}", no_project(project));
  if (!there) return std::unexpected(own_fault(there.error()));
  const bool suspended = api::bool_at(api::member(*there, "spec"), "suspend");
  const auto created = client_.create(kube::kModelRuns, *object, stop);
  if (created) {
    const auto run = api::decode_model_run(*created);
    cache_.note(run);
    return Started{.run = summarize(run), .created = true, .suspended = suspended};
  }
  const auto& error = created.error();
  if (!wanted.idempotency_key.empty() && error.kind != ErrorKind::kInvalid && error.kind != ErrorKind::kDenied) {
    // Either the run exists already, or it is unknown whether it was created. Its name is known, so look.
    auto joined = join_or_refuse(*object, project.namespace_, name_for(caller, wanted), stop);
    if (joined) joined->suspended = suspended;
    if (joined || error.kind == ErrorKind::kExists || joined.error().kind == ErrorKind::kInvalid) return joined;
  }
  if (error.kind == ErrorKind::kTimeout || error.kind == ErrorKind::kUnavailable) {
    return fail(error.kind,
                "{}. The run may have been created all the same: see list_runs, or call again with an "
                "idempotency key",
                error.message);
  }
  return std::unexpected(own_fault(kube::plain_refusal(error)));
}

Result<Started> KubeRunService::join_or_refuse(const nlohmann::json& wanted, const std::string& namespace_,
                                               const std::string& name, std::stop_token stop) {
  const auto object = client_.get(kube::kModelRuns, namespace_, name, stop);
  if (!object) return std::unexpected(own_fault(object.error()));
  const auto held = api::requested_spec(api::member(*object, "spec"));
  if (api::canonical_json(held) != api::canonical_json(api::requested_spec(wanted["spec"]))) {
    return fail(ErrorKind::kInvalid,
                "this idempotency key was used for another request (run {}): use a new key for a new request",
                object->at("metadata").value("uid", name));
  }
  const auto run = api::decode_model_run(*object);
  cache_.note(run);
  return Started{.run = summarize(run)};
}

Result<api::ModelRun> KubeRunService::read_live(const RunKey& key, std::stop_token stop) {
  const auto object = client_.get(kube::kModelRuns, key.namespace_, key.name, stop);
  if (!object && object.error().kind == ErrorKind::kNotFound) return fail(ErrorKind::kNotFound, "{}", no_run(key.uid));
  if (!object) return std::unexpected(own_fault(object.error()));
  auto run = api::decode_model_run(*object);
  if (run.meta.uid != key.uid) return fail(ErrorKind::kNotFound, "{}", no_run(key.uid));
  cache_.note(run);
  return run;
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
  const ResourceAttributes see{
      .verb = "get", .group = kModelrunDev, .resource = "modelruns", .namespace_ = key.namespace_};
  RETURN_IF_ERROR(demand(caller, see, "see runs", no_run(key.uid), stop));
  auto known = cache_.find(key);
  if (known && !live) return std::move(*known);
  const auto run = read_live(key, stop);
  RETURN_IF_ERROR(run);
  return summarize(*run);
}

Result<std::vector<RunSummary>> KubeRunService::shown_runs(const Identity& caller, std::string_view digits,
                                                           std::stop_token stop) {
  std::vector<RunSummary> seen;
  for (auto& run : cache_.by_uid(digits)) {
    const ResourceAttributes see{
        .verb = "get", .group = kModelrunDev, .resource = "modelruns", .namespace_ = run.key.namespace_};
    const auto may = access_.allowed(caller, see, stop);
    RETURN_IF_ERROR(may);
    if (!*may) continue;
    seen.push_back(std::move(run));
    if (seen.size() > kCandidates) break;
  }
  return seen;
}

// A run cannot be read by its UID. One that the watch has not shown yet was made a moment ago, so the client is told to
// try again instead of listing a namespace that may have thousands.
Result<RunSummary> KubeRunService::find_summary(const Identity& caller, std::string_view run_id, std::stop_token stop) {
  const auto digits = run_id_digits(run_id);
  RETURN_IF_ERROR(digits);
  auto seen = shown_runs(caller, *digits, stop);
  RETURN_IF_ERROR(seen);
  if (seen->empty()) {
    const auto complete = watch_is_complete(caller, stop);
    RETURN_IF_ERROR(complete);
    // The run may be the one that the watch has brought since the first look, and by which it is complete now.
    seen = shown_runs(caller, *digits, stop);
    RETURN_IF_ERROR(seen);
    if (seen->empty() && *complete) return fail(ErrorKind::kNotFound, "{}", no_run(*digits));
    if (seen->empty()) {
      return fail(ErrorKind::kUnavailable, "run {} is not known here yet: try again in a second", *digits);
    }
  }
  if (seen->size() == 1) return seen->front();
  const bool more = seen->size() > kCandidates;
  if (more) seen->resize(kCandidates);
  return fail(ErrorKind::kInvalid, "run_id {} is ambiguous: {}{}. Give more digits", run_id,
              candidates_text(std::move(*seen)), more ? "; and others" : "");
}

Result<bool> KubeRunService::watch_is_complete(const Identity& caller, std::stop_token stop) {
  const auto may = may_list(caller, "modelruns", caller.namespace_, stop);
  RETURN_IF_ERROR(may);
  if (!*may) return true;
  std::int64_t there = 0;
  const auto meta = client_.list_each(
      kube::kModelRuns, {.namespace_ = caller.namespace_, .limit = 1, .metadata_only = true},
      [&there](const kube::Json&) { ++there; }, stop);
  if (!meta) return std::unexpected(own_fault(meta.error()));
  return static_cast<std::int64_t>(cache_.count_in(caller.namespace_)) >= there + meta->remaining;
}

Result<RunPtr> KubeRunService::read_run(const Identity& caller, const RunKey& key, std::stop_token stop) {
  const ResourceAttributes see{
      .verb = "get", .group = kModelrunDev, .resource = "modelruns", .namespace_ = key.namespace_};
  RETURN_IF_ERROR(demand(caller, see, "see runs", no_run(key.uid), stop));
  // A copy from memory will do: the watch tells whether the run still exists, and in which version.
  if (const auto known = cache_.find(key); known && api::is_final(known->phase)) {
    if (auto kept = results_.run(key.uid, known->version)) return kept;
  }
  auto live = read_live(key, stop);
  RETURN_IF_ERROR(live);
  auto run = std::make_shared<const api::ModelRun>(std::move(*live));
  if (api::is_final(run->status.phase)) results_.put(run);
  return run;
}

std::optional<EndedRun> KubeRunService::remembered_run(const Identity& caller, std::string_view run_id) {
  const auto digits = run_id_digits(run_id);
  if (!digits) return std::nullopt;
  // Some of several candidates may be invisible to this caller; find_summary() checks each of them.
  auto candidates = cache_.by_uid(*digits);
  if (candidates.size() != 1) return std::nullopt;
  auto& summary = candidates.front();
  const ResourceAttributes see{
      .verb = "get", .group = kModelrunDev, .resource = "modelruns", .namespace_ = summary.key.namespace_};
  if (!api::is_final(summary.phase) || access_.remembered(caller, see) != true) return std::nullopt;
  auto kept = results_.whole(summary.key.uid, summary.version, kMaxAtOnce);
  if (!kept) return std::nullopt;
  return EndedRun{std::move(summary), std::move(kept->first), std::move(kept->second)};
}

Result<FramePtr> KubeRunService::payload(const Identity& caller, const api::ModelRun& run, std::stop_token stop) {
  const ResourceAttributes see{
      .verb = "get", .group = kModelrunDev, .resource = "modelruns", .namespace_ = run.meta.namespace_};
  RETURN_IF_ERROR(demand(caller, see, "see runs", no_run(run.meta.uid), stop));
  if (auto kept = results_.frame(run)) return kept;
  auto loaded = kube::load_payload(client_, run, stop);
  if (!loaded) return std::unexpected(own_fault(loaded.error()));
  auto frame = std::make_shared<const api::ResultFrame>(std::move(*loaded));
  results_.put(run, frame);
  return frame;
}

Result<RunPage> KubeRunService::list(const Identity& caller, const ProjectRef& project, const RunQuery& query,
                                     std::stop_token stop) {
  const auto may = may_list(caller, "modelruns", project.namespace_, stop);
  RETURN_IF_ERROR(may);
  if (!*may) return fail(ErrorKind::kNotFound, "{}", no_project(project));
  auto runs = cache_.of_project(project);
  if (runs.empty()) {
    const auto there = client_.get(kube::kModelProjects, project.namespace_, project.name, stop);
    if (!there && there.error().kind == ErrorKind::kNotFound) {
      return fail(ErrorKind::kNotFound, "{}", no_project(project));
    }
    if (!there) return std::unexpected(own_fault(there.error()));
  }
  return page_of(std::move(runs), query);
}

Result<RunSummary> KubeRunService::cancel(const Identity& caller, const RunKey& key, std::stop_token stop) {
  const ResourceAttributes change{
      .verb = "patch", .group = kModelrunDev, .resource = "modelruns", .namespace_ = key.namespace_};
  RETURN_IF_ERROR(demand(caller, change, "cancel runs", no_run(key.uid), stop));
  const auto before = read_live(key, stop);
  RETURN_IF_ERROR(before);
  if (api::is_final(before->status.phase)) return summarize(*before);
  // The UID in the patch is a precondition: another run may have taken the name.
  const auto object = client_.patch(kube::kModelRuns, key.namespace_, key.name, kube::PatchType::kMerge,
                                    {{"metadata", {{"uid", key.uid}}}, {"spec", {{"cancel", true}}}}, {}, stop);
  if (!object && object.error().kind == ErrorKind::kNotFound) return fail(ErrorKind::kNotFound, "{}", no_run(key.uid));
  if (!object) return std::unexpected(own_fault(kube::plain_refusal(object.error())));
  const auto run = api::decode_model_run(*object);
  cache_.note(run);
  return summarize(run);
}

}  // namespace modelrun::gateway
