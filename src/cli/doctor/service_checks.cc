// What is reached by a Service: the operator's run server and the gateway.
#include <algorithm>

#include "api/json_access.h"
#include "cli/doctor/check.h"
#include "cli/doctor/workload.h"

namespace modelrun::cli::doctor {
namespace {

using api::member;
using api::text_at;

constexpr std::string_view kTlsSecret = "modelrun-run-server-tls";

// Whether the Secret is there; nullopt if the caller may not know. Its metadata is enough: the key stays where it is.
Result<std::optional<bool>> has_certificate(Installation& installation) {
  const auto secrets = installation.list(kube::kSecrets, {.namespace_ = installation.system(),
                                                          .field_selector = fmt::format("metadata.name={}", kTlsSecret),
                                                          .metadata_only = true});
  if (!secrets && secrets.error().kind == ErrorKind::kDenied) return std::optional<bool>();
  RETURN_IF_ERROR(secrets);
  return std::optional(!secrets->empty());
}

void add_no_endpoints(const Installation& installation, const kube::Json& service, const std::string& name,
                      std::string_view loses, Findings& findings) {
  findings.fail(
      fmt::format("Service {}/{} has no ready endpoint: its selector {} finds no ready pod, so that {}.",
                  installation.system(), name, selector_text(member(member(service, "spec"), "selector")), loses),
      fmt::format("Compare it with the pods' labels, `{}`; `helm upgrade` with the values of the release puts "
                  "it back.",
                  installation.kubectl(fmt::format("-n {} get pods --show-labels", installation.system()))));
}

// Asks the gateway at its Service whether it is ready.
Result<void> ask_readiness(Installation& installation, const std::string& service, std::int64_t port, bool tls,
                           Findings& findings) {
  const auto target = fmt::format("{}{}:{}", tls ? "https:" : "", service, port);
  const auto answer = installation.proxy(kube::kServices, installation.system(), target, "/readyz");
  if (answer) return {};
  if (answer.error().kind == ErrorKind::kDenied) {
    findings.summary += fmt::format("; /readyz not asked, because {}", answer.error().message);
    return {};
  }
  if (installation.stop().stop_requested()) return std::unexpected(answer.error());
  findings.fail(fmt::format("The gateway does not answer at /readyz of Service {}/{}, port {}: {}.",
                            installation.system(), service, port, answer.error().message),
                fmt::format("See `{}`.", installation.kubectl(
                                             fmt::format("-n {} logs -l app.kubernetes.io/component=gateway --tail 50",
                                                         installation.system()))));
  return {};
}

}  // namespace

Result<Findings> check_run_server(Installation& installation) {
  if (!installation.op) return skip("the operator's Deployment is not known");
  constexpr std::string_view kLoses = "run pods get no source and bring no results";
  const auto name = installation.op->argument("run-server-service");
  Findings findings;
  const auto service = installation.find(kube::kServices, installation.system(), name);
  RETURN_IF_ERROR(service);
  if (!*service) {
    findings.fail(fmt::format("Service {}/{} is missing, so that {}.", installation.system(), name, kLoses),
                  "Put it back: `helm upgrade` with the values of the release.");
    return findings;
  }
  const auto certificate = has_certificate(installation);
  RETURN_IF_ERROR(certificate);
  if (*certificate && !**certificate) {
    findings.fail(fmt::format("Secret {}/{} with the run server's certificate is missing, so that {}.",
                              installation.system(), kTlsSecret, kLoses),
                  fmt::format("The operator makes it when it starts: `{}`.",
                              installation.kubectl(fmt::format("-n {} rollout restart deployment/{}",
                                                               installation.system(), installation.op->name))));
  }
  const auto endpoints = read_endpoints(installation, name);
  RETURN_IF_ERROR(endpoints);
  if (endpoints->ready == 0) {
    add_no_endpoints(installation, **service, name, kLoses, findings);
  } else if (const auto listen = installation.op->argument("run-server-listen"); std::ranges::none_of(
                 endpoints->ports, [&](std::int64_t port) { return listen.ends_with(fmt::format(":{}", port)); })) {
    findings.fail(fmt::format("Service {}/{} does not lead to the port at which the run server listens ({}), so that "
                              "{}.",
                              installation.system(), name, listen, kLoses),
                  "Put its targetPort back: `helm upgrade` with the values of the release.");
  }
  findings.summary = fmt::format("Service {}/{}, port {}, {} ready endpoint(s){}", installation.system(), name,
                                 port_of(**service), endpoints->ready,
                                 *certificate ? ", certificate" : "; you may not see whether its certificate is there");
  return findings;
}

Result<Findings> check_gateway(Installation& installation) {
  constexpr std::string_view kLoses = "agents and programs get no answers";
  const kube::ListOptions ours{.namespace_ = installation.system(),
                               .label_selector = "app.kubernetes.io/component=gateway"};
  const auto deployments = installation.list(kube::kDeployments, ours);
  RETURN_IF_ERROR(deployments);
  if (deployments->empty()) return fine(fmt::format("not installed in namespace {}", installation.system()));
  Findings findings;
  for (const auto& deployment : *deployments) {
    const auto component = read_component(installation, deployment);
    RETURN_IF_ERROR(component);
    add_workload_problems(installation, deployment, *component, kLoses, findings);
    findings.summary = fmt::format("Deployment {}/{}, {} of {} replicas ready", installation.system(), component->name,
                                   component->ready, component->wanted);
    // Without a replica there is nothing behind the Service, which is then no news.
    if (component->ready == 0) continue;
    // The chart gives both the same name.
    const auto service = installation.find(kube::kServices, installation.system(), component->name);
    RETURN_IF_ERROR(service);
    if (!*service) {
      findings.fail(
          fmt::format("Service {}/{} is missing, so that {}.", installation.system(), component->name, kLoses),
          "Put it back: `helm upgrade` with the values of the release.");
      continue;
    }
    const auto endpoints = read_endpoints(installation, component->name);
    RETURN_IF_ERROR(endpoints);
    if (endpoints->ready == 0) {
      add_no_endpoints(installation, **service, component->name, kLoses, findings);
      continue;
    }
    const bool tls = !component->argument("tls-cert").empty();
    RETURN_IF_ERROR(ask_readiness(installation, component->name, port_of(**service), tls, findings));
  }
  return findings;
}

}  // namespace modelrun::cli::doctor
