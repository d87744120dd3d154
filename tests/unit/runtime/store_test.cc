#include "runtime/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "fakes/manual_clock.h"

namespace modelrun::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

struct Thing {
  api::ObjectMeta meta;
  std::string owner;
};

Thing thing(const std::string& name, std::uint64_t version, const std::string& uid = "u",
            const std::string& owner = "") {
  Thing result;
  result.meta.namespace_ = "n";
  result.meta.name = name;
  result.meta.uid = uid;
  result.meta.resource_version = version;
  result.owner = owner;
  return result;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    store_.add_index("owner", [](const Thing& t) { return std::vector<std::string>{t.owner}; });
    store_.set_on_change([this](const auto& old, const auto& now) {
      const auto version = [](const auto& p) {
        return p ? std::to_string(p->meta.resource_version) : std::string{"-"};
      };
      changes_.push_back((now ? now : old)->meta.name + ":" + version(old) + ">" + version(now));
    });
  }
  std::uint64_t version(const std::string& name) const {
    const auto found = store_.find("n/" + name);
    return found ? found->meta.resource_version : 0;
  }
  fakes::ManualSteadyClock clock_;
  Store<Thing> store_{clock_};
  std::vector<std::string> changes_;
};

TEST_F(StoreTest, FollowsAWatch) {
  store_.upsert(thing("a", 1));
  store_.upsert(thing("a", 2));
  store_.upsert(thing("a", 2));
  store_.remove(thing("a", 3).meta);
  EXPECT_THAT(changes_, ElementsAre("a:->1", "a:1>2", "a:2>-"));
  EXPECT_EQ(store_.size(), 0U);
}

TEST_F(StoreTest, OwnWriteIsNotRolledBackByAnOlderEvent) {
  store_.upsert(thing("a", 1));
  EXPECT_TRUE(store_.put(thing("a", 5)));
  store_.upsert(thing("a", 3));
  EXPECT_EQ(version("a"), 5U);
  store_.upsert(thing("a", 5));
  store_.upsert(thing("a", 7));
  EXPECT_EQ(version("a"), 7U);
  EXPECT_FALSE(store_.put(thing("a", 6))) << "a late answer";
  EXPECT_THAT(changes_, ElementsAre("a:->1", "a:1>5", "a:5>7"));
}

TEST_F(StoreTest, LateAnswerDoesNotResurrect) {
  store_.upsert(thing("a", 1, "old"));
  store_.remove(thing("a", 4, "old").meta);
  EXPECT_FALSE(store_.put(thing("a", 3, "old")));
  EXPECT_FALSE(store_.put(thing("a", 9, "old"))) << "a UID never comes back";
  EXPECT_TRUE(store_.put(thing("a", 6, "new")));
  store_.remove(thing("a", 4, "old").meta);
  EXPECT_EQ(version("a"), 6U) << "the deletion was of the earlier object";
}

TEST_F(StoreTest, DeletionOfTheUnknownIsRemembered) {
  store_.remove(thing("a", 4, "u").meta);
  EXPECT_FALSE(store_.put(thing("a", 3, "u")));
  EXPECT_THAT(changes_, IsEmpty());
}

TEST_F(StoreTest, RelistFindsWhatIsGone) {
  store_.upsert(thing("a", 1));
  store_.upsert(thing("b", 2));
  store_.replace_begin();
  store_.upsert(thing("b", 2));
  store_.upsert(thing("c", 8));
  EXPECT_EQ(store_.size(), 3U) << "nothing goes before the list is whole";
  store_.replace_done(9);
  EXPECT_EQ(store_.size(), 2U);
  EXPECT_THAT(changes_, ElementsAre("a:->1", "b:->2", "c:->8", "a:1>-"));
  EXPECT_FALSE(store_.put(thing("a", 5)));
}

TEST_F(StoreTest, RelistBegunAgain) {
  store_.upsert(thing("a", 1));
  store_.replace_begin();
  store_.upsert(thing("a", 1));
  store_.replace_begin();
  store_.replace_done(9);
  EXPECT_EQ(store_.size(), 0U);
}

TEST_F(StoreTest, RelistKeepsOwnWritesThatAreNewer) {
  store_.replace_begin();
  store_.put(thing("a", 12));
  store_.put(thing("b", 8));
  store_.replace_begin();
  store_.upsert(thing("a", 10));  // from before our write
  store_.replace_done(10);
  EXPECT_EQ(version("a"), 12U);
  EXPECT_EQ(version("b"), 0U) << "the list is newer than our write and does not have it";
  store_.put(thing("c", 20));
  store_.replace_begin();
  store_.replace_done(15);
  EXPECT_EQ(version("c"), 20U);
  store_.replace_begin();
  store_.replace_done(25);
  EXPECT_EQ(version("c"), 0U);
}

TEST_F(StoreTest, ListOfARestoredServerIsBelieved) {
  store_.upsert(thing("a", 100));
  store_.replace_begin();
  store_.upsert(thing("a", 50));
  store_.replace_done(60);
  EXPECT_EQ(version("a"), 50U);
}

