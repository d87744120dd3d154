// The cluster itself: API server, version, the caller's rights, nodes.
#include <fmt/ranges.h>

#include <charconv>

#include "api/json_access.h"
#include "api/object_meta.h"
#include "cli/doctor/check.h"

namespace modelrun::cli::doctor {
namespace {

using api::member;
using api::text_at;

constexpr kube::ServerVersion kOldest{1, 31};
// Landlock came with Linux 5.13. Its rules for TCP, with 6.7, are a second lock on a door that seccomp has closed.
constexpr kube::ServerVersion kLandlock{5, 13};
constexpr kube::ServerVersion kLandlockNetwork{6, 7};

// The first two numbers of "6.1.0-18-amd64"; {0, 0} when there are none.
kube::ServerVersion kernel_version(std::string_view text) {
  kube::ServerVersion version;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [dot, error] = std::from_chars(begin, end, version.major);
  if (error != std::errc() || dot == end || *dot != '.') return {};
  if (std::from_chars(dot + 1, end, version.minor).ec != std::errc()) return {};
  return version;
}

}  // namespace

Result<Findings> check_api_server(Installation& installation) {
  const auto version = installation.client().server_version(installation.stop());
  if (version) {
    installation.kubernetes = *version;
    return fine("it answers");
  }
  Findings findings;
  const bool refused = version.error().kind == ErrorKind::kDenied;
  findings.fail(fmt::format("The API server cannot be asked: {}.", version.error().message),
                refused ? "Log in again, or check --context and --kubeconfig."
                        : "Check the network, --context and --kubeconfig, and whether the API server runs.");
  return findings;
}

Result<Findings> check_kubernetes(Installation& installation) {
  const auto& version = installation.kubernetes;
  if (*version >= kOldest) return fine(fmt::format("{}.{}", version->major, version->minor));
  Findings findings;
  findings.fail(fmt::format("The API server is Kubernetes {}.{}, and ModelRun needs {}.{} or newer: the CRDs use rules "
                            "that an older one does not know.",
                            version->major, version->minor, kOldest.major, kOldest.minor),
                "Upgrade the cluster.");
  return findings;
}

Result<Findings> check_caller(Installation& installation) {
  const auto& session = installation.session();
  const auto in_namespace = [&](std::string verb, std::string group, std::string resource, std::string subresource) {
    return Right{std::move(verb),        std::move(group),   std::move(resource),
                 std::move(subresource), session.namespace_, ""};
  };
  const std::string group(kube::kModelRunGroup);
  std::vector<std::string> lacking;
  for (const auto& right :
       {in_namespace("create", group, "modelruns", ""), in_namespace("get", group, "modelruns", ""),
        in_namespace("list", group, "modelruns", ""), in_namespace("watch", group, "modelruns", ""),
        in_namespace("patch", group, "modelruns", ""), in_namespace("get", group, "modelprojects", ""),
        in_namespace("get", "", "pods", "log"), in_namespace("get", "", "configmaps", "")}) {
    const auto allowed = installation.allowed(right);
    RETURN_IF_ERROR(allowed);
    if (!*allowed) lacking.push_back(right.text());
  }
  if (lacking.empty()) return fine(fmt::format("you may make runs and read them in namespace {}", session.namespace_));
  Findings findings;
  findings.warn(fmt::format("You may not {}.", fmt::join(lacking, "; not ")),
                fmt::format("Ask whoever manages the namespace for the role modelrun-editor: `{}` (--role in place of "
                            "--clusterrole where the release has watchNamespaces).",
                            installation.kubectl(fmt::format(
                                "create rolebinding USER-modelrun -n {} --clusterrole modelrun-editor --user USER",
                                session.namespace_))));
  return findings;
}

Result<Findings> check_nodes(Installation& installation) {
  const auto nodes = installation.list(kube::kNodes, {});
  RETURN_IF_ERROR(nodes);
  Findings findings;
  std::vector<std::string> unready;
  std::vector<std::string> old;
  std::size_t without_network_rules = 0;
  for (const auto& node : *nodes) {
    const auto& info = member(member(node, "status"), "nodeInfo");
    if (text_at(info, "operatingSystem") == "windows") continue;
    const auto name = text_at(member(node, "metadata"), "name");
    if (!has_true(node, "Ready")) unready.push_back(name);
    const auto kernel = kernel_version(text_at(info, "kernelVersion"));
    if (kernel < kLandlock) old.push_back(fmt::format("{} ({})", name, text_at(info, "kernelVersion")));
    if (kernel < kLandlockNetwork) ++without_network_rules;
  }
  if (!unready.empty()) {
    findings.warn(fmt::format("Nodes that are not Ready: {}.", some_of(unready)),
                  fmt::format("See `{}`.", installation.kubectl("describe node " + unready.front())));
  }
  if (!old.empty()) {
    findings.warn(fmt::format("Kernels older than {}.{}, which have no Landlock: {}. Runs fail there with "
                              "SandboxSetupFailed, or stand without that ring if operator.landlock is optional.",
                              kLandlock.major, kLandlock.minor, some_of(old)),
                  "Upgrade these nodes, or keep runs from them with runtime.nodeSelector of the projects.");
  }
  findings.summary = fmt::format(
      "{}, with kernels that are new enough for Landlock{}", nodes->size(),
      without_network_rules == 0 ? ""
                                 : fmt::format(" ({} older than {}.{}: there Landlock does not also forbid TCP)",
                                               without_network_rules, kLandlockNetwork.major, kLandlockNetwork.minor));
  return findings;
}

}  // namespace modelrun::cli::doctor
