#include "kube/request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace modelrun::kube {
namespace {

TEST(Request, EscapesAllButUnreserved) {
  EXPECT_EQ(percent_encode("aZ0-._~"), "aZ0-._~");
  EXPECT_EQ(percent_encode("a/b c=d,e&f%\xc3\xa9"), "a%2Fb%20c%3Dd%2Ce%26f%25%C3%A9");
}

TEST(Request, Paths) {
  EXPECT_EQ(get_request(kPods, "default", "p").path, "/api/v1/namespaces/default/pods/p");
  EXPECT_EQ(get_request(kModelRuns, "a", "b").path, "/apis/modelrun.dev/v1alpha1/namespaces/a/modelruns/b");
  EXPECT_EQ(get_request(kNamespaces, "", "x").path, "/api/v1/namespaces/x");
  EXPECT_EQ(get_request(kNamespaces, "ignored", "x").path, "/api/v1/namespaces/x");
  EXPECT_EQ(get_request(kPods, "d", "../x?y").path, "/api/v1/namespaces/d/pods/..%2Fx%3Fy");
}

TEST(Request, List) {
  EXPECT_EQ(list_request(kJobs, {}).path, "/apis/batch/v1/jobs");
  const auto request = list_request(kJobs, {.namespace_ = "n",
                                            .label_selector = "a=b,!c",
                                            .field_selector = "metadata.name=x",
                                            .limit = 500,
                                            .continue_token = "t==",
                                            .resource_version = "7",
                                            .resource_version_match = "Exact"});
  EXPECT_EQ(request.method, Method::kGet);
  EXPECT_EQ(request.path,
            "/apis/batch/v1/namespaces/n/jobs?labelSelector=a%3Db%2C%21c&fieldSelector=metadata.name%3Dx&limit=500"
            "&continue=t%3D%3D&resourceVersion=7&resourceVersionMatch=Exact");
}

TEST(Request, Watch) {
  const auto request = watch_request(kPods, {.resource_version = "12", .timeout = std::chrono::seconds{301}});
  EXPECT_EQ(request.path, "/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=12&timeoutSeconds=301");
}

TEST(Request, CreateFillsInTheType) {
  const auto request =
      create_request(kLeases, object_text(kLeases, {{"metadata", {{"name", "l"}, {"namespace", "n"}}}}));
  EXPECT_EQ(request.method, Method::kPost);
  EXPECT_EQ(request.path, "/apis/coordination.k8s.io/v1/namespaces/n/leases");
  EXPECT_EQ(request.content_type, "application/json");
  const auto body = Json::parse(request.body);
  EXPECT_EQ(body["apiVersion"], "coordination.k8s.io/v1");
  EXPECT_EQ(body["kind"], "Lease");
  EXPECT_EQ(Json::parse(object_text(kPods, {{"metadata", {}}}).text)["apiVersion"], "v1");
}

TEST(Request, ObjectsHaveANameForMessages) {
  EXPECT_EQ(object_text(kPods, {{"metadata", {{"name", "p"}, {"namespace", "n"}}}}).name, "p");
  EXPECT_EQ(object_text(kPods, {{"metadata", {{"generateName", "p-"}}}}).name, "p-*");
  EXPECT_EQ(object_text(kPods, Json::object()).name, "?");
}

TEST(Request, BadUtf8DoesNotThrow) {
  const auto request = create_request(kConfigMaps, object_text(kConfigMaps, {{"metadata", {{"name", "x\xff"}}}}));
  EXPECT_NE(request.body.find("\xef\xbf\xbd"), std::string::npos);
}

TEST(Request, ReplaceAndStatus) {
  const Json object{{"apiVersion", "x/v9"}, {"kind", "K"}, {"metadata", {{"name", "r"}, {"namespace", "n"}}}};
  const auto text = object_text(kModelRuns, object);
  EXPECT_EQ(replace_request(kModelRuns, text).path, "/apis/modelrun.dev/v1alpha1/namespaces/n/modelruns/r");
  const auto status = replace_status_request(kModelRuns, text);
  EXPECT_EQ(status.method, Method::kPut);
  EXPECT_EQ(status.path, "/apis/modelrun.dev/v1alpha1/namespaces/n/modelruns/r/status");
  EXPECT_EQ(Json::parse(status.body), object);
}

TEST(Request, Patches) {
  const auto merge = patch_request(kJobs, "n", "j", PatchType::kMerge, {{"spec", {{"suspend", true}}}});
  EXPECT_EQ(merge.method, Method::kPatch);
  EXPECT_EQ(merge.content_type, "application/merge-patch+json");
  EXPECT_EQ(merge.body, R"({"spec":{"suspend":true}})");
  const auto json = patch_request(kJobs, "n", "j", PatchType::kJson, Json::array(), {.subresource = "status"});
  EXPECT_EQ(json.content_type, "application/json-patch+json");
  EXPECT_EQ(json.path, "/apis/batch/v1/namespaces/n/jobs/j/status");
  const auto apply = patch_request(kNetworkPolicies, "n", "p", PatchType::kApply, {{"metadata", {{"name", "p"}}}},
                                   {.field_manager = "modelrun", .force = true});
  EXPECT_EQ(apply.path, "/apis/networking.k8s.io/v1/namespaces/n/networkpolicies/p?fieldManager=modelrun&force=true");
  EXPECT_EQ(Json::parse(apply.body)["kind"], "NetworkPolicy");
}

TEST(Request, DeleteAlwaysHasABody) {
  EXPECT_EQ(Json::parse(delete_request(kJobs, "n", "j").body),
            (Json{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}}));
  const auto request = delete_request(
      kPods, "n", "p", {.uid = "u", .resource_version = "5", .propagation = Propagation::kDefault, .grace_seconds = 0});
  EXPECT_EQ(request.method, Method::kDelete);
  EXPECT_EQ(Json::parse(request.body), (Json{{"apiVersion", "v1"},
                                             {"kind", "DeleteOptions"},
                                             {"preconditions", {{"uid", "u"}, {"resourceVersion", "5"}}},
                                             {"gracePeriodSeconds", 0}}));
}

TEST(Request, Proxy) {
  const auto request = proxy_request(kServices, "n", "https:gateway:443", "/readyz");
  EXPECT_EQ(request.method, Method::kGet);
  EXPECT_EQ(request.path, "/api/v1/namespaces/n/services/https%3Agateway%3A443/proxy/readyz");
  EXPECT_EQ(request.max_body_bytes, std::size_t{4} << 20U);
}

TEST(Request, PodLog) {
  const auto request = pod_log_request("n", "p", {.container = "agent", .tail_lines = 10, .limit_bytes = 4096});
  EXPECT_EQ(request.path, "/api/v1/namespaces/n/pods/p/log?container=agent&tailLines=10&limitBytes=4096");
}

}  // namespace
}  // namespace modelrun::kube