TEST_F(StoreTest, AListReplacesItsScopeOnly) {
  const auto in = [](const char* namespace_, const char* name, std::uint64_t version) {
    auto result = thing(name, version);
    result.meta.namespace_ = namespace_;
    return result;
  };
  store_.add_scope("m");
  store_.add_scope("n");
  store_.replace_begin("m");
  store_.upsert(in("m", "a", 1));
  // The other scope is listed meanwhile, and again and again: neither list ends or empties the other.
  store_.replace_begin("n");
  store_.upsert(in("n", "b", 2));
  store_.replace_done(5, "n");
  EXPECT_FALSE(store_.filled());
  store_.replace_begin("n");
  store_.replace_done(6, "n");
  EXPECT_EQ(version("b"), 0U);
  ASSERT_TRUE(store_.find("m/a"));
  store_.replace_done(7, "m");
  EXPECT_TRUE(store_.filled());
  EXPECT_TRUE(store_.find("m/a"));
  // A list may show a lower version, a watch may not: also when another scope is being listed.
  store_.upsert(in("n", "c", 20));
  store_.replace_begin("m");
  store_.upsert(in("n", "c", 10));
  EXPECT_EQ(version("c"), 20U);
  store_.replace_done(30, "m");
  EXPECT_FALSE(store_.find("m/a"));
  EXPECT_TRUE(store_.find("n/c"));
}

TEST_F(StoreTest, IndexFollows) {
  const auto names = [&](const std::string& owner) {
    std::vector<std::string> result;
    for (const auto& found : store_.by_index("owner", owner)) result.push_back(found->meta.name);
    return result;
  };
  store_.upsert(thing("a", 1, "ua", "x"));
  store_.upsert(thing("b", 2, "ub", "x"));
  EXPECT_THAT(names("x"), UnorderedElementsAre("a", "b"));
  store_.upsert(thing("a", 3, "ua", "y"));
  EXPECT_THAT(names("x"), ElementsAre("b"));
  EXPECT_THAT(names("y"), ElementsAre("a"));
  store_.remove(thing("b", 4, "ub").meta);
  EXPECT_THAT(names("x"), IsEmpty());
  EXPECT_THAT(store_.by_index("none", "x"), IsEmpty());
  for (int i = 0; i < 1000; ++i) store_.upsert(thing("k" + std::to_string(i), 10, "u", "z"));  // rehash
  EXPECT_EQ(names("z").size(), 1000U);
  EXPECT_THAT(names("y"), ElementsAre("a"));
}

TEST_F(StoreTest, MalformedObjectIsLeftOutAndItsOlderFormGoes) {
  StoreSink<Thing> sink(store_, [](const kube::Json& object) -> Result<Thing> {
    if (object.contains("bad")) return fail(ErrorKind::kInvalid, "bad");
    return Thing{api::decode_meta(object), ""};
  });
  const kube::Json good{{"metadata", {{"namespace", "n"}, {"name", "a"}, {"uid", "u"}, {"resourceVersion", "3"}}}};
  sink.upsert(good);
  EXPECT_EQ(version("a"), 3U);
  auto bad = good;
  bad["bad"] = true;
  bad["metadata"]["resourceVersion"] = "4";
  sink.upsert(bad);
  EXPECT_EQ(store_.size(), 0U);
  auto mended = good;
  mended["metadata"]["resourceVersion"] = "5";
  sink.upsert(mended);
  EXPECT_EQ(version("a"), 5U);
}

TEST_F(StoreTest, ForEach) {
  store_.upsert(thing("a", 1));
  store_.upsert(thing("b", 1));
  int count = 0;
  store_.for_each([&](const auto&) { ++count; });
  EXPECT_EQ(count, 2);
}

TEST(Tombstones, BoundedByTimeAndNumber) {
  fakes::ManualSteadyClock clock;
  Tombstones graves(&clock);
  graves.add("n/a", "u", 5);
  EXPECT_TRUE(graves.covers(thing("a", 9).meta));
  clock.advance(std::chrono::minutes{11});
  graves.add("n/b", "u", 5);
  EXPECT_FALSE(graves.covers(thing("a", 9).meta));
  for (std::size_t i = 0; i < Tombstones::kMax + 10; ++i) graves.add("n/k" + std::to_string(i % 20'000), "u", 6);
  EXPECT_EQ(graves.size(), Tombstones::kMax);
  graves.add("n/k10005", "v", 7);
  EXPECT_TRUE(graves.covers(thing("k10005", 1, "v").meta));
}

TEST(StoreThreads, ManyWritersAndReaders) {
  Store<Thing> store;
  store.add_index("owner", [](const Thing& t) { return std::vector<std::string>{t.owner}; });
  std::atomic<int> changes{0};
  store.set_on_change([&](const auto&, const auto&) { ++changes; });
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&store, t] {
        for (std::uint64_t i = 1; i <= 300; ++i) {
          const auto name = std::to_string(i % 10);
          if (t == 0) store.put(thing(name, i, "u", name));
          if (t == 1) store.upsert(thing(name, i, "u", name));
          if (t == 2) (void)store.by_index("owner", name);
        }
      });
    }
  }
  EXPECT_EQ(store.size(), 10U);
  store.for_each([](const auto& t) { EXPECT_GT(t->meta.resource_version, 290U); });
}

}  // namespace
}  // namespace modelrun::runtime
