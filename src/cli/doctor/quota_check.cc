// ResourceQuotas of the namespaces that have projects, and of the operator's own.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "api/json_access.h"
#include "cli/doctor/check.h"
#include "cli/doctor/quantity.h"

namespace modelrun::cli::doctor {
namespace {

using api::member;
using api::text_at;

// What a run's pod, its Job and its ConfigMaps count against.
constexpr std::array kCounted{"pods",         "count/pods", "count/jobs.batch", "configmaps",    "count/configmaps",
                              "requests.cpu", "limits.cpu", "requests.memory",  "limits.memory", "cpu",
                              "memory"};

}  // namespace

Result<Findings> check_quotas(Installation& installation) {
  Findings findings;
  std::size_t looked_at = 0;
  const auto look = [&](const kube::Json& quota) {
    const auto namespace_ = text_at(member(quota, "metadata"), "namespace");
    const bool is_system = namespace_ == installation.system();
    const auto& known = installation.project_namespaces;
    if (!is_system && known && !known->contains(namespace_)) return;
    ++looked_at;
    const auto& hard = member(member(quota, "status"), "hard");
    const auto& used = member(member(quota, "status"), "used");
    for (const auto* resource : kCounted) {
      const auto limit = parse_quantity(text_at(hard, resource));
      const auto taken = parse_quantity(text_at(used, resource));
      if (!limit || !taken || *taken < *limit) continue;
      const auto name = text_at(member(quota, "metadata"), "name");
      findings.warn(
          fmt::format("ResourceQuota {}/{} leaves no room: {} of {} {} are taken, so that {}.", namespace_, name,
                      text_at(used, resource), text_at(hard, resource), resource,
                      is_system ? "a pod of the operator or the gateway that goes does not come back"
                                : "further runs wait there with the reason Unschedulable"),
          fmt::format("Raise it, or remove what takes it: `{}`.",
                      installation.kubectl(fmt::format("-n {} describe resourcequota {}", namespace_, name))));
    }
  };
  RETURN_IF_ERROR(installation.visit_everywhere(kube::kResourceQuotas, {}, look));
  const auto own = installation.op ? installation.op->namespaces() : std::vector<std::string>();
  if (!own.empty() && std::ranges::find(own, installation.system()) == own.end()) {
    RETURN_IF_ERROR(installation.visit(kube::kResourceQuotas, {.namespace_ = installation.system()}, look));
  }
  findings.summary =
      fmt::format("{} of them in namespaces with projects and in {}, each with room", looked_at, installation.system());
  return findings;
}

}  // namespace modelrun::cli::doctor
