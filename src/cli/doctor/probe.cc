#include "cli/doctor/probe.h"

#include <algorithm>
#include <array>
#include <memory>

#include "api/json_access.h"
#include "api/model_run.h"
#include "api/object_meta.h"
#include "cli/doctor/check.h"
#include "cli/doctor/workload.h"
#include "cli/object_watch.h"

namespace modelrun::cli::doctor {
namespace {

using api::member;
using api::text_at;

constexpr const char* kPolicy = "modelrun-sandbox";  // the operator makes it in each namespace that has runs
constexpr std::chrono::milliseconds kBetweenLooks{200};
constexpr std::int64_t kMaxLogBytes = 4096;

// Tries what run pods may reach and what they may not. An engine may enforce a policy only some moments after the pod
// has started, so each is tried until it is as the policy wants it, ten times at most. The number of the system call
// landlock_create_ruleset is the same on all architectures.
constexpr std::string_view kProgram = R"(
import ctypes, json, os, socket, sys, time
def reaches(host, port):
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
        return True
    except OSError:
        return False
def settles(host, port, wanted):
    for _ in range(10):
        if reaches(host, port) == wanted:
            return wanted
        time.sleep(1)
    return not wanted
host, _, port = sys.argv[1].rpartition(':')
run_server = settles(host.strip('[]'), port, True)
api_server = settles(os.environ['KUBERNETES_SERVICE_HOST'], os.environ['KUBERNETES_SERVICE_PORT'], False)
libc = ctypes.CDLL(None, use_errno=True)
landlock = libc.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1))
print(json.dumps({'runServer': run_server, 'apiServer': api_server, 'landlock': landlock}))
)";

// Deletes the pod when it goes out of scope, whatever has been stopped by then.
class OwnedPod {
 public:
  OwnedPod(Installation& installation, api::ObjectMeta meta) : installation_(installation), meta_(std::move(meta)) {}
  OwnedPod(const OwnedPod&) = delete;
  OwnedPod& operator=(const OwnedPod&) = delete;
  ~OwnedPod() {
    const auto removed = installation_.client().remove(kube::kPods, meta_.namespace_, meta_.name,
                                                       {.uid = meta_.uid, .grace_seconds = 0});
    if (removed || removed.error().kind == ErrorKind::kNotFound) return;
    installation_.session().console.note(
        fmt::format("The probe pod was not removed: {}. `{}` removes it.", removed.error().message,
                    installation_.kubectl(fmt::format("-n {} delete pod {}", meta_.namespace_, meta_.name))));
  }

 private:
  Installation& installation_;
  const api::ObjectMeta meta_;
};

// Whether the kubelet has tried more than once, or will not try again.
bool is_lasting(const std::string& hindrance) {
  constexpr std::array<std::string_view, 5> kLasting{"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
                                                     "CreateContainerConfigError", "CreateContainerError"};
  return std::ranges::any_of(kLasting, [&](std::string_view reason) { return hindrance.starts_with(reason); });
}

// Why a container cannot start; "" if nothing is known to keep it from starting.
std::string hindrance_of(const kube::Json& pod) {
  for (const auto& container : member(member(pod, "status"), "containerStatuses")) {
    const auto& waiting = member(member(container, "state"), "waiting");
    const auto reason = text_at(waiting, "reason");
    if (reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing") continue;
    return fmt::format("{}: {}", reason, text_at(waiting, "message"));
  }
  const auto conditions = conditions_of(pod);
  const auto* scheduled = api::find_condition(conditions, "PodScheduled");
  return scheduled != nullptr && scheduled->reason == "Unschedulable" ? scheduled->message : "";
}

// Waits for the end of the pod. Fails when it cannot start, or when time runs out.
Result<kube::Json> await_pod(Installation& installation, const std::string& namespace_, const std::string& name) {
  std::string hindrance;
  while (!installation.stop().stop_requested()) {
    auto pod = installation.get(kube::kPods, namespace_, name);
    if (!pod) {
      if (installation.stop().stop_requested()) break;
      return pod;
    }
    const auto phase = text_at(member(*pod, "status"), "phase");
    if (phase == "Succeeded" || phase == "Failed") return pod;
    hindrance = hindrance_of(*pod);
    if (is_lasting(hindrance)) return fail(ErrorKind::kInvalid, "{}", hindrance);
    pause(kBetweenLooks, installation.stop());
  }
  return fail(ErrorKind::kTimeout, "{}", hindrance.empty() ? "it has not ended" : hindrance);
}

std::string clusters_address(const kube::Json& service) {
  const auto address = text_at(member(service, "spec"), "clusterIP");
  const auto port = port_of(service);
  return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                : fmt::format("[{}]:{}", address, port);
}

Findings judge(const Installation& installation, const ProbeResult& result, const ProbePlan& plan) {
  Findings findings;
  if (!result.run_server) {
    findings.fail(fmt::format("A pod in namespace {} cannot reach the run server at {}, so that run pods get no source "
                              "and bring no results.",
                              plan.namespace_, plan.run_server),
                  fmt::format("See which NetworkPolicies hold there and in namespace {}: `{}`.", installation.system(),
                              installation.kubectl("get networkpolicies -A")));
  }
  if (result.landlock < 1) {
    findings.warn(fmt::format("The kernel of node {} has no Landlock that pods could use: runs fail there with "
                              "SandboxSetupFailed, or stand without that ring if operator.landlock is optional.",
                              result.node),
                  "Start the kernel with landlock among its security modules (lsm=landlock,...).");
  }
  findings.summary = fmt::format("a pod on node {} reaches the run server; its kernel has Landlock, version {}",
                                 result.node, result.landlock);
  return findings;
}

}  // namespace

