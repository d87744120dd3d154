#include "cli/doctor/operator_rights.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "cli/doctor/check.h"

namespace modelrun::cli::doctor {
namespace {

struct Rule {
  std::string_view group;
  std::string_view resource;
  std::string_view subresource;
  std::vector<std::string_view> verbs;
};

constexpr std::size_t kShownRights = 6;

}  // namespace

std::vector<Right> operator_rights(const std::string& system, const std::string& run_server,
                                   const std::vector<std::string>& namespaces) {
  std::vector<Right> rights;
  const auto add = [&](const Rule& rule, const std::string& namespace_, const std::string& name) {
    for (const auto verb : rule.verbs) {
      rights.push_back({std::string(verb), std::string(rule.group), std::string(rule.resource),
                        std::string(rule.subresource), namespace_, name});
    }
  };
  const auto group = kube::kModelRunGroup;
  for (const auto& rule :
       std::vector<Rule>{{group, "modelruns", "", {"get", "list", "watch", "create", "patch", "delete"}},
                         {group, "modelprojects", "", {"get", "list", "watch"}},
                         {group, "modelsweeps", "", {"get", "list", "watch"}},
                         {group, "modelruns", "status", {"update"}},
                         {group, "modelprojects", "status", {"update"}},
                         {group, "modelsweeps", "status", {"update"}},
                         {"batch", "jobs", "", {"get", "list", "watch", "create", "patch", "delete"}},
                         {"", "pods", "", {"get", "list", "watch"}},
                         {"", "pods", "log", {"get"}},
                         {"", "configmaps", "", {"get", "create", "patch"}},
                         {"networking.k8s.io", "networkpolicies", "", {"get", "create", "update"}},
                         {"events.k8s.io", "events", "", {"create", "patch", "list"}}}) {
    if (namespaces.empty()) add(rule, "", "");
    for (const auto& namespace_ : namespaces) add(rule, namespace_, "");
  }
  add({"authentication.k8s.io", "tokenreviews", "", {"create"}}, "", "");
  add({"coordination.k8s.io", "leases", "", {"create"}}, system, "");
  add({"coordination.k8s.io", "leases", "", {"get", "update"}}, system, "modelrun-operator");
  add({"", "secrets", "", {"create"}}, system, "");
  add({"", "secrets", "", {"get", "update"}}, system, "modelrun-run-server-tls");
  add({"", "services", "", {"get"}}, system, run_server);
  return rights;
}

Result<Findings> check_operator_rights(Installation& installation) {
  if (!installation.op) return skip("the operator's Deployment is not known");
  const auto& component = *installation.op;
  const auto rights =
      operator_rights(installation.system(), component.argument("run-server-service"), component.namespaces());
  std::vector<std::string> lacking;
  for (const auto& right : rights) {
    const auto allowed = installation.allowed(right, component.service_account);
    if (!allowed && allowed.error().kind == ErrorKind::kDenied) return skip(allowed.error().message);
    RETURN_IF_ERROR(allowed);
    if (!*allowed) lacking.push_back(right.text());
  }
  Findings findings;
  if (!lacking.empty()) {
    const auto more = lacking.size() > kShownRights ? fmt::format("; and {} more", lacking.size() - kShownRights) : "";
    lacking.resize(std::min(lacking.size(), kShownRights));
    findings.fail(fmt::format("The operator's service account {}/{} may not {}{}.", installation.system(),
                              component.service_account, fmt::join(lacking, "; "), more),
                  "Apply the roles of the chart again: `helm upgrade` with the values of the release, or `kubectl "
                  "apply --server-side -f install.yaml`.");
  }
  findings.summary = fmt::format("service account {}/{} has all {} rights that the operator needs",
                                 installation.system(), component.service_account, rights.size());
  return findings;
}

}  // namespace modelrun::cli::doctor
