// `doctor`: what it says of the cluster, the operator and its Services.
#include "cli/doctor/operator_rights.h"
#include "doctor_fixture.h"

namespace modelrun::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using json = nlohmann::json;

TEST_F(Doctor, AHealthyInstallation) {
  EXPECT_EQ(run({"doctor"}), 0) << out << err;
  EXPECT_THAT(out, Not(HasSubstr("FAIL"))) << out;
  // What cannot be told without the probe is the only warning, and the probe the only check that is skipped.
  EXPECT_THAT(out, HasSubstr("\n15 ok, 1 with warnings, 0 failed, 1 skipped\n"));
  EXPECT_THAT(out, HasSubstr("warn  network-policy: "));
  EXPECT_THAT(out, HasSubstr("-> `kubectl modelrun doctor -n ns --run` makes a pod that tries."));
  EXPECT_THAT(out, HasSubstr("ok    leader: pod modelrun-operator-1 leads\n"));
  EXPECT_THAT(out, HasSubstr("ok    kubernetes: 1.37\n"));
}

TEST_F(Doctor, NothingIsWrittenButReviews) {
  run({"doctor"});
  for (const auto& request : server.requests()) {
    if (request.method == kube::Method::kGet) continue;
    EXPECT_THAT(request.path, HasSubstr("subjectaccessreviews"));
  }
}

TEST_F(Doctor, ForPrograms) {
  change(kube::kDeployments, "modelrun-operator", [](json& object) { object["spec"]["replicas"] = 0; });
  EXPECT_EQ(run({"doctor", "-o", "json"}), 1);
  const auto report = json::parse(out);
  EXPECT_EQ(report.at("healthy"), false);
  EXPECT_EQ(report.at("fail"), 1);
  const auto& check = report.at("checks").at(4);
  EXPECT_EQ(check.at("name"), "operator");
  EXPECT_EQ(check.at("verdict"), "fail");
  EXPECT_THAT(check.at("problems").at(0).at("message"), HasSubstr("is scaled to 0 replicas"));
  EXPECT_THAT(check.at("problems").at(0).at("advice"), HasSubstr("kubectl -n modelrun-system scale"));
}

TEST_F(Doctor, AWrongCommandLine) {
  EXPECT_EQ(run({"doctor", "-o", "yaml"}), 2);
  EXPECT_EQ(run({"doctor", "--timeout", "soon"}), 2);
}

TEST_F(Doctor, AnApiServerThatIsNotThere) {
  hook = [](const kube::Request&) { return fakes::Fault::kDropBefore; };
  EXPECT_THAT(told("api-server"),
              AllOf(StartsWith("FAIL"), HasSubstr("cannot be asked"), HasSubstr("Check the network")));
  EXPECT_THAT(out, HasSubstr("skip  operator: this needs api-server, which has failed\n"));
  EXPECT_THAT(out, HasSubstr("skip  projects: this needs crds, which was skipped\n"));
}

TEST_F(Doctor, AnOldKubernetes) {
  server.set_minor_version(30);
  EXPECT_THAT(told("kubernetes"), AllOf(StartsWith("FAIL"), HasSubstr("Kubernetes 1.30, and ModelRun needs 1.31 or")));
  EXPECT_THAT(out, HasSubstr("ok    operator")) << "the rest is looked at all the same";
}

TEST_F(Doctor, RightsOfTheCaller) {
  lacking = {"create modelruns", "get pods"};
  EXPECT_THAT(
      told("your-rights", {}, 0),
      AllOf(StartsWith("warn"),
            HasSubstr("You may not create modelruns.modelrun.dev in namespace ns; not get pods/log in namespace"),
            HasSubstr("--clusterrole modelrun-editor")));
}

TEST_F(Doctor, WhatTheCallerMayNotReadIsAWarningThatNamesTheRight) {
  hook = [](const kube::Request& request) {
    const bool held = request.path.find("customresourcedefinitions") != std::string::npos ||
                      request.path.find("/deployments") != std::string::npos;
    return held ? fakes::Fault::k403 : fakes::Fault::kNone;
  };
  EXPECT_THAT(told("crds", {}, 0),
              AllOf(StartsWith("warn"), HasSubstr("not known, because you may not get customresourcedefinitions."
                                                  "apiextensions.k8s.io modelprojects.modelrun.dev in the whole")));
  EXPECT_THAT(told("operator", {}, 0), HasSubstr("you may not list deployments.apps in namespace modelrun-system"));
  EXPECT_THAT(out, HasSubstr("skip  leader: the operator's Deployment is not known\n"));
}

