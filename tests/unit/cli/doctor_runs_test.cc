// `doctor`: what it says of the probe, the nodes, the runs, the projects and the quotas.
#include "cli/doctor/quantity.h"
#include "doctor_fixture.h"

namespace modelrun::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using json = nlohmann::json;

struct DoctorProbe : Doctor {
  // The kubelet's part: the pod that is made ends as `status` says, and has printed `log`.
  void on_probe(const json& status, const std::string& log) {
    hook = [this, status, log](const kube::Request& request) {
      if (request.method == kube::Method::kGet && request.path.find("/pods/modelrun-doctor-") != std::string::npos) {
        for (auto pod : server.all(kube::kPods)) {
          const auto name = pod.at("metadata").at("name").get<std::string>();
          if (!name.starts_with("modelrun-doctor-")) continue;
          probe = pod;
          pod["status"] = status;
          pod["spec"]["nodeName"] = "node-1";
          server.put(kube::kPods, pod);
          server.set_pod_log("ns", name, "probe", log);
        }
      }
      return fakes::Fault::kNone;
    };
  }
  [[nodiscard]] bool is_removed() const {
    for (const auto& pod : server.all(kube::kPods)) {
      if (pod.at("metadata").at("name").get<std::string>().starts_with("modelrun-doctor-")) return false;
    }
    return true;
  }
  json probe;
};

TEST_F(DoctorProbe, TellsWhetherPoliciesAreEnforced) {
  on_probe({{"phase", "Succeeded"}}, R"({"runServer": true, "apiServer": false, "landlock": 6})");
  EXPECT_THAT(told("probe", {"--run"}, 0), AllOf(StartsWith("ok"), HasSubstr("on node node-1 reaches the run server")));
  EXPECT_THAT(out, HasSubstr("ok    network-policy: enforced"));
  EXPECT_TRUE(is_removed());
  EXPECT_EQ(probe.at("metadata").at("labels").at("modelrun.dev/run-uid"), "doctor") << "by which the policy finds it";
  const auto& container = probe.at("spec").at("containers").at(0);
  EXPECT_EQ(container.at("image"), "python@sha256:1");
  EXPECT_EQ(container.at("imagePullPolicy"), "IfNotPresent");
  EXPECT_EQ(container.at("command").back(), "10.96.0.9:9443");
}

TEST_F(DoctorProbe, PoliciesThatAreNotEnforced) {
  on_probe({{"phase", "Succeeded"}}, R"({"runServer": true, "apiServer": true, "landlock": -1})");
  EXPECT_THAT(
      told("network-policy", {"--run"}),
      AllOf(StartsWith("FAIL"), HasSubstr("NetworkPolicies are not enforced on node node-1: a pod in namespace ns"),
            HasSubstr("Cilium or Calico")));
  EXPECT_THAT(out, HasSubstr("warn  probe: "));
  EXPECT_THAT(out, HasSubstr("The kernel of node node-1 has no Landlock"));
}

TEST_F(DoctorProbe, ARunServerOutOfReach) {
  on_probe({{"phase", "Succeeded"}}, R"({"runServer": false, "apiServer": false, "landlock": 6})");
  EXPECT_THAT(told("probe", {"--run"}),
              HasSubstr("A pod in namespace ns cannot reach the run server at 10.96.0.9:9443"));
  EXPECT_THAT(out, HasSubstr("skip  network-policy: the probe pod reached nothing at all"));
}

TEST_F(DoctorProbe, ThatBringsNoAnswerIsRemovedToo) {
  on_probe({{"phase", "Failed"}}, "no python3 here");
  EXPECT_THAT(told("probe", {"--run"}),
              AllOf(HasSubstr("with image python@sha256:1 brought no answer: it printed: no python3 here"),
                    HasSubstr("Run pods may meet the same")));
  EXPECT_TRUE(is_removed());
  on_probe({{"phase", "Pending"},
            {"containerStatuses",
             {{{"name", "probe"}, {"state", {{"waiting", {{"reason", "ImagePullBackOff"}, {"message", "denied"}}}}}}}}},
           "");
  EXPECT_THAT(told("probe", {"--run"}), HasSubstr("brought no answer: ImagePullBackOff: denied"));
  EXPECT_TRUE(is_removed());
}

TEST_F(DoctorProbe, ThatIsRefused) {
  hook = [](const kube::Request& request) {
    return request.method == kube::Method::kPost && request.path.ends_with("/pods") ? fakes::Fault::k403
                                                                                    : fakes::Fault::kNone;
  };
  EXPECT_THAT(told("probe", {"--run"}),
              HasSubstr("The probe pod was refused in namespace ns, as run pods may be: create"));
}

TEST_F(Doctor, WithoutAPolicyThereIsNothingToProve) {
  server.erase(kube::kNetworkPolicies, "ns", "modelrun-sandbox");
  EXPECT_THAT(told("network-policy", {}, 0), StartsWith("skip  network-policy: namespace ns has no policy yet"));
}

TEST_F(Doctor, KernelsAndNodes) {
  put_node("old", "5.10.0-28-amd64");
  put_node("between", "6.1.0");
  change(kube::kNodes, "between", [](json& node) { node["status"]["conditions"][0]["status"] = "Unknown"; }, "");
  EXPECT_THAT(
      told("nodes", {}, 0),
      AllOf(StartsWith("warn"), HasSubstr("Kernels older than 5.13, which have no Landlock: old (5.10.0-28-amd64)."),
            HasSubstr("Nodes that are not Ready: between.")));
  server.erase(kube::kNodes, "", "old");
  put_node("between", "6.1.0");
  EXPECT_THAT(told("nodes", {}, 0), AllOf(StartsWith("ok    nodes: 2"), HasSubstr("(1 older than 6.7")));
}

