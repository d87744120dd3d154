#include "net/connection_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace modelrun::net {
namespace {

namespace ip = boost::asio::ip;

class ConnectionTableTest : public ::testing::Test {
 protected:
  // The place of a new connection with this name, or null.
  std::unique_ptr<ConnectionTable::Place> admit(ConnectionTable& table, const std::string& peer,
                                                const std::string& name = {}) {
    auto place = table.admit(ip::make_address(peer));
    if (place) place->on_turned_away([this, name] { closed.push_back(name); });
    return place;
  }
  ConnectionTable make(std::size_t total, std::size_t per_peer) {
    return ConnectionTable({.total = total, .per_peer = per_peer},
                           {.turned_away = [this](TurnedAway what) { told.emplace_back(name_of(what)); },
                            .open = [this](int change) { open += change; }});
  }

  std::vector<std::string> closed, told;
  int open = 0;
};

TEST_F(ConnectionTableTest, APeerLosesItsOwnLongestIdleConnection) {
  auto table = make(10, 2);
  const auto a = admit(table, "10.0.0.1", "a"), b = admit(table, "10.0.0.1", "b");
  const auto other = admit(table, "10.0.0.2", "other");
  // a was idle first, but has been used since.
  EXPECT_TRUE(a->set_busy());
  a->set_idle();
  const auto c = admit(table, "10.0.0.1", "c");
  ASSERT_TRUE(c);
  EXPECT_EQ(closed, std::vector<std::string>{"b"});
  EXPECT_EQ(told, std::vector<std::string>{"evicted"});
  EXPECT_FALSE(b->set_busy());
  EXPECT_EQ(table.size(), 3U);
}

TEST_F(ConnectionTableTest, APeerWhoseConnectionsAllWorkGetsNoMore) {
  auto table = make(10, 1);
  auto a = admit(table, "10.0.0.1", "a");
  EXPECT_TRUE(a->set_busy());
  EXPECT_FALSE(admit(table, "10.0.0.1"));
  EXPECT_EQ(told, std::vector<std::string>{"peer_full"});
  EXPECT_TRUE(admit(table, "10.0.0.2"));
  a.reset();
  EXPECT_TRUE(admit(table, "10.0.0.1"));
  EXPECT_TRUE(closed.empty());
}

TEST_F(ConnectionTableTest, WhenAllPlacesAreTakenWhoeverHasTheMostLosesAnIdleOne) {
  auto table = make(4, 3);
  const auto few = admit(table, "10.0.0.9", "few");
  const auto a = admit(table, "10.0.0.1", "a"), b = admit(table, "10.0.0.1", "b"), c = admit(table, "10.0.0.1", "c");
  EXPECT_TRUE(a->set_busy());
  const auto newcomer = admit(table, "10.0.0.3", "newcomer");
  ASSERT_TRUE(newcomer);
  EXPECT_EQ(closed, std::vector<std::string>{"b"});
  EXPECT_EQ(table.size(), 4U);
}

TEST_F(ConnectionTableTest, WhoHasMoreThanTheOthersTakesNothingFromThem) {
  auto table = make(3, 3);
  const auto a = admit(table, "10.0.0.1", "a"), b = admit(table, "10.0.0.1", "b");
  EXPECT_TRUE(a->set_busy() && b->set_busy());
  const auto few = admit(table, "10.0.0.9", "few");
  EXPECT_FALSE(admit(table, "10.0.0.1"));
  EXPECT_EQ(told, std::vector<std::string>{"full"});
  EXPECT_TRUE(closed.empty());
}

TEST_F(ConnectionTableTest, WhoHasBeenTurnedAwayIsNotCountedTwice) {
  auto table = make(10, 1);
  auto a = admit(table, "10.0.0.1", "a");
  auto b = admit(table, "10.0.0.1", "b");
  a->set_idle();
  a.reset();
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(open, 1);
  b.reset();
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(open, 0);
}

TEST_F(ConnectionTableTest, WhoIsTurnedAwayBeforeItCouldSayHowToCloseItIsClosed) {
  auto table = make(10, 1);
  const auto a = table.admit(ip::make_address("10.0.0.1"));
  const auto b = admit(table, "10.0.0.1", "b");
  a->on_turned_away([this] { closed.emplace_back("a"); });
  EXPECT_EQ(closed, std::vector<std::string>{"a"});
}

// In a cluster, the addresses of one /64 may be the pods of one node.
TEST_F(ConnectionTableTest, NeighboursMayCountByThemselves) {
  for (const auto peers : {PeersBy::kNetwork, PeersBy::kAddress}) {
    ConnectionTable table({.total = 10, .per_peer = 1, .peers = peers});
    const auto a = table.admit(ip::make_address("fd00::1"));
    EXPECT_TRUE(a->set_busy());
    EXPECT_EQ(table.admit(ip::make_address("fd00::2")) != nullptr, peers == PeersBy::kAddress);
    EXPECT_FALSE(table.admit(ip::make_address("fd00::1")));
  }
}

TEST(PeerGroup, IsTheNetworkOfAnIpv6Address) {
  const auto group = [](const char* text) { return peer_group(ip::make_address(text), PeersBy::kNetwork); };
  EXPECT_EQ(group("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(group("::ffff:10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(group("2001:db8:1:2::1"), group("2001:db8:1:2:ffff::9"));
  EXPECT_NE(group("2001:db8:1:2::1"), group("2001:db8:1:3::1"));
}

}  // namespace
}  // namespace modelrun::net
