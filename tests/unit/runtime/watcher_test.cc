#include "runtime/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/object_meta.h"
#include "base/large_document.h"
#include "eventually.h"
#include "fakes/fake_api_server.h"
#include "fakes/fake_transport.h"
#include "fakes/manual_clock.h"

namespace modelrun::runtime {
namespace {

using namespace std::chrono_literals;
using fakes::Fault;
using kube::Json;
using ::testing::HasSubstr;

// Remembers names as a store would.
class SetSink final : public WatchSink {
 public:
  void replace_begin() override {
    const std::lock_guard lock(mutex_);
    listed_.clear();
    ++begun_;
  }
  void upsert(const Json& object) override {
    const std::lock_guard lock(mutex_);
    const auto meta = api::decode_meta(object);
    names_.insert(meta.name);
    listed_.insert(meta.name);
    last_ = meta.resource_version;
    ++upserts_;
  }
  void removed(const Json& object) override {
    const std::lock_guard lock(mutex_);
    names_.erase(api::decode_meta(object).name);
  }
  void replace_done(std::uint64_t) override {
    const std::lock_guard lock(mutex_);
    names_ = listed_;
    ++done_;
  }
  [[nodiscard]] std::set<std::string> names() const {
    const std::lock_guard lock(mutex_);
    return names_;
  }
  [[nodiscard]] int done() const {
    const std::lock_guard lock(mutex_);
    return done_;
  }
  [[nodiscard]] int upserts() const {
    const std::lock_guard lock(mutex_);
    return upserts_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> names_;
  std::set<std::string> listed_;
  std::uint64_t last_ = 0;
  int begun_ = 0;
  int done_ = 0;
  int upserts_ = 0;
};

using Names = std::set<std::string>;

class WatcherTest : public ::testing::Test {
 protected:
  static Json pod(const std::string& name) { return {{"metadata", {{"name", name}, {"namespace", "n"}}}}; }
  void add(const std::string& name) { server_.put(kube::kPods, pod(name)); }
  std::unique_ptr<Watcher> make(WatcherOptions options = {.backoff = {}}) {
    options.resource = kube::kPods;
    options.seed = 1;
    return std::make_unique<Watcher>(client_, options, sink_, clock_, &metrics_);
  }
  // Moves the clock until `done`: whatever the watcher waits for comes to pass.
  bool advance_until(const std::function<bool()>& done) {
    return eventually([&] {
      if (clock_.waiting() > 0) clock_.advance(1s);
      return done();
    });
  }
  int lists() const {
    int count = 0;
    for (const auto& request : server_.requests()) count += request.path.find("watch=true") == std::string::npos;
    return count;
  }

