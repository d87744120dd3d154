// The fake must behave as the real one does where the controller's tests rely on it.
#include "fakes/fake_api_server.h"

#include <gtest/gtest.h>

#include "fakes/manual_clock.h"
#include "kube/client.h"

namespace modelrun::fakes {
namespace {

using kube::Json;

class FakeApiServerTest : public ::testing::Test {
 protected:
  static Json run(const std::string& name) {
    return {{"metadata", {{"name", name}, {"namespace", "n"}, {"labels", {{"l", name}}}}},
            {"spec", {{"a", 1}}},
            {"status", {{"x", 1}}}};
  }
  ManualClock clock_;
  FakeApiServer server_{clock_};
  kube::Client client_{server_};
};

TEST_F(FakeApiServerTest, CreateAndConflicts) {
  const auto created = client_.create(kube::kModelRuns, run("a"));
  ASSERT_TRUE(created);
  EXPECT_EQ((*created)["status"], (Json{{"observedGeneration", -1}}));
  EXPECT_EQ(client_.create(kube::kModelRuns, run("a")).error().kind, ErrorKind::kExists);
  Json next = *created;
  next["status"]["phase"] = "Running";
  const auto written = client_.replace_status(kube::kModelRuns, next);
  ASSERT_TRUE(written);
  EXPECT_EQ((*written)["metadata"]["generation"], 1);
  EXPECT_EQ(client_.replace_status(kube::kModelRuns, next).error().kind, ErrorKind::kConflict);
  Json spec = *written;
  spec["spec"]["a"] = 2;
  spec["status"] = Json::object();
  const auto replaced = client_.replace(kube::kModelRuns, spec);
  EXPECT_EQ((*replaced)["metadata"]["generation"], 2);
  EXPECT_EQ((*replaced)["status"]["phase"], "Running") << "only by the subresource";
}

TEST_F(FakeApiServerTest, WriteWithoutChangeMakesNoVersion) {
  const auto created = client_.create(kube::kModelRuns, run("a"));
  EXPECT_EQ(client_.replace(kube::kModelRuns, *created).value(), *created);
}

TEST_F(FakeApiServerTest, DeleteWithFinalizersAndPreconditions) {
  Json object = run("a");
  object["metadata"]["finalizers"] = {"f"};
  const auto created = client_.create(kube::kModelRuns, object);
  EXPECT_EQ(client_.remove(kube::kModelRuns, "n", "a", {.uid = "other"}).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(client_.remove(kube::kModelRuns, "n", "a", {.uid = (*created)["metadata"]["uid"]}));
  EXPECT_TRUE(client_.get(kube::kModelRuns, "n", "a").value()["metadata"].contains("deletionTimestamp"));
  EXPECT_TRUE(
      client_.patch(kube::kModelRuns, "n", "a", kube::PatchType::kMerge, {{"metadata", {{"finalizers", nullptr}}}}));
  EXPECT_EQ(client_.get(kube::kModelRuns, "n", "a").error().kind, ErrorKind::kNotFound);
}

TEST_F(FakeApiServerTest, Patches) {
  (void)client_.create(kube::kConfigMaps, {{"metadata", {{"name", "c"}, {"namespace", "n"}}}, {"data", {{"k", "1"}}}});
  const Json wrong = Json::array({{{"op", "test"}, {"path", "/data/k"}, {"value", "2"}}});
  EXPECT_EQ(client_.patch(kube::kConfigMaps, "n", "c", kube::PatchType::kJson, wrong).error().kind,
            ErrorKind::kInvalid);
  const auto merged = client_.patch(kube::kConfigMaps, "n", "c", kube::PatchType::kMerge, {{"data", {{"k", "2"}}}});
  EXPECT_EQ((*merged)["data"]["k"], "2");
  const Json stale{{"metadata", {{"resourceVersion", "1"}}}};
  EXPECT_EQ(client_.patch(kube::kConfigMaps, "n", "c", kube::PatchType::kMerge, stale).error().kind,
            ErrorKind::kConflict);
}

TEST_F(FakeApiServerTest, PagesAndSelectors) {
  for (const char* name : {"a", "b", "c"}) (void)client_.create(kube::kModelRuns, run(name));
  const auto first = client_.list(kube::kModelRuns, {.namespace_ = "n", .limit = 2});
  ASSERT_EQ(first->items.size(), 2U);
  const auto second = client_.list(kube::kModelRuns, {.limit = 2, .continue_token = first->continue_token});
  ASSERT_EQ(second->items.size(), 1U);
  EXPECT_EQ(second->continue_token, "");
  EXPECT_EQ(client_.list(kube::kModelRuns, {.label_selector = "l=b"})->items.size(), 1U);
  EXPECT_EQ(client_.list(kube::kModelRuns, {.label_selector = "l!=b,l"})->items.size(), 2U);
  EXPECT_EQ(client_.list(kube::kModelRuns, {.field_selector = "metadata.name=c"})->items.size(), 1U);
  EXPECT_EQ(client_.list(kube::kModelRuns, {.namespace_ = "other"})->items.size(), 0U);
}

TEST_F(FakeApiServerTest, Faults) {
  server_.set_hook([](const kube::Request&, int write) { return write == 1 ? Fault::kDropAfter : Fault::kNone; });
  EXPECT_EQ(client_.create(kube::kModelRuns, run("a")).error().kind, ErrorKind::kTimeout);
  EXPECT_TRUE(client_.get(kube::kModelRuns, "n", "a"));
  server_.set_hook([](const kube::Request&, int write) { return write == 2 ? Fault::kCrashBefore : Fault::kNone; });
  EXPECT_EQ(client_.create(kube::kModelRuns, run("b")).error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(client_.get(kube::kModelRuns, "n", "a").error().kind, ErrorKind::kCancelled);
  server_.restart();
  EXPECT_EQ(client_.get(kube::kModelRuns, "n", "b").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(server_.writes(), 2);
}

TEST_F(FakeApiServerTest, GarbageGoes) {
  const auto owner = client_.create(kube::kModelRuns, run("a"));
  Json child{
      {"metadata", {{"name", "j"}, {"namespace", "n"}, {"ownerReferences", {{{"uid", (*owner)["metadata"]["uid"]}}}}}}};
  (void)client_.create(kube::kJobs, child);
  server_.collect_garbage();
  EXPECT_EQ(server_.all(kube::kJobs).size(), 1U);
  (void)client_.remove(kube::kModelRuns, "n", "a");
  server_.collect_garbage();
  EXPECT_EQ(server_.all(kube::kJobs).size(), 0U);
}

TEST_F(FakeApiServerTest, LogsAndTokens) {
  server_.put(kube::kPods, {{"metadata", {{"name", "p"}, {"namespace", "n"}}}});
  server_.set_pod_log("n", "p", "agent", "hello");
  EXPECT_EQ(client_.pod_log("n", "p", {.container = "agent"}).value(), "hello");
  EXPECT_FALSE(client_.token_review("t", {"a"})->authenticated);
  server_.set_token_reviewer([](const Json& spec) { return Json{{"authenticated", spec["token"] == "t"}}; });
  EXPECT_TRUE(client_.token_review("t", {"a"})->authenticated);
}

}  // namespace
}  // namespace modelrun::fakes
