// The part of KubeRunService about a namespace as a whole: its projects, its newest runs, and what a caller may do
// there.
#include <algorithm>
#include <iterator>
#include <map>
#include <ranges>
#include <string_view>
#include <utility>

#include "api/condition.h"
#include "api/json_access.h"
#include "api/model_project.h"
#include "base/printable.h"
#include "gateway/runs/kube_run_service.h"
#include "gateway/runs/names.h"
#include "gateway/runs/rights.h"
#include "gateway/runs/watched_objects.h"

namespace modelrun::gateway {
namespace {

constexpr int kPage = 500;  // projects in one answer of the API server

Error no_namespace(const std::string& namespace_) {
  return {ErrorKind::kNotFound, fmt::format("there is no namespace {} that you can see", namespace_)};
}

ProjectSummary summarize_project(const kube::Json& object) {
  constexpr std::size_t kMaxDescription = 1024;
  const auto project = api::decode_model_project(object);
  const auto& status = project.status;
  const auto& named = project.git.default_branch;
  const auto& annotations = api::member(api::member(object, "metadata"), "annotations");
  ProjectSummary summary{
      .namespace_ = project.meta.namespace_,
      .name = project.meta.name,
      .description = printable(api::text_at(annotations, "kubernetes.io/description"), kMaxDescription),
      .default_branch = named.empty() ? status.default_branch : named,
      .last_commit = status.last_commit,
      .last_number = status.last_run_number,
      .active = static_cast<std::int64_t>(status.active.size()),
      .queued = status.queued_runs,
      .suspended = project.suspend,
      .ready = {},
      .message = {}};
  if (const auto* ready = api::find_condition(status.conditions, "Ready")) {
    if (ready->status != api::ConditionStatus::kUnknown) summary.ready = ready->status == api::ConditionStatus::kTrue;
    summary.message = printable(ready->message, kMaxDescription);
  }
  return summary;
}

std::string key_of(const ProjectSummary& project) {
  return api::object_key(project.namespace_, project.name);
}

// Of each model the newest run of `runs` that has succeeded, on `commit` if that is not empty.
std::vector<KnownModel> models_of(std::vector<RunSummary> runs, const std::string& commit) {
  const RunQuery succeeded{.phase = api::Phase::kSucceeded, .search = {}, .limit = runs.size(), .after = {}};
  std::map<std::string, KnownModel> newest;
  for (auto& run : page_of(std::move(runs), succeeded).runs) {
    if (run.model.empty() || (!commit.empty() && run.commit != commit)) continue;
    newest.try_emplace(run.model, KnownModel{run.model, run.commit, run.key.uid});
  }
  std::vector<KnownModel> models;
  for (auto& [name, model] : newest) {
    if (models.size() < kMaxKnownModels) models.push_back(std::move(model));
  }
  return models;
}

// The branches of `runs`, those that were used last first.
std::vector<std::string> branches_of(const std::vector<RunSummary>& runs) {
  std::map<std::string_view, Time> used;
  for (const auto& run : runs) {
    if (run.branch.empty()) continue;
    auto& last = used.try_emplace(run.branch, run.created).first->second;
    last = std::max(last, run.created);
  }
  std::vector<std::pair<Time, std::string_view>> newest;
  newest.reserve(used.size());
  for (const auto& [branch, time] : used) newest.emplace_back(time, branch);
  std::ranges::sort(newest, std::ranges::greater{});
  std::vector<std::string> branches;
  branches.reserve(std::min(newest.size(), kMaxKnownBranches));
  for (const auto& [time, branch] : newest | std::views::take(kMaxKnownBranches)) branches.emplace_back(branch);
  return branches;
}

}  // namespace

Result<RunPage> KubeRunService::newest(const Identity& caller, const std::string& namespace_, const RunQuery& query,
                                       std::stop_token stop) {
  const auto lists = may(access_, caller, "list", kube::kModelRuns, namespace_, std::move(stop));
  RETURN_IF_ERROR(lists);
  if (!*lists) return std::unexpected(no_namespace(namespace_));
  RETURN_IF_ERROR(demand_filled(cache_, kRunIds));
  return page_of(cache_.of_namespace(namespace_), query);
}

Result<void> KubeRunService::add_projects(const std::string& namespace_, const ProjectQuery& query, ProjectPage& page,
                                          std::stop_token stop) {
  std::vector<ProjectSummary> found;
  kube::ListOptions options{.namespace_ = namespace_, .limit = kPage};
  const auto wanted = query.limit + 1 - page.projects.size();
  do {
    const auto meta = client_.list_each(
        kube::kModelProjects, options,
        [&](kube::Json&& object) {
          auto project = summarize_project(object);
          if (key_of(project) > query.after) found.push_back(std::move(project));
        },
        stop);
    if (!meta) return std::unexpected(own_fault(meta.error()));
    options.continue_token = meta->continue_token;
    std::ranges::sort(found, {}, key_of);
    if (found.size() > wanted) found.resize(wanted);
  } while (!options.continue_token.empty());
  std::ranges::move(found, std::back_inserter(page.projects));
  return {};
}

Result<std::set<std::string>> KubeRunService::namespaces_from(const std::string& first, std::stop_token stop) {
  // They are sorted.
  if (!namespaces_.empty()) return std::set(std::ranges::lower_bound(namespaces_, first), namespaces_.end());
  std::set<std::string> names;
  kube::ListOptions options{.limit = kPage, .metadata_only = true};
  do {
    const auto meta = client_.list_each(
        kube::kModelProjects, options,
        [&](kube::Json&& object) {
          auto name = api::text_at(api::member(object, "metadata"), "namespace");
          if (name >= first) names.insert(std::move(name));
        },
        stop);
    if (!meta) return std::unexpected(own_fault(meta.error()));
    options.continue_token = meta->continue_token;
  } while (!options.continue_token.empty());
  return names;
}

Result<ProjectPage> KubeRunService::projects(const Identity& caller, const ProjectQuery& query, std::stop_token stop) {
  const bool all = query.namespace_.empty();
  auto namespaces = all ? namespaces_from(query.after.substr(0, query.after.find('/')), stop)
                        : Result<std::set<std::string>>({query.namespace_});
  RETURN_IF_ERROR(namespaces);
  if (namespaces->size() > kMaxNamespaces) {
    return fail(ErrorKind::kTooLarge, "more than {} namespaces have projects: name one with `namespace`",
                kMaxNamespaces);
  }
  ProjectPage page;
  for (const auto& each : *namespaces) {
    const auto lists = may(access_, caller, "list", kube::kModelProjects, each, stop);
    RETURN_IF_ERROR(lists);
    if (!*lists && !all) return std::unexpected(no_namespace(each));
    if (*lists) RETURN_IF_ERROR(add_projects(each, query, page, stop));
    if (page.projects.size() > query.limit) break;
  }
  page.more = page.projects.size() > query.limit;
  if (page.more) page.projects.resize(query.limit);
  return page;
}

Result<ProjectDetails> KubeRunService::project(const Identity& caller, const ProjectRef& project,
                                               const std::string& commit, std::stop_token stop) {
  const auto lists = may(access_, caller, "list", kube::kModelProjects, project.namespace_, stop);
  RETURN_IF_ERROR(lists);
  if (!*lists) return fail(ErrorKind::kNotFound, "{}", no_project(project));
  const auto object = read_project(client_, project, stop);
  RETURN_IF_ERROR(object);
  ProjectDetails details{.project = summarize_project(*object), .models = {}, .branches = {}};
  const auto may_see_runs = may(access_, caller, "list", kube::kModelRuns, project.namespace_, stop);
  RETURN_IF_ERROR(may_see_runs);
  if (*may_see_runs) {
    RETURN_IF_ERROR(demand_filled(cache_, kRunIds));
    auto runs = cache_.of_project(project);
    details.branches = branches_of(runs);
    details.models = models_of(std::move(runs), commit);
  }
  return details;
}

Result<Rights> KubeRunService::rights(const Identity& caller, const std::string& namespace_, std::stop_token stop) {
  Rights rights;
  for (auto [verb, right] : {std::pair{"create", &rights.start}, {"patch", &rights.cancel}}) {
    const auto allowed = may(access_, caller, verb, kube::kModelRuns, namespace_, stop);
    RETURN_IF_ERROR(allowed);
    *right = *allowed;
  }
  return rights;
}

}  // namespace modelrun::gateway