  fakes::ManualClock wall_;
  fakes::ManualSteadyClock clock_;
  fakes::FakeApiServer server_{wall_};
  kube::Client client_{server_};
  SetSink sink_;
  Metrics metrics_;
};

TEST_F(WatcherTest, ListsThenWatches) {
  add("a");
  const auto watcher = make();
  EXPECT_FALSE(watcher->synced());
  watcher->start();
  ASSERT_TRUE(eventually([&] { return watcher->synced(); }));
  EXPECT_TRUE(watcher->wait_synced(1s, {}));
  EXPECT_EQ(sink_.names(), Names{"a"});
  add("b");
  EXPECT_TRUE(eventually([&] { return sink_.names() == Names{"a", "b"}; }));
  server_.erase(kube::kPods, "n", "a");
  EXPECT_TRUE(eventually([&] { return sink_.names() == Names{"b"}; }));
  const auto watch = server_.requests().back().path;
  EXPECT_THAT(watch, HasSubstr("allowWatchBookmarks=true"));
  EXPECT_THAT(watch, HasSubstr("timeoutSeconds="));
}

TEST_F(WatcherTest, PagesAreOneReplace) {
  for (int i = 0; i < 7; ++i) add("p" + std::to_string(i));
  const auto watcher = make({.page_size = 3, .backoff = {}});
  watcher->start();
  ASSERT_TRUE(eventually([&] { return watcher->synced(); }));
  EXPECT_EQ(sink_.names().size(), 7U);
  EXPECT_EQ(sink_.done(), 1);
  EXPECT_EQ(lists(), 3);
}

TEST_F(WatcherTest, ExpiredContinueTokenMeansOneBigPage) {
  for (int i = 0; i < 4; ++i) add("p" + std::to_string(i));
  server_.set_hook([&](const kube::Request& request, int) {
    return request.path.find("continue=") != std::string::npos ? Fault::k410 : Fault::kNone;
  });
  const auto watcher = make({.page_size = 3, .backoff = {}});
  watcher->start();
  ASSERT_TRUE(advance_until([&] { return watcher->synced(); }));
  EXPECT_EQ(sink_.names().size(), 4U);
  EXPECT_EQ(sink_.done(), 1);
}

TEST_F(WatcherTest, ResumesAfterABreakWithoutAList) {
  const auto watcher = make();
  watcher->start();
  ASSERT_TRUE(eventually([&] { return server_.open_watches() == 1; }));
  add("a");
  ASSERT_TRUE(eventually([&] { return sink_.names() == Names{"a"}; }));
  server_.break_watches();
  add("b");
  EXPECT_TRUE(advance_until([&] { return sink_.names() == Names{"a", "b"}; }));
  EXPECT_EQ(lists(), 1);
  EXPECT_EQ(sink_.upserts(), 2) << "nothing is delivered twice";
}

TEST_F(WatcherTest, BookmarksMoveTheResumePoint) {
  const auto watcher = make();
  watcher->start();
  ASSERT_TRUE(eventually([&] { return server_.open_watches() == 1; }));
  for (int i = 0; i < 50; ++i) server_.put(kube::kJobs, pod("j" + std::to_string(i)));
  const auto latest = server_.put(kube::kJobs, pod("last"))["metadata"]["resourceVersion"].get<std::string>();
  server_.send_bookmarks();
  ASSERT_TRUE(eventually([&] { return server_.bookmarks_sent(); }));
  server_.break_watches();
  EXPECT_TRUE(advance_until(
      [&] { return server_.requests().back().path.find("resourceVersion=" + latest) != std::string::npos; }));
  EXPECT_EQ(lists(), 1);
}

// Its connection has a buffer as large as the event, which would stay for as long as the watch does.
TEST_F(WatcherTest, AWatchIsBegunAnewSecondsAfterALargeEvent) {
  const auto watches = [this] { return server_.requests().size() - static_cast<std::size_t>(lists()); };
  const auto watcher = make();
  watcher->start();
  ASSERT_TRUE(eventually([&] { return server_.open_watches() == 1; }));
  auto large = pod("large");
  large["metadata"]["annotations"]["text"] = std::string(kLargeDocumentBytes, 'x');
  server_.put(kube::kPods, large);
  add("soon");
  ASSERT_TRUE(eventually([&] { return sink_.upserts() == 2; }));
  EXPECT_EQ(watches(), 1);
  clock_.advance(10s);
  add("later");
  ASSERT_TRUE(eventually([&] { return watches() == 2 && server_.open_watches() == 1; }));
  clock_.advance(10s);
  add("last");
  EXPECT_TRUE(eventually([&] { return sink_.names() == Names{"large", "soon", "later", "last"}; }));
  EXPECT_EQ(watches(), 2) << "the second watch had no large event";
  EXPECT_EQ(sink_.upserts(), 4) << "nothing is delivered twice";
  EXPECT_EQ(lists(), 1);
}

TEST_F(WatcherTest, GoneAsAStatusListsAgainAndFindsDeletions) {
  add("a");
  const auto watcher = make();
  watcher->start();
  ASSERT_TRUE(eventually([&] { return server_.open_watches() == 1; }));
  server_.hold_watches(true);
  server_.erase(kube::kPods, "n", "a");
  add("b");
  server_.expire_history();
  server_.break_watches();
  server_.hold_watches(false);
  EXPECT_TRUE(advance_until([&] { return sink_.names() == Names{"b"}; }));
  EXPECT_EQ(lists(), 2);
  EXPECT_TRUE(watcher->synced());
}

TEST_F(WatcherTest, GoneInTheStreamListsAgain) {
  const auto watcher = make();
  watcher->start();
  ASSERT_TRUE(eventually([&] { return server_.open_watches() == 1; }));
  server_.break_watches(/*in_stream_410=*/true);
  EXPECT_TRUE(advance_until([&] { return sink_.done() == 2; }));
  EXPECT_THAT(metrics_.text(), HasSubstr("reason=\"gone\""));
}

TEST_F(WatcherTest, BacksOffWhileTheServerIsDownAndSaysWhy) {
  server_.set_hook([](const kube::Request&, int) { return Fault::k503; });
  const auto watcher = make();
  watcher->start();
  ASSERT_TRUE(eventually([&] { return clock_.waiting() == 1; }));
  EXPECT_EQ(lists(), 1) << "waits before the second try";
  EXPECT_THAT(watcher->last_error(), HasSubstr("list pods: 503"));
  ASSERT_TRUE(advance_until([&] { return lists() >= 5; }));
  EXPECT_FALSE(watcher->synced());
  server_.set_hook({});
  EXPECT_TRUE(advance_until([&] { return watcher->synced(); }));
  EXPECT_EQ(watcher->last_error(), "");
}

TEST_F(WatcherTest, HalfOpenWatchIsGivenUp) {
  const auto watcher = make({.idle_timeout = 20ms, .backoff = {}});
  watcher->start();
  EXPECT_TRUE(advance_until([&] { return server_.requests().size() >= 4; }));
  EXPECT_EQ(lists(), 1);
  add("a");
  EXPECT_TRUE(advance_until([&] { return sink_.names() == Names{"a"}; }));
}

TEST_F(WatcherTest, GarbageMeansListingAgain) {
  fakes::FakeTransport transport;
  kube::Client client(transport);
  const std::string list = R"({"items":[],"metadata":{"resourceVersion":"5"}})";
  transport.answer(200, list);
  transport.answer_chunks({"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n", "rubbish\n"});
  transport.answer(200, list);
  Watcher watcher(client, {.resource = kube::kPods, .backoff = {}, .seed = 1}, sink_, clock_);
  watcher.start();
  EXPECT_TRUE(advance_until([&] { return sink_.done() == 2; }));
  EXPECT_EQ(sink_.names(), Names{});
}

TEST_F(WatcherTest, StopsAtOnceWhereverItIs) {
  const auto stop_takes = [](Watcher& watcher) {
    const auto begin = std::chrono::steady_clock::now();
    watcher.stop();
    return std::chrono::steady_clock::now() - begin;
  };
  const auto watching = make();
  watching->start();
  ASSERT_TRUE(eventually([&] { return server_.open_watches() == 1; }));
  EXPECT_LT(stop_takes(*watching), 30s);
  server_.set_hook([](const kube::Request&, int) { return Fault::kDropBefore; });
  const auto waiting = make();
  waiting->start();
  ASSERT_TRUE(eventually([&] { return clock_.waiting() == 1; }));
  EXPECT_LT(stop_takes(*waiting), 30s);
}

}  // namespace
}  // namespace modelrun::runtime