kube::Json probe_pod(const ProbePlan& plan) {
  const kube::Json container{
      {"name", "probe"},
      {"image", plan.image},
      {"imagePullPolicy", plan.image_pull_policy},
      {"command", {"python3", "-I", "-c", kProgram, plan.run_server}},
      {"resources",
       {{"requests", {{"cpu", "10m"}, {"memory", "32Mi"}}}, {"limits", {{"cpu", "1"}, {"memory", "64Mi"}}}}},
      {"securityContext",
       {{"allowPrivilegeEscalation", false}, {"readOnlyRootFilesystem", true}, {"capabilities", {{"drop", {"ALL"}}}}}}};
  return {{"metadata",
           {{"generateName", "modelrun-doctor-"},
            {"namespace", plan.namespace_},
            // The label by which the NetworkPolicy finds run pods. No run has this UID.
            {"labels", {{api::kLabelRunUid, "doctor"}, {"app.kubernetes.io/managed-by", "modelrun-doctor"}}}}},
          {"spec",
           {{"restartPolicy", "Never"},
            {"activeDeadlineSeconds", 60},
            {"terminationGracePeriodSeconds", 0},
            {"automountServiceAccountToken", false},
            {"securityContext",
             {{"runAsNonRoot", true}, {"runAsUser", 65532}, {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
            {"containers", kube::Json::array({container})}}}};
}

Result<ProbeResult> read_probe(const std::string& log) {
  const auto told = kube::Json::parse(log, nullptr, /*allow_exceptions=*/false);
  const auto& run_server = member(told, "runServer");
  const auto& api_server = member(told, "apiServer");
  const auto landlock = api::int_at(told, "landlock");
  if (!run_server.is_boolean() || !api_server.is_boolean() || !landlock) {
    return fail(ErrorKind::kInvalid, "it printed: {}", log);
  }
  return ProbeResult{.run_server = run_server.get<bool>(),
                     .api_server = api_server.get<bool>(),
                     .landlock = static_cast<int>(std::clamp<std::int64_t>(*landlock, -1, 1000)),
                     .node = {}};
}

Result<Findings> check_probe(Installation& installation) {
  if (!installation.options().probe) return skip("not asked for; --run makes it");
  if (!installation.op) return skip("the operator's Deployment is not known");
  const auto& component = *installation.op;
  const auto service =
      installation.get(kube::kServices, installation.system(), component.argument("run-server-service"));
  RETURN_IF_ERROR(service);
  const auto advertised = component.argument("run-server-advertise");
  const ProbePlan plan{.namespace_ = installation.session().namespace_,
                       .image = component.variable("MODELRUN_DEFAULT_IMAGE"),
                       .image_pull_policy = component.argument("image-pull-policy"),
                       .run_server = advertised.empty() ? clusters_address(*service) : advertised};
  Findings findings;
  const auto created = installation.client().create(kube::kPods, probe_pod(plan), installation.stop());
  if (!created) {
    if (is_transient(created.error().kind)) return std::unexpected(created.error());
    findings.fail(fmt::format("The probe pod was refused in namespace {}, as run pods may be: {}.", plan.namespace_,
                              created.error().message),
                  "If it is a right that you lack, ask for it; if it is a ResourceQuota, a Pod Security level or an "
                  "admission webhook, change that, or name another namespace with -n.");
    return findings;
  }
  const auto meta = api::decode_meta(*created);
  const auto& name = meta.name;
  const OwnedPod owned(installation, meta);
  const auto ended = await_pod(installation, plan.namespace_, name);
  const auto failed = [&](const std::string& why) {
    findings.fail(
        fmt::format("The probe pod {}/{} with image {} brought no answer: {}.", plan.namespace_, name, plan.image, why),
        "Run pods may meet the same: see that nodes have room and can pull this image.");
    return findings;
  };
  if (!ended) return failed(ended.error().message);
  const auto log = installation.client().pod_log(
      plan.namespace_, name, {.container = "probe", .limit_bytes = kMaxLogBytes}, installation.stop());
  RETURN_IF_ERROR(log);
  auto result = read_probe(*log);
  if (!result) return failed(result.error().message);
  result->node = text_at(member(*ended, "spec"), "nodeName");
  installation.probed = *result;
  return judge(installation, *result, plan);
}

Result<Findings> check_network_policy(Installation& installation) {
  const auto& namespace_ = installation.session().namespace_;
  Findings findings;
  const auto policy = installation.find(kube::kNetworkPolicies, namespace_, kPolicy);
  if (!policy && policy.error().kind != ErrorKind::kDenied) return std::unexpected(policy.error());
  if (policy && !*policy) {
    return skip(
        fmt::format("namespace {} has no policy yet: the operator makes it with the first run there; name "
                    "another namespace with -n",
                    namespace_));
  }
  if (!installation.probed) {
    findings.warn(
        "Whether something enforces the NetworkPolicy of run pods is not known: the API server takes policies "
        "also where no network plug-in enforces them.",
        fmt::format("`{} --run` makes a pod that tries.", installation.session().hint("doctor")));
    return findings;
  }
  if (installation.probed->api_server) {
    findings.fail(
        fmt::format("NetworkPolicies are not enforced on node {}: a pod in namespace {} with the labels of a "
                    "run's pod reached the API server, which NetworkPolicy {}/{} forbids.",
                    installation.probed->node, namespace_, namespace_, kPolicy),
        "Install a network plug-in that enforces NetworkPolicies, such as Cilium or Calico; see that no other "
        "policy in the namespace allows it. Models have no sockets even so (docs/security.md).");
  } else if (!installation.probed->run_server) {
    return skip("the probe pod reached nothing at all, so that this proves nothing");
  }
  findings.summary = "enforced: the probe pod reached the run server and not the API server";
  return findings;
}

}  // namespace modelrun::cli::doctor
