// The part of KubeRunService about a namespace as a whole: its projects, its newest runs, and what a caller may do
// there.
#include <algorithm>

#include "api/model_project.h"
#include "base/log.h"
#include "gateway/runs/kube_run_service.h"
#include "gateway/runs/names.h"

namespace modelrun::gateway {
namespace {

constexpr int kPage = 500;  // projects in one answer of the API server

Error no_namespace(const std::string& namespace_) {
  return {ErrorKind::kNotFound, fmt::format("there is no namespace {} that you can see", namespace_)};
}

ProjectSummary summarize_project(const api::ModelProject& project) {
  const auto& status = project.status;
  const auto& named = project.git.default_branch;
  return {.name = project.meta.name,
          .default_branch = named.empty() ? status.default_branch : named,
          .last_commit = status.last_commit,
          .last_number = status.last_run_number,
          .active = static_cast<std::int64_t>(status.active.size()),
          .queued = status.queued_runs,
          .suspended = project.suspend};
}

}  // namespace

Error own_fault(const Error& error) {
  if (error.kind != ErrorKind::kDenied || error.message.find("forbidden: User ") == std::string::npos) return error;
  log::error("the gateway's own rights do not suffice", {{"error", error.message}});
  return {ErrorKind::kUnavailable, "the gateway lacks a right that it needs; its log says which one"};
}

void keep_newest(std::vector<RunSummary>& runs, std::optional<api::Phase> phase, std::size_t limit) {
  if (phase) {
    const auto word = status_word(*phase);
    std::erase_if(runs, [&](const RunSummary& run) { return status_word(run.phase) != word; });
  }
  std::ranges::sort(runs, [](const RunSummary& a, const RunSummary& b) {
    return std::tie(a.created, a.number, a.key.uid) > std::tie(b.created, b.number, b.key.uid);
  });
  if (runs.size() > limit) runs.resize(limit);
}

Result<std::vector<RunSummary>> KubeRunService::newest(const Identity& caller, const std::string& namespace_,
                                                       std::optional<api::Phase> phase, std::size_t limit,
                                                       std::stop_token stop) {
  const ResourceAttributes see{
      .verb = "list", .group = kModelrunDev, .resource = "modelruns", .namespace_ = namespace_};
  const auto may = access_.allowed(caller, see, stop);
  RETURN_IF_ERROR(may);
  if (!*may) return std::unexpected(no_namespace(namespace_));
  auto runs = cache_.of_namespace(namespace_);
  keep_newest(runs, phase, limit);
  return runs;
}

Result<std::vector<ProjectSummary>> KubeRunService::projects(const Identity& caller, const std::string& namespace_,
                                                             std::stop_token stop) {
  const ResourceAttributes see{
      .verb = "list", .group = kModelrunDev, .resource = "modelprojects", .namespace_ = namespace_};
  const auto may = access_.allowed(caller, see, stop);
  RETURN_IF_ERROR(may);
  if (!*may) return std::unexpected(no_namespace(namespace_));
  std::vector<ProjectSummary> found;
  kube::ListOptions options{.namespace_ = namespace_, .limit = kPage};
  do {
    const auto meta = client_.list_each(
        kube::kModelProjects, options,
        [&](kube::Json&& object) { found.push_back(summarize_project(api::decode_model_project(object))); }, stop);
    if (!meta) return std::unexpected(own_fault(meta.error()));
    options.continue_token = meta->continue_token;
  } while (!options.continue_token.empty());
  std::ranges::sort(found, {}, &ProjectSummary::name);
  return found;
}

Result<Rights> KubeRunService::rights(const Identity& caller, const std::string& namespace_, std::stop_token stop) {
  Rights rights;
  for (auto [verb, right] : {std::pair{"create", &rights.start}, {"patch", &rights.cancel}}) {
    const ResourceAttributes action{
        .verb = verb, .group = kModelrunDev, .resource = "modelruns", .namespace_ = namespace_};
    const auto may = access_.allowed(caller, action, stop);
    RETURN_IF_ERROR(may);
    *right = *may;
  }
  return rights;
}

}  // namespace modelrun::gateway
