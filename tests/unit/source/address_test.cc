#include "source/git/address.h"

#include <gmock/gmock.h>

#include <map>
#include <thread>

namespace modelrun::source {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

TEST(Address, KnowsItsKind) {
  const std::map<AddressKind, std::vector<const char*>> expected = {
      {AddressKind::kPublic,
       {"1.1.1.1", "140.82.121.4", "172.15.0.1", "172.32.0.1", "100.63.0.1", "192.167.0.1", "2606:50c0:8000::153",
        "::ffff:1.1.1.1", "64:ff9b::8c52:7904"}},
      {AddressKind::kPrivate,
       {"127.0.0.1", "127.255.255.255", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
        "100.127.255.255", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fc00::1", "fd12:3456::1", "64:ff9b::7f00:1"}},
      {AddressKind::kNever,
       {"0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "::",
        "::127.0.0.1",
        "::ffff:169.254.169.254",
        "fe80::1",
        "ff02::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::1",
        "2001:0:1::1",
        "2001:db8::1",
        "100::1",
        "fe80::1%eth0",
        "",
        "localhost",
        "1.2.3",
        "01.2.3.4"}}};
  for (const auto& [kind, addresses] : expected) {
    for (const char* address : addresses) EXPECT_EQ(address_kind(address), kind) << address;
  }
  EXPECT_EQ(address_kind(std::string_view("10.0.0.1\0.x", 11)), AddressKind::kNever);
}

Lookup answering(std::vector<std::string> addresses) {
  return [addresses](const std::string&, milliseconds, std::stop_token) {
    return Result<std::vector<std::string>>(addresses);
  };
}

TEST(Address, OneBadAddressRefusesTheName) {
  const auto mixed = resolve_checked(answering({"1.1.1.1", "169.254.169.254"}), "git.test", false, milliseconds(1), {});
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().kind, ErrorKind::kDenied);
  EXPECT_THAT(mixed.error().message, HasSubstr("169.254.169.254"));
  EXPECT_TRUE(resolve_checked(answering({"1.1.1.1"}), "git.test", false, milliseconds(1), {}));
  EXPECT_TRUE(resolve_checked(answering({"10.0.0.1"}), "git.test", true, milliseconds(1), {}));
  EXPECT_EQ(resolve_checked(answering({"169.254.169.254"}), "git.test", true, milliseconds(1), {}).error().kind,
            ErrorKind::kDenied)
      << "never a metadata service";
  EXPECT_EQ(resolve_checked(answering({}), "git.test", true, milliseconds(1), {}).error().kind,
            ErrorKind::kUnavailable);
}

TEST(Address, TheSystemKnowsLocalhost) {
  const auto found = system_lookup("localhost", std::chrono::minutes(5), {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, ::testing::Contains(::testing::AnyOf("127.0.0.1", "::1")));
}

TEST(Address, AStoppedLookupReturnsAtOnce) {
  std::stop_source stop;
  stop.request_stop();
  const auto found = system_lookup("localhost", std::chrono::minutes(5), stop.get_token());
  // It may have been answered before anybody looked.
  EXPECT_TRUE(found || found.error().kind == ErrorKind::kCancelled);
}

}  // namespace
}  // namespace modelrun::source
