// The child objects as the API server will see them.
#include <gmock/gmock.h>

#include <algorithm>
#include <regex>
#include <set>

#include "api/standby.h"
#include "controller/resources/config_map.h"
#include "controller/resources/job.h"
#include "controller/resources/network_policy.h"
#include "controller/resources/sweep_objects.h"
#include "controller/run/image_volume.h"
#include "unit/controller/run/scene.h"

namespace modelrun::controller::testing {
namespace {

using nlohmann::json;

class JobTest : public ::testing::Test {
 protected:
  JobTest() { scene_.pending(); }
  json job() { return build_job({scene_.run, scene_.project, scene_.settings, mounted_}); }
  json pod() { return job()["spec"]["template"]["spec"]; }
  json container(const std::string& name) {
    const json all = pod()["containers"];
    for (const auto& item : all) {
      if (item["name"] == name) return item;
    }
    return {};
  }
  std::set<std::string> mounts(const std::string& name) {
    std::set<std::string> paths;
    const json all = container(name)["volumeMounts"];
    for (const auto& item : all) {
      paths.insert(item["mountPath"].get<std::string>() + (item.value("readOnly", false) ? "" : " rw"));
    }
    return paths;
  }
  std::string env(const std::string& name, const std::string& variable) {
    std::string value = "(none)";
    const json all = container(name)["env"];
    for (const auto& item : all) {
      if (item["name"] == variable) value = item.value("value", "(from)");
    }
    return value;
  }
  Scene scene_;
  bool mounted_ = false;
};

TEST_F(JobTest, OneTryOwnedByTheRun) {
  const auto spec = job()["spec"];
  EXPECT_EQ(spec["backoffLimit"], 0);
  EXPECT_EQ(spec["podReplacementPolicy"], "Failed");
  EXPECT_FALSE(spec.contains("activeDeadlineSeconds")) << "it would take the logs away";
  EXPECT_FALSE(spec.contains("ttlSecondsAfterFinished"));
  const auto owner = job()["metadata"]["ownerReferences"][0];
  EXPECT_EQ(owner["uid"], scene_.run.meta.uid);
  EXPECT_EQ(owner["kind"], "ModelRun");
  EXPECT_EQ(owner["controller"], true);
  EXPECT_EQ(job()["metadata"]["name"], "forecast-12345678-1");
}

TEST_F(JobTest, PodOfTheRestrictedLevel) {
  const auto security = pod()["securityContext"];
  EXPECT_EQ(security["runAsNonRoot"], true);
  EXPECT_EQ(security["seccompProfile"]["type"], "RuntimeDefault");
  EXPECT_GE(security["runAsUser"], 1'000'000);
  EXPECT_EQ(pod()["automountServiceAccountToken"], false);
  EXPECT_EQ(pod()["restartPolicy"], "Never");
  for (const char* name : {"agent", "model"}) {
    const auto rules = container(name)["securityContext"];
    EXPECT_EQ(rules["allowPrivilegeEscalation"], false) << name;
    EXPECT_EQ(rules["readOnlyRootFilesystem"], true) << name;
    EXPECT_EQ(rules["capabilities"]["drop"], json({"ALL"})) << name;
  }
  const json volumes = pod()["volumes"];
  for (const auto& volume : volumes) {
    for (const char* kind : {"hostPath", "nfs", "iscsi"}) EXPECT_FALSE(volume.contains(kind));
  }
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC", "initContainers"})
    EXPECT_FALSE(pod().contains(field)) << field;
}

TEST_F(JobTest, DeadlineOfThePodIsOverAllItWaitsFor) {
  scene_.project.limits.pending_seconds = 100;
  scene_.run.spec.timeout_seconds = 20;
  EXPECT_EQ(pod()["activeDeadlineSeconds"], 180);
  EXPECT_EQ(env("model", api::kEnvTimeout), "20");
}

TEST_F(JobTest, MountsByScopeParametersAndData) {
  using ::testing::Contains;
  using ::testing::Not;
  EXPECT_EQ(mounts("model"), (std::set<std::string>{"/modelrun", "/repo", "/outputs rw", "/tmp rw", "/upstream rw"}));
  scene_.run.spec.scope = api::Scope::kModel;
  scene_.run.spec.model_name = "revenue";
  EXPECT_THAT(mounts("model"), Not(Contains("/upstream rw")));
  scene_.run.spec.parameters = json::object();
  EXPECT_THAT(mounts("model"), Contains("/inputs"));
  scene_.project.data.claim_name = "claim";
  EXPECT_THAT(mounts("model"), Contains("/data"));
  EXPECT_THAT(mounts("agent"), Not(Contains("/data")));
  std::set<std::string> volumes;
  const json all = pod();
  for (const auto& volume : all["volumes"]) volumes.insert(volume["name"]);
  for (const auto& item : all["containers"]) {
    for (const auto& mount : item["volumeMounts"]) EXPECT_TRUE(volumes.contains(mount["name"])) << mount;
  }
}

// A ResourceQuota refuses a pod if any of its containers leaves out what the quota counts.
TEST_F(JobTest, EveryContainerStatesWhatAQuotaCanCount) {
  const json all = pod();
  for (const char* list : {"initContainers", "containers"}) {
    for (const auto& container : all.value(list, json::array())) {
      for (const char* kind : {"requests", "limits"}) {
        for (const char* resource : {"cpu", "memory", "ephemeral-storage"}) {
          EXPECT_TRUE(container["resources"].value(kind, json::object()).contains(resource))
              << container["name"] << ' ' << kind << '.' << resource;
        }
      }
    }
  }
}

TEST_F(JobTest, TheTokenIsTheAgentsAlone) {
  const json agent = container("agent");
  const json model = container("model");
  const auto is_token = [](const json& mount) { return mount["name"] == "token"; };
  EXPECT_EQ(std::ranges::count_if(agent["volumeMounts"], is_token), 1);
  EXPECT_GT(model["volumeMounts"].size(), 3U);
  EXPECT_EQ(std::ranges::count_if(model["volumeMounts"], is_token), 0);
}

TEST_F(JobTest, DataFromConfigMap) {
  scene_.project.data.config_map = "facts";
  EXPECT_EQ(pod()["volumes"].back()["configMap"]["name"], "facts");
  scene_.project.data.claim_name = "claim";
  EXPECT_EQ(pod()["volumes"].back()["persistentVolumeClaim"], (json{{"claimName", "claim"}, {"readOnly", true}}));
}

TEST_F(JobTest, Command) {
  EXPECT_EQ(container("model")["command"],
            json({"/modelrun/modelrun-sandbox", "exec", "--", "python3", "-I", "-B", "-u", "/modelrun/harness.py"}));
  scene_.project.runtime.command = {"node", "--file=$(ENTRYPOINT)", "$(OTHER)"};
  EXPECT_EQ(container("model")["command"],
            json({"/modelrun/modelrun-sandbox", "exec", "--", "node", "--file=run.py", "$(OTHER)"}));
  EXPECT_EQ(container("agent")["command"], json({"/modelrun-sandbox", "agent"}));
}

TEST_F(JobTest, TheSandboxsFilesAreAVolumeOfTheAgentsImageOrInstalled) {
  EXPECT_EQ(pod()["volumes"][0], (json{{"name", "modelrun"}, {"emptyDir", {{"sizeLimit", "64Mi"}}}}));
  EXPECT_TRUE(mounts("agent").contains("/modelrun rw"));
  EXPECT_EQ(container("agent")["lifecycle"]["postStart"]["exec"]["command"],
            json({"/modelrun-sandbox", "await-installed"}));
  EXPECT_EQ(env("agent", api::kEnvAgentSocket), "(none)");
  EXPECT_EQ(env("model", api::kEnvAgentSocket), "(none)");
  const json command = container("model")["command"];
  mounted_ = true;
  EXPECT_EQ(pod()["volumes"][0],
            (json{{"name", "modelrun"}, {"image", {{"reference", "agent:1"}, {"pullPolicy", "IfNotPresent"}}}}));
  EXPECT_TRUE(mounts("model").contains("/modelrun")) << "read-only";
  EXPECT_FALSE(mounts("agent").contains("/modelrun rw"));
  EXPECT_FALSE(container("agent").contains("lifecycle"));
  EXPECT_EQ(env("agent", api::kEnvAgentSocket), "modelrun-agent");
  EXPECT_EQ(env("model", api::kEnvAgentSocket), "modelrun-agent");
  EXPECT_EQ(container("model")["command"], command);
  scene_.project.runtime.env = {{{"name", api::kEnvAgentSocket}, {"value", "forged"}}};
  EXPECT_EQ(env("model", api::kEnvAgentSocket), "modelrun-agent");
}

TEST(MountsImage, BySettingRuntimeServerAndAttempt) {
  Settings settings;
  api::RuntimeSpec runtime;
  const auto mounts = [&](ImageVolumes setting, bool usable, std::int64_t attempt) {
    settings.image_volumes = setting;
    return mounts_image(settings, runtime, usable, attempt);
  };
  EXPECT_TRUE(mounts(ImageVolumes::kAuto, true, 1));
  EXPECT_FALSE(mounts(ImageVolumes::kAuto, true, 2)) << "the first may have failed for it";
  EXPECT_FALSE(mounts(ImageVolumes::kAuto, false, 1));
  EXPECT_TRUE(mounts(ImageVolumes::kAlways, false, 2));
  EXPECT_FALSE(mounts(ImageVolumes::kNever, true, 1));
  runtime.runtime_class_name = "gvisor";
  EXPECT_FALSE(mounts(ImageVolumes::kAuto, true, 1)) << "it may have none";
  EXPECT_TRUE(mounts(ImageVolumes::kAlways, true, 1));
}

TEST_F(JobTest, EnvironmentOfTheProjectCannotReplaceOurs) {
  scene_.project.runtime.env = {{{"name", api::kEnvCommit}, {"value", "forged"}}, {{"name", "A"}, {"value", "b"}}};
  EXPECT_EQ(env("model", api::kEnvCommit), kCommit) << "of two the last counts";
  EXPECT_EQ(env("model", "A"), "b");
  EXPECT_EQ(env("agent", "A"), "(none)");
  EXPECT_EQ(env("model", api::kEnvLandlock), "required");
  EXPECT_EQ(env("model", api::kEnvRunServer), "(none)");
  EXPECT_EQ(env("agent", api::kEnvAttempt), "1");
}

TEST_F(JobTest, LandlockIsRequiredButWhereARuntimeClassHasNone) {
  scene_.settings.runtimes_without_landlock = {"gvisor", ""};
  EXPECT_EQ(env("model", api::kEnvLandlock), "required");
  scene_.project.runtime.runtime_class_name = "kata";
  EXPECT_EQ(env("model", api::kEnvLandlock), "required");
  scene_.project.runtime.runtime_class_name = "gvisor";
  EXPECT_EQ(env("model", api::kEnvLandlock), "optional");
}

TEST_F(JobTest, Resources) {
  const auto resources = [&](json given) {
    scene_.project.runtime.resources = std::move(given);
    return container("model")["resources"];
  };
  EXPECT_EQ(resources(json::object()),
            (json{{"requests", {{"cpu", "50m"}, {"memory", "64Mi"}, {"ephemeral-storage", "1Mi"}}},
                  {"limits", {{"cpu", "1"}, {"memory", "1Gi"}, {"ephemeral-storage", "64Mi"}}}}));
  EXPECT_EQ(container("agent")["resources"]["limits"]["ephemeral-storage"], "1280Mi");
  EXPECT_EQ(resources({{"requests", {{"memory", "4Gi"}}}})["limits"]["memory"], "4Gi")
      << "a request over its limit is refused";
  const auto limited = resources({{"limits", {{"memory", "32Mi"}}}});
  EXPECT_EQ(limited["limits"]["memory"], "32Mi");
  EXPECT_EQ(limited["requests"]["memory"], "32Mi") << "the default request would be over it";
  EXPECT_EQ(resources({{"requests", {{"memory", "1Gi"}}}, {"limits", {{"memory", "2Gi"}}}})["limits"]["memory"], "2Gi");
}

TEST_F(JobTest, EachDefaultOfTheResourcesHoldsForItself) {
  struct Case {
    json request, limit;            // of memory; null: not named
    const char *requests, *limits;  // "-" when there is none
  };
  for (const auto& each : std::vector<Case>{{"128Mi", nullptr, "128Mi", "1Gi"},
                                            {"1Gi", nullptr, "1Gi", "1Gi"},
                                            {"1024Mi", nullptr, "1024Mi", "1Gi"},
                                            {"1025Mi", nullptr, "1025Mi", "1025Mi"},
                                            {"2e9", nullptr, "2e9", "2e9"},
                                            {"1E", nullptr, "1E", "1E"},
                                            {"1.5G", nullptr, "1.5G", "1.5G"},
                                            {"100M", nullptr, "100M", "1Gi"},
                                            {"200000k", nullptr, "200000k", "1Gi"},
                                            {nullptr, "128Mi", "64Mi", "128Mi"},
                                            {nullptr, "64Mi", "64Mi", "64Mi"},
                                            {nullptr, "63Mi", "63Mi", "63Mi"},
                                            {"2Gi", "3Gi", "2Gi", "3Gi"}}) {
    json given = json::object();
    if (!each.request.is_null()) given["requests"]["memory"] = each.request;
    if (!each.limit.is_null()) given["limits"]["memory"] = each.limit;
    scene_.project.runtime.resources = given;
    json made = container("model")["resources"];
    EXPECT_EQ(made["requests"]["memory"], each.requests) << given;
    EXPECT_EQ(made["limits"]["memory"], each.limits) << given;
    EXPECT_EQ(made["requests"]["cpu"], "50m") << given;
    EXPECT_EQ(made["limits"]["cpu"], "1") << given;
  }
  scene_.project.runtime.resources = {{"requests", {{"cpu", 2}, {"example.com/gpu", 1}}}, {"limits", {{"memory", 0}}}};
  EXPECT_EQ(container("model")["resources"],
            (json{{"requests", {{"cpu", 2}, {"memory", 0}, {"example.com/gpu", 1}, {"ephemeral-storage", "1Mi"}}},
                  {"limits", {{"cpu", 2}, {"memory", 0}, {"example.com/gpu", 1}, {"ephemeral-storage", "64Mi"}}}}));
}

TEST_F(JobTest, Placement) {
  scene_.project.runtime.tolerations = {{{"key", "gpu"}, {"operator", "Exists"}}};
  scene_.project.runtime.node_selector = {{"disk", "ssd"}};
  scene_.project.runtime.runtime_class_name = "gvisor";
  scene_.project.runtime.priority_class_name = "low";
  scene_.project.runtime.host_users = false;
  scene_.project.runtime.image_pull_secrets = {{{"name", "s"}}};
  ASSERT_EQ(pod()["tolerations"].size(), 3U);
  EXPECT_EQ(pod()["tolerations"][1]["tolerationSeconds"], 60);
  EXPECT_EQ(pod()["nodeSelector"]["disk"], "ssd");
  EXPECT_EQ(pod()["runtimeClassName"], "gvisor");
  EXPECT_EQ(pod()["priorityClassName"], "low");
  EXPECT_EQ(pod()["hostUsers"], false);
  EXPECT_EQ(pod()["imagePullSecrets"][0]["name"], "s");
}

TEST_F(JobTest, ImageIsTheOnePinned) {
  scene_.project.runtime.image = "other:2";  // changed after the pin
  EXPECT_EQ(container("model")["image"], "python:1");
  scene_.project.runtime.image_pull_policy = "Always";
  EXPECT_EQ(container("model")["imagePullPolicy"], "Always");
  EXPECT_EQ(container("agent")["imagePullPolicy"], "IfNotPresent");
}

TEST_F(JobTest, LabelValuesAreShortEnough) {
  scene_.run.meta.name = std::string(253, 'n');
  scene_.run.status.job_name = child_name(scene_.run.meta, 1);
  for (const auto& labels : {job()["metadata"]["labels"], job()["spec"]["template"]["metadata"]["labels"]}) {
    for (const auto& [key, value] : labels.items()) EXPECT_LE(value.get<std::string>().size(), 63U) << key;
  }
  EXPECT_EQ(job()["spec"]["template"]["metadata"]["annotations"][std::string(api::kAnnotationRun)],
            scene_.run.meta.name);
}

// The labels and annotations of the Job, which its pod has too.
json labels_of(const json& job) {
  EXPECT_EQ(job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]);
  return job["metadata"]["labels"];
}
json annotations_of(const json& job) {
  EXPECT_EQ(job["metadata"]["annotations"], job["spec"]["template"]["metadata"]["annotations"]);
  return job["metadata"]["annotations"];
}

TEST_F(JobTest, LabelsOfTheRunGoOnlyIfTheOperatorNamesThem) {
  scene_.run.labels = {{"team", "risk"}, {"other", "x"}, {"modelrun.dev/run-uid", "forged"}};
  const json plain = labels_of(job());
  EXPECT_EQ(plain.size(), 4U) << plain;
  scene_.settings.propagated_labels = {"team", "absent"};
  json labels = labels_of(job());
  EXPECT_EQ(labels["team"], "risk");
  labels.erase("team");
  EXPECT_EQ(labels, plain);
}

TEST_F(JobTest, TheProjectAddsLabelsAndAnnotations) {
  const json plain_labels = labels_of(job()), plain_annotations = annotations_of(job());
  scene_.project.runtime.pod_labels = {{"cost-center", "17"}, {"team", "of the project"}};
  scene_.project.runtime.pod_annotations = {{"sidecar.istio.io/inject", "false"}};
  scene_.run.labels = {{"team", "of the run"}};
  scene_.settings.propagated_labels = {"team"};
  EXPECT_EQ(labels_of(job())["cost-center"], "17");
  EXPECT_EQ(labels_of(job())["team"], "of the run");
  EXPECT_EQ(annotations_of(job())["sidecar.istio.io/inject"], "false");
  // What the CRD refuses is not honoured either: a status that records a project's settings may be written by hand.
  scene_.run.labels.clear();
  scene_.project.runtime.pod_labels = {{"modelrun.dev/run-uid", "forged"}, {"modelrun.dev/x", "y"}, {"job-name", "j"}};
  scene_.project.runtime.pod_annotations = {{"container.apparmor.security.beta.kubernetes.io/model", "unconfined"},
                                            {"io.katacontainers.config.hypervisor.path", "/x"}};
  EXPECT_EQ(labels_of(job()), plain_labels);
  EXPECT_EQ(annotations_of(job()), plain_annotations);
}

// What the entry point imports is imported anyway; a standby has to guess.
TEST_F(JobTest, APodForPointsPreloadsOnlyWhatTheProjectNames) {
  EXPECT_EQ(env("model", api::kEnvPreload), "(none)");
  scene_.run.spec.points = api::Parameters(json::array({json::object()}));
  EXPECT_EQ(env("model", api::kEnvPreload), "");
  scene_.project.warm.preload = {"scipy", "json"};
  EXPECT_EQ(env("model", api::kEnvPreload), "scipy,json");
  scene_.project.runtime.command = {"node"};
  EXPECT_EQ(env("model", api::kEnvPreload), "(none)");
}

TEST_F(JobTest, TheAgentIsToldTheLimitsOfTheResult) {
  scene_.project.limits.stdout_bytes = 11;
  scene_.project.limits.output_bytes = 12;
  scene_.project.limits.artifact_bytes = 13;
  EXPECT_EQ(env("agent", "MODELRUN_STDOUT_BYTES"), "11");
  EXPECT_EQ(env("agent", "MODELRUN_OUTPUT_BYTES"), "12");
  EXPECT_EQ(env("agent", "MODELRUN_ARTIFACT_BYTES"), "13");
}

TEST(RunUser, StableAndItsOwn) {
  EXPECT_EQ(run_user_id("00000000-0000-4000-8000-000000000001"), run_user_id("00000000-0000-4000-8000-000000000001"));
  EXPECT_EQ(run_user_id(""), 1'000'000 + static_cast<std::int64_t>(14695981039346656037ULL % 1'000'000'000ULL));
  std::set<std::int64_t> users;
  for (int i = 0; i < 1000; ++i) users.insert(run_user_id(fmt::format("00000000-0000-4000-8000-{:012x}", i)));
  EXPECT_EQ(users.size(), 1000U);
}

TEST_F(JobTest, UsersOfAPodWithItsOwnUserNamespaceAreThoseThatAreMapped) {
  const auto user = [&] {
    return job()["spec"]["template"]["spec"]["securityContext"]["runAsUser"].get<std::int64_t>();
  };
  EXPECT_GE(user(), 1'000'000);
  scene_.project.runtime.host_users = true;
  EXPECT_GE(user(), 1'000'000);
  scene_.project.runtime.host_users = false;
  EXPECT_EQ(user(), namespaced_user_id(scene_.run.meta.uid));
  EXPECT_EQ(job()["spec"]["template"]["spec"]["securityContext"]["runAsGroup"], user());
  for (int i = 0; i < 1000; ++i) {
    const auto id = namespaced_user_id(fmt::format("00000000-0000-4000-8000-{:012x}", i));
    ASSERT_TRUE(id >= 10'000 && id < 60'000) << id;
  }
}

TEST(ChildName, FitsAndIsADnsName) {
  // Jobs become pod names and label values: RFC 1123 label form is what fits everywhere, dots as in the run's own name.
  const std::regex dns("[a-z0-9]([-a-z0-9.]*[a-z0-9])?");
  api::ObjectMeta meta;
  meta.uid = "12345678-aaaa-bbbb";
  for (const std::string& name :
       {std::string("a"), std::string(253, 'a'), std::string(60, 'a') + ".b", "a.b-c." + std::string(80, 'd'),
        std::string(51, 'a') + ".-x" + std::string(20, 'b'), std::string(52, 'a') + "-" + std::string(20, 'b')}) {
    for (const std::int64_t attempt : {1, 10, 999}) {
      meta.name = name;
      const auto child = child_name(meta, attempt);
      EXPECT_LE(child.size(), 63U);
      EXPECT_TRUE(std::regex_match(child, dns)) << child;
      EXPECT_EQ(child.find(".-"), std::string::npos) << child << ": a label of a name must not begin with '-'";
      EXPECT_NE(child, child_name(meta, attempt + 1));
    }
  }
}

TEST(ConfigMaps, OwnedAndImmutable) {
  Scene scene = Scene().pending();
  scene.run.spec.parameters = json{{"a", 1}};
  const auto parameters = build_parameters(scene.run, "job-uid");
  EXPECT_EQ(parameters["metadata"]["ownerReferences"][0]["uid"], "job-uid") << "goes with the Job";
  EXPECT_EQ(parameters["metadata"]["name"], scene.run.status.job_name);
  EXPECT_EQ(parameters["data"]["parameters.json"], R"({"a":1})");
  EXPECT_EQ(parameters["immutable"], true);
  const auto part = build_result_part(scene.run, "part-1", "QUJD");
  EXPECT_EQ(part["metadata"]["ownerReferences"][0]["uid"], scene.run.meta.uid) << "stays as long as the run";
  EXPECT_EQ(part["binaryData"].size(), 1U);
  EXPECT_EQ(part["immutable"], true);
}

TEST(NetworkPolicy, OneWayOut) {
  const auto policy = build_network_policy("n", 7443);
  EXPECT_EQ(policy["spec"]["policyTypes"], json({"Ingress", "Egress"}));
  EXPECT_FALSE(policy["spec"].contains("ingress")) << "no rule: nothing may come in";
  ASSERT_EQ(policy["spec"]["egress"].size(), 1U);
  EXPECT_EQ(policy["spec"]["egress"][0]["ports"], json::array({{{"protocol", "TCP"}, {"port", 7443}}}));
  EXPECT_EQ(policy["spec"]["podSelector"]["matchExpressions"][0]["key"], "modelrun.dev/run-uid");
}

// Neither a pod that was made for a run nor one that stands ready is outside of the policy.
TEST(NetworkPolicy, SelectsThePodsOfRunsAndOfStandbys) {
  const auto policy = build_network_policy("n", 7443);
  const auto key = policy["spec"]["podSelector"]["matchExpressions"][0]["key"].get<std::string>();
  Scene scene;
  scene.running();
  const auto labels = [](const json& job) { return job["spec"]["template"]["metadata"]["labels"]; };
  EXPECT_TRUE(labels(build_job({scene.run, scene.project, scene.settings})).contains(key));
  const auto standby = build_standby({scene.project, scene.settings, "s", "digest"});
  EXPECT_EQ(labels(standby)[key], "standby");
  EXPECT_FALSE(standby["metadata"]["labels"].contains(key)) << "its Job is no run's yet";
}

TEST(SweepObjects, ARunHasItsPointsAndNothingOfATool) {
  api::ModelSweep sweep;
  sweep.meta.namespace_ = "n";
  sweep.meta.name = "grid";
  sweep.meta.uid = "sweep-uid";
  sweep.labels = {{"team", "a"}, {std::string(api::kLabelCreatedBy), "cli"}, {"other", "b"}};
  sweep.spec.project = "p";
  sweep.spec.scope = api::Scope::kModel;
  sweep.spec.model_name = "revenue";
  sweep.spec.branch = "main";
  sweep.spec.limits.max_failed_points = 3;
  sweep.spec.space = json{{"grid", {{{"name", "i"}, {"values", {0, 1, 2, 3}}}}}};
  const auto points = sweep::points_of(sweep.spec).value().points;
  Settings settings;
  settings.propagated_labels = {"team"};
  MakeSweepRun make{"grid-1", 1, 2, "", 30, 120};
  auto run = build_sweep_run(sweep, points, make, settings);
  EXPECT_EQ(run["metadata"]["labels"], (json{{"team", "a"}, {"modelrun.dev/sweep-uid", "sweep-uid"}}));
  EXPECT_EQ(run["metadata"]["annotations"], (json{{"modelrun.dev/sweep", "grid"}, {"modelrun.dev/first-point", "1"}}));
  sweep.trace = api::TraceContext{"0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1};
  EXPECT_EQ(build_sweep_run(sweep, points, make, settings)["metadata"]["annotations"]["modelrun.dev/traceparent"],
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  const auto owner = run["metadata"]["ownerReferences"][0];
  EXPECT_EQ(owner["uid"], "sweep-uid");
  EXPECT_EQ(owner["kind"], "ModelSweep");
  EXPECT_EQ(owner["controller"], true);
  EXPECT_EQ(run["spec"], (json{{"project", "p"},
                               {"scope", "model"},
                               {"modelName", "revenue"},
                               {"branch", "main"},
                               {"points", {{{"i", 1}}, {{"i", 2}}}},
                               {"pointTimeoutSeconds", 30},
                               {"timeoutSeconds", 120},
                               {"maxFailedPoints", 3}}));
  make.commit = std::string(40, 'a');
  run = build_sweep_run(sweep, points, make, settings);
  EXPECT_EQ(run["spec"]["commitSHA"], make.commit);
  EXPECT_FALSE(run["spec"].contains("branch")) << "the run would warn that it is not looked at";
  const auto part = build_table_part(sweep, "part-1", "QUJD");
  EXPECT_EQ(part["metadata"]["ownerReferences"][0]["uid"], "sweep-uid");
  EXPECT_EQ(part["binaryData"].size(), 1U);
  EXPECT_EQ(part["immutable"], true);
}

}  // namespace
}  // namespace modelrun::controller::testing
