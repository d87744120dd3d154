// A gateway that has the rights of Roles in some namespaces, and no others.
#include <thread>

#include "fakes/borrowed_transport.h"
#include "fixture.h"
#include "gateway/auth/sar_access.h"
#include "gateway/gateway.h"
#include "unit/runtime/eventually.h"

namespace modelrun::gateway {
namespace {

using testing::HasSubstr;

TEST_F(GatewayTest, SomeNamespacesAreAllThereIs) {
  const auto project_in = [this](const char* namespace_) {
    server.put(kube::kModelProjects, {{"metadata", {{"namespace", namespace_}, {"name", "models"}}}, {"spec", {}}});
  };
  for (const char* namespace_ : {"a", "b", "c"}) project_in(namespace_);
  put_run("there", success(), "c0000000-0000-4000-8000-000000000000", "c");
  server.restrict_to({"a", "b"});
  server.set_access_reviewer([](const nlohmann::json&) { return nlohmann::json{{"allowed", true}}; });
  server.forget_requests();
  ScopedAccess scoped(std::make_unique<SarAccess>(client, SarAccess::Review::kLocal), {"a", "b"});
  KubeRunService some(client, cache, scoped, {"a", "b"});
  const ProjectQuery all{.namespace_ = {}, .limit = 10, .after = {}};
  const auto page = some.projects(caller, all, {});
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->projects.size(), 2U);
  EXPECT_EQ(page->projects[0].namespace_, "a");
  EXPECT_EQ(page->projects[1].namespace_, "b");
  // A page that begins after the first namespace.
  const auto second = some.projects(caller, {.namespace_ = {}, .limit = 10, .after = "a/models"}, {});
  ASSERT_TRUE(second) << second.error().message;
  ASSERT_EQ(second->projects.size(), 1U);
  EXPECT_EQ(second->projects[0].namespace_, "b");
  // Whatever is elsewhere looks absent, even if it is in memory.
  EXPECT_EQ(some.projects(caller, {.namespace_ = "c", .limit = 10, .after = {}}, {}).error().kind,
            ErrorKind::kNotFound);
  EXPECT_EQ(some.project(caller, {"c", "models"}, "", {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(some.find_summary(caller, "c0000000-0000-4000-8000-000000000000", {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(some.newest(caller, "c", {.phase = {}, .search = {}, .limit = 10, .after = {}}, {}).error().kind,
            ErrorKind::kNotFound);
  for (const auto& request : server.requests()) {
    EXPECT_THAT(request.path, testing::AnyOf(HasSubstr("/namespaces/a/"), HasSubstr("/namespaces/b/")));
  }
}

TEST_F(GatewayTest, TheProcessWatchesSomeNamespacesByTheirPaths) {
  server.restrict_to({"a", "b"});
  server.forget_requests();
  Flags flags;
  flags.listen = flags.http_listen = {"127.0.0.1", 0};
  flags.watch_namespaces = {"a", "b"};
  flags.drain = flags.stop_grace = std::chrono::seconds(0);
  Gateway gateway(flags, std::make_unique<fakes::BorrowedTransport>(server));
  std::jthread thread([&gateway](const std::stop_token& end) {
    const auto result = gateway.run(end);
    EXPECT_TRUE(result) << result.error().message;
  });
  EXPECT_TRUE(eventually([this] { return server.open_watches() == 4; })) << "runs and sweeps of each";
  for (const auto& request : server.requests()) {
    EXPECT_THAT(request.path, testing::AnyOf(HasSubstr("/namespaces/a/"), HasSubstr("/namespaces/b/"), "/version"));
  }
}

}  // namespace
}  // namespace modelrun::gateway