TEST_F(Doctor, MissingCrds) {
  server.erase(kube::kCustomResourceDefinitions, "", "modelsweeps.modelrun.dev");
  EXPECT_THAT(told("crds"), AllOf(StartsWith("FAIL"),
                                  HasSubstr("CustomResourceDefinition modelsweeps.modelrun.dev is "
                                            "missing"),
                                  HasSubstr("`kubectl apply --server-side --force-conflicts -f crds/`")));
  EXPECT_THAT(out, HasSubstr("skip  sandbox: this needs crds, which has failed"));
}

TEST_F(Doctor, CrdsOfOtherVersions) {
  const auto changed = [this](const char* pointer, const json& value) {
    auto crd = crd_of("modelruns");
    auto& schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    if (value.is_null()) {
      const json::json_pointer at(pointer);
      schema.at(at.parent_pointer()).erase(at.back());
    } else {
      schema[json::json_pointer(pointer)] = value;
    }
    put_crd(crd);
    return told("crds", {}, value.is_null() ? 1 : 0);
  };
  EXPECT_THAT(
      changed("/properties/spec/properties/points", nullptr),
      HasSubstr("modelruns.modelrun.dev is older than this program (" MODELRUN_VERSION "): it lacks spec.points"));
  EXPECT_THAT(changed("/properties/spec/properties/later", {{"type", "string"}}),
              AllOf(StartsWith("warn"), HasSubstr("is newer than this program"), HasSubstr("it has spec.later")));
  EXPECT_THAT(changed("/properties/spec/properties/branch/maxLength", 7),
              AllOf(StartsWith("warn"), HasSubstr("other types, bounds, defaults or rules")));
  EXPECT_THAT(changed("/properties/spec/properties/branch/description", "Another one."), StartsWith("ok"));
}

TEST_F(Doctor, CrdsThatAreNotServed) {
  auto crd = crd_of("modelruns");
  crd["status"]["conditions"][0] = {{"type", "NamesAccepted"}, {"status", "False"}, {"message", "mr is taken"}};
  put_crd(crd);
  EXPECT_THAT(told("crds"), HasSubstr("modelruns.modelrun.dev is not served: mr is taken."));
  crd["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  put_crd(crd);
  EXPECT_THAT(told("crds"), HasSubstr("is not served: it is being deleted."));
  crd = crd_of("modelruns");
  crd["spec"]["versions"][0]["served"] = false;
  put_crd(crd);
  EXPECT_THAT(told("crds"), HasSubstr("does not serve version v1alpha1"));
}

TEST_F(Doctor, NoOperator) {
  server.erase(kube::kDeployments, kSystem, "modelrun-operator");
  EXPECT_THAT(told("operator"),
              AllOf(StartsWith("FAIL"), HasSubstr("There is no operator in namespace modelrun-system"),
                    HasSubstr("--system-namespace")));
  EXPECT_THAT(told("operator", {"--system-namespace", "elsewhere"}), HasSubstr("no operator in namespace elsewhere"));
}

TEST_F(Doctor, AnOperatorThatDoesNotRun) {
  const auto set_ready = [this](int ready) {
    change(kube::kDeployments, "modelrun-operator", [&](json& object) { object["status"]["readyReplicas"] = ready; });
  };
  change_container("operator",
                   {{"state", {{"waiting", {{"reason", "ImagePullBackOff"}, {"message", "no such tag"}}}}}});
  EXPECT_THAT(told("operator"), HasSubstr("The image image-of-operator of container operator in pod modelrun-system/"
                                          "modelrun-operator-1 cannot be pulled (ImagePullBackOff): no such tag."));
  set_ready(0);
  change_container("operator", {{"restartCount", 7},
                                {"lastState", {{"terminated", {{"reason", "OOMKilled"}, {"exitCode", 137}}}}},
                                {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}}});
  EXPECT_THAT(told("operator"),
              AllOf(HasSubstr("crashes again and again: 7 restarts, the last time with OOMKilled (exit code 137)"),
                    HasSubstr("has 0 of 1 replicas ready, so that no run goes on"),
                    HasSubstr("`kubectl -n modelrun-system logs modelrun-operator-1 -c operator --previous`")));
  EXPECT_THAT(out, HasSubstr("skip  leader: no replica of the operator is ready"));
  set_ready(1);
  change_container("operator", {{"state", {{"running", json::object()}}}});
  EXPECT_THAT(told("operator", {}, 0), AllOf(StartsWith("warn"), HasSubstr("has been restarted 7 times")));
}

