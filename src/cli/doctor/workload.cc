#include "cli/doctor/workload.h"

#include "api/json_access.h"

namespace modelrun::cli::doctor {
namespace {

using api::member;
using api::text_at;

constexpr std::int64_t kManyRestarts = 5;

class PodTroubles {
 public:
  PodTroubles(const Installation& installation, Findings& findings)
      : installation_(installation), findings_(findings) {}

  void look(const kube::Json& pod) {
    const auto before = findings_.problems.size();
    pod_ = text_at(member(pod, "metadata"), "name");
    const auto& status = member(pod, "status");
    const auto conditions = conditions_of(pod);
    const auto* scheduled = api::find_condition(conditions, "PodScheduled");
    if (scheduled != nullptr && scheduled->status != api::ConditionStatus::kTrue) {
      findings_.fail(fmt::format("No node takes pod {}: {}.", where(), scheduled->message),
                     fmt::format("Make room, or change nodeSelector, tolerations or resources; `{}` shows more.",
                                 command("describe pod", pod_)));
    }
    for (const auto* list : {"initContainerStatuses", "containerStatuses"}) {
      for (const auto& container : member(status, list)) look_at_container(container);
    }
    explained = explained || findings_.problems.size() > before;
  }

  bool explained = false;  // a problem of a pod was found

 private:
  [[nodiscard]] std::string where() const { return installation_.system() + "/" + pod_; }
  [[nodiscard]] std::string command(std::string_view verb, std::string_view rest) const {
    return installation_.kubectl(fmt::format("-n {} {} {}", installation_.system(), verb, rest));
  }

  void look_at_container(const kube::Json& status) {
    const auto container = text_at(status, "name");
    const auto& waiting = member(member(status, "state"), "waiting");
    const auto reason = text_at(waiting, "reason");
    const auto restarts = api::int_at(status, "restartCount").value_or(0);
    const auto logs = command("logs", fmt::format("{} -c {} --previous", pod_, container));
    if (reason.find("Image") != std::string::npos) {
      findings_.fail(fmt::format("The image {} of container {} in pod {} cannot be pulled ({}): {}.",
                                 text_at(status, "image"), container, where(), reason, text_at(waiting, "message")),
                     "Correct image.registry, image.tag or image.digests of the chart, or image.pullSecrets, and "
                     "upgrade the release; see that the nodes reach the registry.");
    } else if (reason == "CrashLoopBackOff") {
      findings_.fail(fmt::format("Container {} of pod {} crashes again and again: {} restarts, the last time {}.",
                                 container, where(), restarts, last_end(status)),
                     fmt::format("Its last words: `{}`.", logs));
    } else if (!reason.empty() && reason != "ContainerCreating" && reason != "PodInitializing") {
      findings_.fail(fmt::format("Container {} of pod {} does not start ({}): {}.", container, where(), reason,
                                 text_at(waiting, "message")),
                     fmt::format("See `{}`.", command("describe pod", pod_)));
    } else if (restarts >= kManyRestarts) {
      findings_.warn(fmt::format("Container {} of pod {} has been restarted {} times, the last time {}.", container,
                                 where(), restarts, last_end(status)),
                     fmt::format("Its last words: `{}`; if it was OOMKilled, raise its memory limit.", logs));
    }
  }

  static std::string last_end(const kube::Json& status) {
    const auto& ended = member(member(status, "lastState"), "terminated");
    if (!ended.is_object()) return "for a reason that is not known any more";
    return fmt::format("with {} (exit code {})", text_at(ended, "reason"), api::int_at(ended, "exitCode").value_or(-1));
  }

  const Installation& installation_;
  Findings& findings_;
  std::string pod_;
};

// The message of the condition that says why pods are refused, such as a quota or a Pod Security level; "" if there is
// none.
std::string refusal_of_pods(const kube::Json& deployment) {
  const auto conditions = conditions_of(deployment);
  const auto* failure = api::find_condition(conditions, "ReplicaFailure");
  return failure != nullptr && failure->status == api::ConditionStatus::kTrue ? failure->message : "";
}

}  // namespace

void add_workload_problems(const Installation& installation, const kube::Json& deployment, const Component& component,
                           std::string_view loses, Findings& findings) {
  const auto name = fmt::format("{}/{}", installation.system(), component.name);
  const auto command = [&](std::string_view verb, std::string_view rest) {
    return installation.kubectl(fmt::format("-n {} {} deployment/{}{}", installation.system(), verb, component.name,
                                            rest.empty() ? "" : fmt::format(" {}", rest)));
  };
  if (component.wanted == 0) {
    findings.fail(fmt::format("Deployment {} is scaled to 0 replicas, so that {}.", name, loses),
                  fmt::format("Scale it up: `{}`.", command("scale", "--replicas 2")));
    return;
  }
  if (const auto refusal = refusal_of_pods(deployment); !refusal.empty()) {
    findings.fail(fmt::format("The pods of Deployment {} are refused: {}.", name, refusal),
                  "Change what refuses them: a ResourceQuota, a Pod Security level, an admission webhook.");
  }
  PodTroubles troubles(installation, findings);
  for (const auto& pod : component.pods) troubles.look(pod);
  if (component.ready >= component.wanted) return;
  auto sentence = fmt::format("Deployment {} has {} of {} replicas ready{}.", name, component.ready, component.wanted,
                              component.ready == 0 ? fmt::format(", so that {}", loses) : "");
  const auto advice = fmt::format("See `{}` and `{}`.", command("describe", ""), command("logs", "--all-pods"));
  if (component.ready == 0) {
    findings.fail(std::move(sentence), advice);
  } else if (!troubles.explained) {
    findings.warn(std::move(sentence), advice);
  }
}

Result<Endpoints> read_endpoints(Installation& installation, const std::string& service) {
  const auto slices = installation.list(
      kube::kEndpointSlices,
      {.namespace_ = installation.system(), .label_selector = "kubernetes.io/service-name=" + service});
  RETURN_IF_ERROR(slices);
  Endpoints endpoints;
  for (const auto& slice : *slices) {
    for (const auto& endpoint : member(slice, "endpoints")) {
      // As the API has it: absent means ready.
      const auto& ready = member(member(endpoint, "conditions"), "ready");
      if (!ready.is_boolean() || ready.get<bool>()) ++endpoints.ready;
    }
    for (const auto& port : member(slice, "ports")) {
      if (const auto number = api::int_at(port, "port")) endpoints.ports.push_back(*number);
    }
  }
  return endpoints;
}

std::int64_t port_of(const kube::Json& service) {
  const auto& ports = member(member(service, "spec"), "ports");
  return ports.is_array() && !ports.empty() ? api::int_at(ports.front(), "port").value_or(0) : 0;
}

}  // namespace modelrun::cli::doctor