TEST_F(Doctor, RingsThatDidNotStand) {
  end_run_in("process,seccomp");
  EXPECT_THAT(told("sandbox", {}, 0),
              AllOf(StartsWith("warn"),
                    HasSubstr("Runs stand without the ring landlock on node node-1, for example ns/ended.")));
  put_run("failed", {{"phase", "Failed"},
                     {"nodeName", "node-2"},
                     {"message", "the kernel has no Landlock"},
                     {"error", {{"reason", "SandboxSetupFailed"}}}});
  EXPECT_THAT(told("sandbox"),
              HasSubstr("Run ns/failed was not started on node node-2, because a ring of the sandbox could "
                        "not be put up: the kernel has no Landlock."));
  server.erase(kube::kModelRuns, "ns", "ended");
  server.erase(kube::kModelRuns, "ns", "failed");
  EXPECT_THAT(told("sandbox", {}, 0), StartsWith("skip  sandbox: none of the newest runs"));
}

TEST_F(Doctor, ProjectsThatAreNotReady) {
  for (const auto& [name, day] : {std::pair("a", 4), {"b", 3}, {"c", 2}, {"d", 1}}) {
    server.put(kube::kModelProjects, {{"metadata", {{"namespace", "team"}, {"name", name}}},
                                      {"status",
                                       {{"conditions",
                                         {{{"type", "Ready"},
                                           {"status", "False"},
                                           {"reason", "SourceUnreachable"},
                                           {"message", "no route"},
                                           {"lastTransitionTime", fmt::format("2025-01-0{}T00:00:00Z", day)}}}}}}});
  }
  const auto text = told("projects", {}, 0);
  EXPECT_THAT(text, AllOf(StartsWith("warn"),
                          HasSubstr("4 of 5 projects not Ready; the oldest: team/d since "
                                    "2025-01-01T00:00:00Z (SourceUnreachable: no route); team/c"),
                          HasSubstr("`kubectl -n team describe modelproject d`")));
  EXPECT_THAT(text, Not(HasSubstr("team/a")));
}

TEST_F(Doctor, OnlyTheNamespaceIfOthersMayNotBeRead) {
  hook = [](const kube::Request& request) {
    return request.path.starts_with("/apis/modelrun.dev/v1alpha1/model") ? fakes::Fault::k403 : fakes::Fault::kNone;
  };
  EXPECT_THAT(told("projects", {}, 0), StartsWith("ok    projects: 1 project in namespace ns"));
}

TEST_F(Doctor, QuotasWithoutRoom) {
  const auto put = [this](const char* namespace_, json hard, json used) {
    server.put(kube::kResourceQuotas, {{"metadata", {{"namespace", namespace_}, {"name", "small"}}},
                                       {"status", {{"hard", std::move(hard)}, {"used", std::move(used)}}}});
  };
  put("ns", {{"pods", "10"}, {"limits.memory", "1Gi"}}, {{"pods", "0"}, {"limits.memory", "1024Mi"}});
  put("stranger", {{"pods", "0"}}, {{"pods", "0"}});
  const auto text = told("quotas", {}, 0);
  EXPECT_THAT(text, AllOf(StartsWith("warn"),
                          HasSubstr("ResourceQuota ns/small leaves no room: 1024Mi of 1Gi limits.memory "
                                    "are taken, so that further runs wait"),
                          HasSubstr("`kubectl -n ns describe resourcequota small`")));
  EXPECT_THAT(text, Not(HasSubstr("stranger")));
  EXPECT_THAT(text, Not(HasSubstr("pods are taken")));
}

TEST(Quantity, Table) {
  for (const auto& [text, number] :
       {std::pair("0", 0.0), {"500m", 0.5}, {"2Ki", 2048}, {"1e3", 1000}, {"1.5G", 1.5e9}}) {
    EXPECT_EQ(doctor::parse_quantity(text), number) << text;
  }
  for (const char* text : {"", "x", "1Q", "m"}) EXPECT_EQ(doctor::parse_quantity(text), std::nullopt) << text;
}

TEST_F(Doctor, RunsThatAreKeptFromStarting) {
  const auto waiting = [](const char* reason, const char* message) {
    return json{{"phase", "Pending"},
                {"message", message},
                {"conditions", {{{"type", "Succeeded"}, {"status", "Unknown"}, {"reason", reason}}}}};
  };
  put_run("queued", waiting("Queued", "all slots are taken"));
  EXPECT_THAT(told("waiting-runs", {}, 0), StartsWith("ok    waiting-runs: 1 waiting run"));
  put_run("r1", waiting("Unschedulable", "admission webhook denied it"));
  put_run("r2", waiting("Unschedulable", "the same"));
  EXPECT_THAT(told("waiting-runs", {}, 0),
              AllOf(StartsWith("warn"),
                    HasSubstr("2 runs wait with the reason Unschedulable, for example ns/r1: admission "
                              "webhook denied it"),
                    HasSubstr("`kubectl modelrun describe r1 -n ns`")));
  put_run("unseen", {});
  clock.advance(std::chrono::minutes(2));
  EXPECT_THAT(told("waiting-runs"),
              HasSubstr("No operator has looked at 1 run for a minute or longer, for example ns/unseen."));
}

}  // namespace
}  // namespace modelrun::cli
