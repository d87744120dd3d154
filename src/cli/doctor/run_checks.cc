// What runs and projects tell of the installation.
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "api/json_access.h"
#include "api/model_run.h"
#include "api/object_meta.h"
#include "api/reason.h"
#include "api/sandbox.h"
#include "cli/doctor/check.h"
#include "cli/run_view.h"

namespace modelrun::cli::doctor {
namespace {

using api::member;
using api::text_at;

constexpr std::size_t kNewestRuns = 20;  // that are read whole
constexpr std::size_t kShownProjects = 3;
constexpr std::chrono::seconds kUnseenAfter{60};

// The rings that every run should stand in.
constexpr std::array kRings{api::kRingProcess, api::kRingSeccomp, api::kRingLandlock};

std::string where_of(const Installation& installation) {
  return installation.limited ? fmt::format(" in namespace {}", installation.session().namespace_) : "";
}

// The newest runs, read whole. Only the metadata of the others is.
Result<std::vector<api::ModelRun>> newest_runs(Installation& installation) {
  std::vector<api::ObjectMeta> metas;
  RETURN_IF_ERROR(
      installation.visit_everywhere(kube::kModelRuns, {.metadata_only = true},
                                    [&](const kube::Json& object) { metas.push_back(api::decode_meta(object)); }));
  std::ranges::sort(metas, std::ranges::greater{}, &api::ObjectMeta::creation);
  metas.resize(std::min(metas.size(), kNewestRuns));
  std::vector<api::ModelRun> runs;
  for (const auto& meta : metas) {
    const auto object = installation.find(kube::kModelRuns, meta.namespace_, meta.name);
    RETURN_IF_ERROR(object);
    if (*object) runs.push_back(api::decode_model_run(**object));
  }
  return runs;
}

std::vector<std::string> missing_rings(const std::string& rings) {
  const auto list = "," + rings + ",";
  std::vector<std::string> missing;
  for (const auto ring : kRings) {
    if (list.find(fmt::format(",{},", ring)) == std::string::npos) missing.emplace_back(ring);
  }
  return missing;
}

// Names that share a sentence: how many there are, and the first.
struct Group {
  std::size_t count = 0;
  std::string first;
  std::string message;
};

// Whether a waiting run waits for what comes by itself, without anything being wrong.
bool is_normal_wait(const std::string& reason) {
  return !api::reason::is_known_end(reason) && reason != api::reason::kBlocked;
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

Result<Findings> check_sandbox(Installation& installation) {
  const auto runs = newest_runs(installation);
  RETURN_IF_ERROR(runs);
  Findings findings;
  std::size_t whole = 0;
  std::map<std::string, std::string> lacking;           // by node and ring: a run
  std::map<std::string, const api::ModelRun*> refused;  // by node
  for (const auto& run : *runs) {
    const auto& node = run.status.node_name;
    if (reason_of(run) == api::reason::kSandboxSetupFailed) refused.emplace(node, &run);
    if (!api::is_final(run.status.phase) || run.status.provenance.rings.empty()) continue;
    const auto missing = missing_rings(run.status.provenance.rings);
    whole += missing.empty() ? 1 : 0;
    if (!missing.empty()) {
      lacking.emplace(fmt::format("{} on node {}", fmt::join(missing, ", "), node), run.meta.key());
    }
  }
  for (const auto& [node, run] : refused) {
    findings.fail(
        fmt::format("Run {} was not started on node {}, because a ring of the sandbox could not be put up: {}.",
                    run->meta.key(), node, run->status.message),
        "docs/troubleshooting.md, SandboxSetupFailed, lists the causes.");
  }
  for (const auto& [what, run] : lacking) {
    findings.warn(fmt::format("Runs stand without the ring {}, for example {}.", what, run),
                  "Start that node's kernel with landlock among its security modules (lsm=landlock,...), and set "
                  "operator.landlock to required; for a RuntimeClass such as gVisor's it is as operator.rings says.");
  }
  if (findings.problems.empty() && whole == 0) {
    return skip(fmt::format("none of the newest runs{} has started a sandbox", where_of(installation)));
  }
  findings.summary = fmt::format("all rings stood in the newest {}{}", counted(whole, "run"), where_of(installation));
  return findings;
}

Result<Findings> check_projects(Installation& installation) {
  struct Unready {
    std::string key;
    api::Condition condition;
  };
  std::vector<Unready> unready;
  std::set<std::string> namespaces;
  std::size_t count = 0;
  RETURN_IF_ERROR(installation.visit_everywhere(kube::kModelProjects, {}, [&](const kube::Json& project) {
    ++count;
    const auto meta = api::decode_meta(project);
    namespaces.insert(meta.namespace_);
    const auto conditions = conditions_of(project);
    const auto* ready = api::find_condition(conditions, "Ready");
    if (ready != nullptr && ready->status == api::ConditionStatus::kFalse) unready.push_back({meta.key(), *ready});
  }));
  installation.project_namespaces = std::move(namespaces);
  Findings findings;
  findings.summary = fmt::format("{}{}, none of them unready", counted(count, "project"), where_of(installation));
  if (unready.empty()) return findings;
  std::ranges::sort(unready, {}, [](const Unready& each) { return each.condition.last_transition; });
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(unready.size(), kShownProjects); ++i) {
    const auto& [key, condition] = unready[i];
    shown.push_back(fmt::format("{} since {} ({}: {})", key,
                                format_rfc3339(condition.last_transition).substr(0, 19) + "Z", condition.reason,
                                condition.message));
  }
  const auto& oldest = unready.front().key;
  findings.warn(
      fmt::format("{} of {} not Ready{}; {}: {}.", unready.size(), counted(count, "project"), where_of(installation),
                  unready.size() > shown.size() ? "the oldest" : "since when", fmt::join(shown, "; ")),
      fmt::format("See `{}`.",
                  installation.kubectl(fmt::format("-n {} describe modelproject {}", oldest.substr(0, oldest.find('/')),
                                                   oldest.substr(oldest.find('/') + 1)))));
  return findings;
}

Result<Findings> check_waiting_runs(Installation& installation) {
  const auto now = installation.session().clock.now();
  std::map<std::string, Group> groups;
  const auto count = [&](const std::string& reason, const api::ModelRun& run) {
    auto& group = groups[reason];
    if (group.count++ > 0) return;
    group.first = run.meta.key();
    group.message = run.status.message;
  };
  std::size_t waiting = 0;
  RETURN_IF_ERROR(installation.visit_everywhere(kube::kModelRuns, {.field_selector = "status.phase=Pending"},
                                                [&](const kube::Json& object) {
                                                  ++waiting;
                                                  const auto run = api::decode_model_run(object);
                                                  if (const auto reason = reason_of(run); !is_normal_wait(reason))
                                                    count(reason, run);
                                                }));
  // A run that no operator has seen has no phase, and is not among these.
  Group unseen;
  RETURN_IF_ERROR(installation.visit_everywhere(
      kube::kModelRuns, {.field_selector = "status.phase="}, [&](const kube::Json& object) {
        const auto run = api::decode_model_run(object);
        if (run.status.phase != api::Phase::kNone || now - run.meta.creation < kUnseenAfter) return;
        if (unseen.count++ == 0) unseen.first = run.meta.key();
      }));
  Findings findings;
  if (unseen.count > 0) {
    findings.fail(fmt::format("No operator has looked at {} for a minute or longer, for example {}.",
                              counted(unseen.count, "run"), unseen.first),
                  "Mend what the checks operator and leader say.");
  }
  for (const auto& [reason, group] : groups) {
    const auto slash = group.first.find('/');
    findings.warn(fmt::format("{} with the reason {}, for example {}: {}",
                              counted(group.count, "run") + (group.count == 1 ? " waits" : " wait"), reason,
                              group.first, group.message.empty() ? "it says no more." : group.message),
                  fmt::format("docs/troubleshooting.md says what {} means; `kubectl modelrun describe {} -n {}` shows "
                              "the run.",
                              reason, group.first.substr(slash + 1), group.first.substr(0, slash)));
  }
  findings.summary =
      fmt::format("{}{}, none of them is kept from starting", counted(waiting, "waiting run"), where_of(installation));
  return findings;
}

}  // namespace modelrun::cli::doctor
