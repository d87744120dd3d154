#include "runtime/watch_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eventually.h"
#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"
#include "runtime/store.h"

namespace modelrun::runtime {
namespace {

using namespace std::chrono_literals;
using kube::Json;
using ::testing::HasSubstr;
using ::testing::Not;

struct Pod {
  api::ObjectMeta meta;
};

class WatchGroupTest : public ::testing::Test {
 protected:
  void add(const std::string& namespace_, const std::string& name) {
    server_.put(kube::kPods, {{"metadata", {{"name", name}, {"namespace", namespace_}}}});
  }
  std::unique_ptr<WatchGroup> make(const std::vector<std::string>& namespaces) {
    WatcherOptions options;
    options.resource = kube::kPods;
    return std::make_unique<WatchGroup>(
        client_, options, namespaces,
        [this](const std::string& namespace_) -> WatchSink& {
          sinks_.push_back(std::make_unique<StoreSink<Pod>>(
              store_, [](const Json& object) -> Result<Pod> { return Pod{api::decode_meta(object)}; }, namespace_));
          return *sinks_.back();
        },
        clock_, &metrics_);
  }

  fakes::ManualClock wall_;
  RealSteadyClock clock_;
  Metrics metrics_;
  fakes::FakeApiServer server_{wall_};
  kube::Client client_{server_};
  Store<Pod> store_;
  std::vector<std::unique_ptr<WatchSink>> sinks_;
};

TEST_F(WatchGroupTest, SomeNamespacesByNamespacedPathsOnly) {
  for (const char* namespace_ : {"a", "b", "c"}) add(namespace_, "first");
  server_.restrict_to({"a", "b"});
  const auto group = make({"a", "b"});
  group->start();
  ASSERT_TRUE(group->wait_synced(30s, {}));
  EXPECT_EQ(group->last_error(), "");
  ASSERT_TRUE(eventually([&] { return server_.open_watches() == 2; }));
  for (const char* namespace_ : {"a", "b", "c"}) add(namespace_, "second");
  ASSERT_TRUE(eventually([&] { return store_.size() == 4; }));
  EXPECT_TRUE(store_.find("b/second"));
  EXPECT_FALSE(store_.find("c/first"));
  // Each list of one namespace leaves the objects of the other where they are.
  server_.erase(kube::kPods, "a", "first");
  server_.expire_history();
  server_.break_watches();
  ASSERT_TRUE(eventually([&] { return store_.size() == 3; }));
  EXPECT_TRUE(store_.find("b/first"));
  EXPECT_THAT(metrics_.text(), HasSubstr("modelrun_watch_synced{resource=\"pods\"} 1"));
  for (const auto& request : server_.requests()) EXPECT_THAT(request.path, HasSubstr("/namespaces/"));
}

TEST_F(WatchGroupTest, AMissingRoleIsNamedAndTheGroupIsNotSynced) {
  server_.restrict_to({"a"});
  const auto group = make({"a", "b"});
  group->start();
  ASSERT_TRUE(eventually([&] { return !group->last_error().empty(); }));
  EXPECT_THAT(group->last_error(), HasSubstr("let a Role in namespace b allow this"));
  EXPECT_FALSE(group->synced());
  EXPECT_FALSE(store_.filled());
  EXPECT_THAT(metrics_.text(), Not(HasSubstr("modelrun_watch_synced")));
  // It goes on by itself once the Role is there.
  server_.restrict_to({"a", "b"});
  EXPECT_TRUE(group->wait_synced(30s, {}));
  EXPECT_TRUE(store_.filled());
}

// Notes how many lists are under way. A list waits a moment for another one to begin.
struct ListCounter {
  void begin() {
    MutexLock lock(mutex);
    most = std::max(most, ++lists);
    begun.notify_all();
    begun.wait_for(mutex, 50ms, [this]() REQUIRES(mutex) { return lists > 1; });
  }
  void end() {
    const MutexLock lock(mutex);
    --lists;
  }
  Mutex mutex;
  CondVar begun;
  int lists GUARDED_BY(mutex) = 0;
  int most GUARDED_BY(mutex) = 0;
};
class CountedSink final : public WatchSink {
 public:
  explicit CountedSink(ListCounter& counter) : counter_(counter) {}
  void replace_begin() override { counter_.begin(); }
  void upsert(const Json&) override {}
  void removed(const Json&) override {}
  void replace_done(std::uint64_t) override { counter_.end(); }

 private:
  ListCounter& counter_;
};

TEST_F(WatchGroupTest, ListsAreMadeOneAfterTheOther) {
  ListCounter counter;
  CountedSink sink(counter);
  WatcherOptions options;
  options.resource = kube::kPods;
  WatchGroup group(
      client_, options, {"a", "b", "c"}, [&](const std::string&) -> WatchSink& { return sink; }, clock_, &metrics_);
  group.start();
  ASSERT_TRUE(group.wait_synced(30s, {}));
  const MutexLock lock(counter.mutex);
  EXPECT_EQ(counter.most, 1);
}

TEST_F(WatchGroupTest, WithoutNamespacesThereIsOneWatchOfAll) {
  for (const char* namespace_ : {"a", "b"}) add(namespace_, "first");
  const auto group = make({});
  group->start();
  ASSERT_TRUE(group->wait_synced(30s, {}));
  EXPECT_EQ(store_.size(), 2U);
  EXPECT_EQ(server_.requests().front().path.substr(0, 13), "/api/v1/pods?");
  server_.restrict_to({"a"});
  server_.expire_history();
  server_.break_watches();
  EXPECT_TRUE(eventually([&] { return group->last_error().find("--watch-namespaces") != std::string::npos; }))
      << group->last_error();
}

}  // namespace
}  // namespace modelrun::runtime