TEST_F(Doctor, PodsThatAreRefusedOrFindNoNode) {
  change(kube::kDeployments, "modelrun-operator", [](json& object) {
    object["status"]["conditions"] = {
        {{"type", "ReplicaFailure"}, {"status", "True"}, {"message", "exceeded quota: small"}}};
  });
  EXPECT_THAT(
      told("operator"),
      HasSubstr("The pods of Deployment modelrun-system/modelrun-operator are refused: exceeded quota: small."));
  change(kube::kPods, "modelrun-operator-1", [](json& pod) {
    pod["status"]["conditions"] = {
        {{"type", "PodScheduled"}, {"status", "False"}, {"message", "0/1 nodes are available"}}};
  });
  EXPECT_THAT(told("operator"), HasSubstr("No node takes pod modelrun-system/modelrun-operator-1: 0/1 nodes are"));
}

TEST_F(Doctor, TheLease) {
  renew_lease(false);
  EXPECT_THAT(told("leader"), AllOf(StartsWith("FAIL"),
                                    HasSubstr("Lease modelrun-system/modelrun-operator is held by modelrun-operator-1"
                                              "_uid-operator and was not renewed while doctor watched it"),
                                    HasSubstr("(renewed last at 2026-01-01T00:00:00.000000Z): no replica leads")));
  put_lease("", "2026-01-01T00:00:00.000000Z");
  EXPECT_THAT(told("leader"), HasSubstr("is held by nobody and was not renewed"));
  renew_lease();
  put_lease("other_uid", "2026-01-01T00:00:00.000000Z");
  EXPECT_THAT(told("leader"), HasSubstr("is renewed by other_uid, which is no pod of Deployment modelrun-operator"));
  server.erase(kube::kLeases, kSystem, "modelrun-operator");
  EXPECT_THAT(told("leader"), HasSubstr("Lease modelrun-system/modelrun-operator is not there"));
}

// The clock stands still, so that the Lease is watched until the end.
TEST_F(Doctor, WhatIsNotLookedAtInTimeIsNotHealthy) {
  server.set_hook({});
  EXPECT_EQ(run({"doctor", "--timeout", "1"}), 1) << out;
  EXPECT_THAT(out, HasSubstr("This check did not come to its end: the 1 s of --timeout are over."));
  EXPECT_THAT(out, HasSubstr("skip  waiting-runs: the 1 s of --timeout are over\n"));
}

TEST_F(Doctor, OtherVersions) {
  version = "9.9.9";
  EXPECT_THAT(told("version", {}, 0),
              AllOf(StartsWith("warn"), HasSubstr("The operator is version 9.9.9 (as its pods say)"),
                    HasSubstr("this program is " MODELRUN_VERSION)));
  hook = [](const kube::Request& request) {
    return request.path.ends_with("/proxy/metrics") ? fakes::Fault::k503 : fakes::Fault::kNone;
  };
  EXPECT_THAT(told("version", {}, 0), AllOf(StartsWith("ok"), HasSubstr("its pods did not tell it")));
}

TEST_F(Doctor, RightsOfTheOperator) {
  lacking = {"operator patch jobs", "operator update leases"};
  EXPECT_THAT(told("operator-rights"),
              AllOf(StartsWith("FAIL"),
                    HasSubstr("service account modelrun-system/modelrun-operator may not patch "
                              "jobs.batch in the whole cluster; update leases.coordination.k8s.io "
                              "modelrun-operator in namespace modelrun-system."),
                    HasSubstr("`helm upgrade`")));
  hook = [](const kube::Request& request) {
    return request.path.ends_with("/subjectaccessreviews") ? fakes::Fault::k403 : fakes::Fault::kNone;
  };
  EXPECT_THAT(told("operator-rights", {}, 0),
              StartsWith("skip  operator-rights: you may not create subjectaccessreviews.authorization.k8s.io"));
}

TEST_F(Doctor, AnOperatorForSomeNamespaces) {
  put_component("operator", {"--run-server-service=modelrun-run-server", "--run-server-listen=0.0.0.0:9443",
                             "--leader-elect", "--watch-namespaces=ns,team"});
  server.put(kube::kModelProjects, {{"metadata", {{"namespace", "other"}, {"name", "p"}}},
                                    {"status", {{"conditions", {{{"type", "Ready"}, {"status", "False"}}}}}}});
  server.put(kube::kModelRuns, {{"metadata", {{"namespace", "other"}, {"name", "r"}}}, {"spec", {{"project", "p"}}}});
  clock.advance(std::chrono::hours(1));
  EXPECT_THAT(told("projects", {}, 0), StartsWith("ok    projects: 1 project,")) << "nobody takes care of the others";
  EXPECT_THAT(told("waiting-runs", {}, 0), StartsWith("ok"));
  EXPECT_THAT(told("operator-rights", {}, 0), StartsWith("ok"));
  lacking = {"operator patch jobs", "operator create tokenreviews"};
  EXPECT_THAT(told("operator-rights"), HasSubstr("may not patch jobs.batch in namespace ns; patch jobs.batch in "
                                                 "namespace team; create tokenreviews.authentication.k8s.io in the "
                                                 "whole cluster."));
}

