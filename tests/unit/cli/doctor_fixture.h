// A healthy installation in the API server in memory, for the tests to break.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "cli/yaml.h"
#include "fixture.h"
#include "install_files.h"

namespace modelrun::cli {

// The objects of the chart with its default values.
inline const std::vector<nlohmann::json>& installed_objects() {
  static const auto objects = parse_yaml(install_files().front().bytes).value();
  return objects;
}

class Doctor : public testing::Test, public Program {
 protected:
  using json = nlohmann::json;
  static constexpr const char* kSystem = "modelrun-system";

  Doctor() {
    server.set_access_reviewer([this](const json& spec) { return review(spec); });
    server.set_proxy([this](const std::string& target, const std::string&) { return proxy(target); });
    for (const char* name : {"modelprojects", "modelruns", "modelsweeps"}) put_crd(crd_of(name));
    put_component("operator", {"--run-server-service=modelrun-run-server", "--run-server-listen=0.0.0.0:9443",
                               "--leader-elect", "--image-pull-policy=IfNotPresent"});
    put_component("gateway", {"--insecure-http"});
    put_service("modelrun-run-server", 9443, 9443);
    put_service("modelrun-gateway", 80, 8443);
    server.put(kube::kSecrets, {{"metadata", {{"namespace", kSystem}, {"name", "modelrun-run-server-tls"}}}});
    server.put(kube::kNetworkPolicies, {{"metadata", {{"namespace", "ns"}, {"name", "modelrun-sandbox"}}}});
    put_lease("modelrun-operator-1_uid-operator", "2026-01-01T00:00:00.000000Z");
    put_node("node-1", "6.12.0-1-amd64");
    server.put(kube::kModelProjects, {{"metadata", {{"namespace", "ns"}, {"name", "p"}}},
                                      {"status", {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
    end_run_in("process,seccomp,landlock");
    renew_lease();
  }

  // The CRD of this version, with the conditions of one that is served.
  static json crd_of(const std::string& plural) {
    for (auto crd : installed_objects()) {
      if (crd.at("metadata").at("name") != plural + ".modelrun.dev") continue;
      crd["status"]["conditions"] = {{{"type", "NamesAccepted"}, {"status", "True"}},
                                     {{"type", "Established"}, {"status", "True"}}};
      return crd;
    }
    ADD_FAILURE() << plural;
    return {};
  }
  void put_crd(const json& crd) { server.put(kube::kCustomResourceDefinitions, crd); }

  void put_component(const std::string& name, const json& arguments) {
    const json labels = {{"app.kubernetes.io/component", name}};
    const json container = {{"name", name},
                            {"args", arguments},
                            {"env", {{{"name", "MODELRUN_DEFAULT_IMAGE"}, {"value", "python@sha256:1"}}}}};
    auto labelled = labels;
    labelled["app.kubernetes.io/version"] = MODELRUN_VERSION;
    server.put(
        kube::kDeployments,
        {{"metadata", {{"namespace", kSystem}, {"name", "modelrun-" + name}, {"labels", labelled}}},
         {"spec",
          {{"replicas", 1},
           {"selector", {{"matchLabels", labels}}},
           {"template",
            {{"spec", {{"serviceAccountName", "modelrun-" + name}, {"containers", json::array({container})}}}}}}},
         {"status", {{"readyReplicas", 1}}}});
    const json state = {{"name", name}, {"image", "image-of-" + name}, {"state", {{"running", json::object()}}}};
    server.put(
        kube::kPods,
        {{"metadata",
          {{"namespace", kSystem},
           {"name", fmt::format("modelrun-{}-1", name)},
           {"uid", "uid-" + name},
           {"labels", labels}}},
         {"status",
          {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}, {"containerStatuses", json::array({state})}}}});
  }

  void put_service(const std::string& name, int port, int pod_port, bool ready = true) {
    server.put(kube::kServices,
               {{"metadata", {{"namespace", kSystem}, {"name", name}}},
                {"spec", {{"clusterIP", "10.96.0.9"}, {"selector", {{"app", name}}}, {"ports", {{{"port", port}}}}}}});
    server.put(kube::kEndpointSlices,
               {{"metadata",
                 {{"namespace", kSystem}, {"name", name + "-x"}, {"labels", {{"kubernetes.io/service-name", name}}}}},
                {"endpoints", {{{"conditions", {{"ready", ready}}}}}},
                {"ports", {{{"port", pod_port}}}}});
  }

  void put_lease(const std::string& holder, const std::string& renewed) {
    server.put(kube::kLeases,
               {{"metadata", {{"namespace", kSystem}, {"name", "modelrun-operator"}}},
                {"spec", {{"holderIdentity", holder}, {"renewTime", renewed}, {"leaseDurationSeconds", 15}}}});
  }
  // Each time that it is read, the Lease is a second older, and with `renewed` it is renewed, too.
  void renew_lease(bool renewed = true) {
    server.set_hook([this, renewed](const kube::Request& request, int) {
      if (request.path.ends_with("/leases/modelrun-operator")) {
        clock.advance(std::chrono::seconds(renewed ? 1 : 8));
        auto lease = server.find(kube::kLeases, kSystem, "modelrun-operator");
        if (renewed && lease) put_lease(lease->at("spec").at("holderIdentity"), format_rfc3339(clock.now()));
      }
      return hook ? hook(request) : fakes::Fault::kNone;
    });
  }

  void put_node(const std::string& name, const std::string& kernel) {
    server.put(kube::kNodes, {{"metadata", {{"name", name}}},
                              {"status",
                               {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}},
                                {"nodeInfo", {{"kernelVersion", kernel}, {"operatingSystem", "linux"}}}}}});
  }

  void end_run_in(const std::string& rings) {
    put_run("ended", {{"phase", "Succeeded"}, {"nodeName", "node-1"}, {"provenance", {{"rings", rings}}}});
  }

  // Changes a stored object.
  void change(const kube::Resource& resource, const std::string& name, const std::function<void(json&)>& how,
              const std::string& namespace_ = kSystem) {
    auto object = server.find(resource, namespace_, name);
    ASSERT_TRUE(object) << name;
    how(*object);
    server.put(resource, *object);
  }
  // The status of the first container of the component's pod.
  void change_container(const std::string& component, const json& status) {
    change(kube::kPods, fmt::format("modelrun-{}-1", component),
           [&](json& pod) { pod["status"]["containerStatuses"][0].update(status); });
  }

  // Runs doctor; gives the lines that begin with the name's line and end before the next check's.
  std::string told(const std::string& name, std::vector<std::string> flags = {}, int code = 1) {
    flags.insert(flags.begin(), "doctor");
    EXPECT_EQ(run(flags), code) << out << err;
    const auto at = out.find(name + ": ");
    if (at == std::string::npos) return "no line of " + name + " in " + out;
    auto end = out.find('\n', at) + 1;
    while (out.compare(end, 6, "      ") == 0) end = out.find('\n', end) + 1;
    return out.substr(at - 6, end - at + 6);
  }

  json review(const json& spec) {
    const auto& attributes = spec.at("resourceAttributes");
    const auto right = fmt::format("{}{} {}", spec.contains("user") ? "operator " : "", attributes.value("verb", ""),
                                   attributes.value("resource", ""));
    return {{"allowed", !lacking.contains(right)}};
  }
  kube::Response proxy(const std::string& target) {
    if (target.ends_with("/modelrun-gateway:80")) return gateway;
    return {.status = 200, .body = "modelrun_build_info{version=\"" + version + "\"} 1\n"};
  }

  std::set<std::string> lacking;  // "operator patch jobs", "create modelruns"
  std::string version = MODELRUN_VERSION;
  kube::Response gateway{.status = 200, .body = "ok\n"};
  std::function<fakes::Fault(const kube::Request&)> hook;
};

}  // namespace modelrun::cli
