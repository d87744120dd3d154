// The operator: its Deployment, its Lease, its version.
#include <algorithm>
#include <set>

#include "api/json_access.h"
#include "api/object_meta.h"
#include "cli/doctor/check.h"
#include "cli/doctor/workload.h"
#include "cli/object_watch.h"

namespace modelrun::cli::doctor {
namespace {

using api::member;
using api::text_at;

constexpr const char* kLease = "modelrun-operator";  // whatever the release is called
constexpr std::chrono::milliseconds kBetweenReads{200};
constexpr std::chrono::seconds kLongestLease{60};
constexpr std::string_view kBuildInfo = "modelrun_build_info{version=\"";

std::string holder_of(const kube::Json& lease) {
  return text_at(member(lease, "spec"), "holderIdentity");
}

std::string renewal_of(const kube::Json& lease) {
  return text_at(member(lease, "spec"), "renewTime");
}

// Reads the Lease until its renewTime is another one than in `first`, but for no longer than it is valid, and returns
// it as it was read last. The time in it is that of another machine's clock, so it is not compared with ours.
Result<kube::Json> await_renewal(Installation& installation, const kube::Json& first) {
  const auto& clock = installation.session().clock;
  const auto seconds = api::int_at(member(first, "spec"), "leaseDurationSeconds").value_or(15);
  const auto limit = std::min(kLongestLease, std::chrono::seconds(std::max<std::int64_t>(seconds, 1)));
  const auto until = clock.now() + limit;
  auto last = first;
  while (clock.now() < until && renewal_of(last) == renewal_of(first)) {
    pause(kBetweenReads, installation.stop());
    auto now = installation.get(kube::kLeases, installation.system(), kLease);
    RETURN_IF_ERROR(now);
    last = std::move(*now);
  }
  return last;
}

// The identity of a replica is the name of its pod, '_', and the pod's UID.
bool is_pod_of(const Component& component, const std::string& holder) {
  return std::ranges::any_of(component.pods, [&](const kube::Json& pod) {
    const auto meta = api::decode_meta(pod);
    return holder == meta.name + "_" + meta.uid;
  });
}

// The version that a metrics page tells; "" when it tells none.
std::string version_in(std::string_view metrics) {
  const auto at = metrics.find(kBuildInfo);
  if (at == std::string_view::npos) return {};
  const auto rest = metrics.substr(at + kBuildInfo.size());
  return std::string(rest.substr(0, rest.find('"')));
}

// The versions of the ready pods, asked at their port for metrics. Those that tell none are left out.
Result<std::set<std::string>> running_versions(Installation& installation, const Component& component) {
  std::set<std::string> versions;
  for (const auto& pod : component.pods) {
    if (!has_true(pod, "Ready")) continue;
    const auto name = text_at(member(pod, "metadata"), "name");
    const auto metrics = installation.proxy(kube::kPods, installation.system(), name + ":8080", "/metrics");
    RETURN_IF_ERROR(metrics);
    if (auto version = version_in(*metrics); !version.empty()) versions.insert(std::move(version));
  }
  return versions;
}

std::string operator_logs(const Installation& installation, const Component& component) {
  return installation.kubectl(
      fmt::format("-n {} logs deployment/{} -c operator --all-pods --tail 50", installation.system(), component.name));
}

}  // namespace

Result<Findings> check_operator(Installation& installation) {
  const auto deployments = installation.list(
      kube::kDeployments,
      {.namespace_ = installation.system(), .label_selector = "app.kubernetes.io/component=operator"});
  RETURN_IF_ERROR(deployments);
  Findings findings;
  for (const auto& deployment : *deployments) {
    auto component = read_component(installation, deployment);
    RETURN_IF_ERROR(component);
    // Other products use this label, too; ours has this argument.
    if (component->argument("run-server-service").empty()) continue;
    add_workload_problems(installation, deployment, *component, "no run goes on", findings);
    findings.summary = fmt::format("Deployment {}/{}, {} of {} replicas ready", installation.system(), component->name,
                                   component->ready, component->wanted);
    if (installation.op) {
      findings.fail(fmt::format("Namespace {} has two operators, {} and {}, which do the same work twice.",
                                installation.system(), installation.op->name, component->name),
                    "Uninstall one of the two releases.");
    }
    installation.op = std::move(*component);
  }
  if (!installation.op) {
    findings.fail(fmt::format("There is no operator in namespace {}, so that no run goes on.", installation.system()),
                  "Install it (docs/install.md), or name its namespace with --system-namespace.");
  }
  return findings;
}

Result<Findings> check_leader(Installation& installation) {
  if (!installation.op) return skip("the operator's Deployment is not known");
  const auto& component = *installation.op;
  if (component.ready == 0) return skip("no replica of the operator is ready");
  if (std::ranges::find(component.arguments, "--leader-elect") == component.arguments.end()) {
    return fine("the operator runs without --leader-elect, as its only replica");
  }
  const auto name = fmt::format("{}/{}", installation.system(), kLease);
  const auto advice = fmt::format("See what the replicas say: `{}`.", operator_logs(installation, component));
  Findings findings;
  const auto lease = installation.find(kube::kLeases, installation.system(), kLease);
  RETURN_IF_ERROR(lease);
  if (!*lease) {
    findings.fail(fmt::format("Lease {} is not there, so that no replica leads and no run goes on.", name), advice);
    return findings;
  }
  const auto now = await_renewal(installation, **lease);
  RETURN_IF_ERROR(now);
  const auto holder = holder_of(*now);
  if (renewal_of(*now) == renewal_of(**lease)) {
    findings.fail(fmt::format("Lease {} is {} and was not renewed while doctor watched it for as long as it is valid "
                              "(renewed last at {}): no replica leads, and no run goes on.",
                              name, holder.empty() ? "held by nobody" : "held by " + holder, renewal_of(*now)),
                  advice);
  } else if (!holder.empty() && !is_pod_of(component, holder)) {
    findings.fail(fmt::format("Lease {} is renewed by {}, which is no pod of Deployment {}: another operator leads.",
                              name, holder, component.name),
                  fmt::format("Find it with `{}`, and uninstall one of the two.",
                              installation.kubectl("get pods -A -l app.kubernetes.io/component=operator")));
  }
  findings.summary = fmt::format("pod {} leads", holder.substr(0, holder.find('_')));
  return findings;
}

Result<Findings> check_version(Installation& installation) {
  if (!installation.op) return skip("the operator's Deployment is not known");
  const auto& component = *installation.op;
  if (component.ready == 0) return skip("no replica of the operator is ready");
  auto versions = running_versions(installation, component);
  // A caller without the right, a NetworkPolicy between the API server and the pods, an operator that is older than the
  // metric: the chart's word is there.
  const bool asked = versions && !versions->empty();
  if (!asked) versions = std::set{component.version_label};
  const auto source = asked ? "as its pods say" : "as the label of its Deployment says; its pods did not tell it";
  Findings findings;
  for (const auto& version : *versions) {
    if (version == MODELRUN_VERSION) continue;
    findings.warn(fmt::format("The operator is version {} ({}), and this program is {}.",
                              version.empty() ? "unknown" : version, source, MODELRUN_VERSION),
                  "Install the kubectl-modelrun of the operator's version, or upgrade the release with the chart of "
                  "this one.");
  }
  findings.summary = fmt::format("both are {} ({})", MODELRUN_VERSION, source);
  return findings;
}

}  // namespace modelrun::cli::doctor