// "verb group/resource/subresource namespace name" of each right.
std::set<std::string> granted_in_manifest() {
  std::set<std::string> rights;
  for (const auto& object : installed_objects()) {
    const auto kind = object.value("kind", "");
    const auto name = object.at("metadata").value("name", "");
    if (name != "modelrun-operator" || (kind != "ClusterRole" && kind != "Role")) continue;
    for (const auto& rule : object.at("rules")) {
      for (const auto& group : rule.at("apiGroups")) {
        for (const auto& resource : rule.at("resources")) {
          for (const auto& verb : rule.at("verbs")) {
            for (const auto& named : rule.value("resourceNames", json::array({""}))) {
              rights.insert(fmt::format("{} {}/{} {} {}", verb.get<std::string>(), group.get<std::string>(),
                                        resource.get<std::string>(), object.at("metadata").value("namespace", ""),
                                        named.get<std::string>()));
            }
          }
        }
      }
    }
  }
  return rights;
}

// install.yaml is what the chart makes: `hack/verify manifests` holds these two equal.
TEST(OperatorRights, AreThoseThatTheChartGrants) {
  std::set<std::string> needed;
  for (const auto& right : doctor::operator_rights("modelrun-system", "modelrun-run-server")) {
    const auto slash = right.subresource.empty() ? "" : "/" + right.subresource;
    needed.insert(
        fmt::format("{} {}/{}{} {} {}", right.verb, right.group, right.resource, slash, right.namespace_, right.name));
  }
  EXPECT_EQ(needed, granted_in_manifest());
}

TEST_F(Doctor, TheRunServer) {
  put_service("modelrun-run-server", 9443, 9443, false);
  EXPECT_THAT(told("run-server"), AllOf(StartsWith("FAIL"),
                                        HasSubstr("Service modelrun-system/modelrun-run-server has no "
                                                  "ready endpoint: its selector "
                                                  "app=modelrun-run-server finds no ready pod"),
                                        HasSubstr("get pods --show-labels")));
  put_service("modelrun-run-server", 9443, 8080);
  EXPECT_THAT(told("run-server"),
              HasSubstr("does not lead to the port at which the run server listens (0.0.0.0:9443)"));
  server.erase(kube::kSecrets, kSystem, "modelrun-run-server-tls");
  EXPECT_THAT(told("run-server"), HasSubstr("Secret modelrun-system/modelrun-run-server-tls with the run server's"));
  server.erase(kube::kServices, kSystem, "modelrun-run-server");
  EXPECT_THAT(told("run-server"), HasSubstr("Service modelrun-system/modelrun-run-server is missing"));
}

TEST_F(Doctor, TheCertificateOfTheRunServerIsNotRead) {
  run({"doctor"});
  for (const auto& request : server.requests()) {
    if (request.path.find("/secrets") != std::string::npos) {
      EXPECT_THAT(request.accept, HasSubstr("PartialObjectMetadata"));
    }
  }
}

TEST_F(Doctor, TheGateway) {
  gateway = {.status = 503, .body = "the API server cannot be reached"};
  EXPECT_THAT(told("gateway"), AllOf(StartsWith("FAIL"),
                                     HasSubstr("does not answer at /readyz of Service modelrun-system/"
                                               "modelrun-gateway, port 80"),
                                     HasSubstr("the API server cannot be reached")));
  put_service("modelrun-gateway", 80, 8443, false);
  EXPECT_THAT(told("gateway"), HasSubstr("modelrun-gateway has no ready endpoint"));
  change(kube::kDeployments, "modelrun-gateway", [](json& object) {
    object["spec"]["replicas"] = 0;
    object["status"]["readyReplicas"] = 0;
  });
  EXPECT_THAT(told("gateway"),
              HasSubstr("modelrun-gateway is scaled to 0 replicas, so that agents and programs get no"));
  server.erase(kube::kDeployments, kSystem, "modelrun-gateway");
  EXPECT_THAT(told("gateway", {}, 0), StartsWith("ok    gateway: not installed"));
}

}  // namespace
}  // namespace modelrun::cli
