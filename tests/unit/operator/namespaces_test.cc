// The whole operator over an API server that gives it the rights of Roles in some namespaces, and no others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "fakes/borrowed_transport.h"
#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"
#include "operator/operator.h"
#include "unit/runtime/eventually.h"

namespace modelrun::op {
namespace {

using kube::Json;
using testing::AnyOf;
using testing::HasSubstr;

class NamespacesTest : public ::testing::Test {
 protected:
  NamespacesTest() : folder_(std::filesystem::temp_directory_path() / fmt::format("modelrun-namespaces-{}", getpid())) {
    std::filesystem::create_directories(folder_);
    for (const char* namespace_ : {"a", "b", "c"}) {
      server_.put(kube::kModelProjects,
                  {{"metadata", {{"namespace", namespace_}, {"name", "models"}}},
                   {"spec", {{"source", {{"git", {{"url", "https://git.example.com/f.git"}}}}}}}});
      server_.put(kube::kModelRuns, {{"metadata", {{"namespace", namespace_}, {"name", "first"}}},
                                     {"spec", {{"project", "models"}, {"scope", "project"}}}});
    }
  }
  ~NamespacesTest() override {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    std::filesystem::remove_all(folder_);
  }

  void start() {
    Flags flags;
    flags.namespace_ = "system";
    flags.http_listen = flags.run_server_listen = {"127.0.0.1", 0};
    flags.run_server_advertise = "10.0.0.1:9443";
    flags.leader_elect = true;
    flags.source_cache = folder_.string();
    flags.source_socket = (folder_ / "socket").string();
    flags.settings.agent_image = flags.settings.default_image = "registry.example.com/image";
    flags.watch_namespaces = {"a", "b"};
    auto made = Operator::make(std::move(flags), std::make_unique<fakes::BorrowedTransport>(server_));
    ASSERT_TRUE(made) << made.error().message;
    operator_ = std::move(*made);
    thread_ = std::jthread([this](const std::stop_token& stop) {
      const auto result = operator_->run(stop);
      EXPECT_TRUE(result) << result.error().message;
    });
  }
  Json status(const char* namespace_) {
    return server_.find(kube::kModelRuns, namespace_, "first")->value("status", Json::object());
  }

  const std::filesystem::path folder_;
  fakes::ManualClock clock_;
  fakes::FakeApiServer server_{clock_};
  std::unique_ptr<Operator> operator_;
  std::jthread thread_;
};

TEST_F(NamespacesTest, RolesSufficeAndOtherNamespacesAreLeftAlone) {
  server_.restrict_to({"a", "b", "system"});
  start();
  ASSERT_TRUE(eventually([this] { return status("a").contains("phase") && status("b").contains("phase"); }));
  // Every list and watch, that of sweeps too, which comes last.
  ASSERT_TRUE(eventually([this] { return server_.open_watches() == 10; }));
  EXPECT_EQ(status("c"), Json::object());
  for (const auto& request : server_.requests()) {
    const std::string path = request.path.substr(0, request.path.find('?'));
    EXPECT_THAT(path, AnyOf(HasSubstr("/namespaces/a/"), HasSubstr("/namespaces/b/"), HasSubstr("/namespaces/system/"),
                            "/version", "/apis/authentication.k8s.io/v1/tokenreviews"));
  }
}

TEST_F(NamespacesTest, WithoutTokenReviewsItIsNotReadyAndLeavesRunsAlone) {
  server_.restrict_to({"a", "b", "system"});
  std::promise<void> refused;
  server_.set_hook([&refused, said = std::make_shared<std::atomic<bool>>(false)](const kube::Request& request, int) {
    if (request.path.find("tokenreviews") == std::string::npos) return fakes::Fault::kNone;
    if (!said->exchange(true)) refused.set_value();
    return fakes::Fault::k403;
  });
  start();
  ASSERT_EQ(refused.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
  EXPECT_EQ(server_.open_watches(), 0);
  // It ends when it is told to, while it waits for the right.
  thread_.request_stop();
  thread_.join();
  EXPECT_EQ(status("a"), Json::object());
}

}  // namespace
}  // namespace modelrun::op
