#include "source/git/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace modelrun::source {
namespace {

struct Range4 {
  std::uint32_t network;
  int bits;
};

constexpr std::uint32_t ip4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24U | b << 16U | c << 8U | d;
}

constexpr std::array kPrivate4 = {
    Range4{ip4(10, 0, 0, 0), 8},    Range4{ip4(100, 64, 0, 0), 10},  Range4{ip4(127, 0, 0, 0), 8},
    Range4{ip4(172, 16, 0, 0), 12}, Range4{ip4(192, 168, 0, 0), 16},
};

// The other ranges of the IANA IPv4 special-purpose address registry that are not globally reachable, multicast, and
// the metadata services of Alibaba Cloud (100.100.100.200) and Azure (168.63.129.16), which are not link-local.
constexpr std::array kNever4 = {
    Range4{ip4(0, 0, 0, 0), 8},       Range4{ip4(169, 254, 0, 0), 16},     Range4{ip4(192, 0, 0, 0), 24},
    Range4{ip4(192, 0, 2, 0), 24},    Range4{ip4(192, 88, 99, 0), 24},     Range4{ip4(198, 18, 0, 0), 15},
    Range4{ip4(198, 51, 100, 0), 24}, Range4{ip4(203, 0, 113, 0), 24},     Range4{ip4(224, 0, 0, 0), 4},
    Range4{ip4(240, 0, 0, 0), 4},     Range4{ip4(100, 100, 100, 200), 32}, Range4{ip4(168, 63, 129, 16), 32},
};

bool in_one_of(std::span<const Range4> ranges, std::uint32_t address) {
  return std::ranges::any_of(ranges, [address](const Range4& range) {
    const std::uint32_t mask = ~std::uint32_t{0} << static_cast<unsigned>(32 - range.bits);
    return (address & mask) == range.network;
  });
}

AddressKind kind4(std::uint32_t address) {
  if (in_one_of(kNever4, address)) return AddressKind::kNever;
  return in_one_of(kPrivate4, address) ? AddressKind::kPrivate : AddressKind::kPublic;
}

using Bytes16 = std::array<std::uint8_t, 16>;

bool has_prefix(const Bytes16& address, std::span<const std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

std::uint32_t last_four(const Bytes16& a) {
  return ip4(a[12], a[13], a[14], a[15]);
}

AddressKind kind6(const Bytes16& address) {
  constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<std::uint8_t, 12> nat64 = {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};
  if (has_prefix(address, mapped) || has_prefix(address, nat64)) return kind4(last_four(address));
  constexpr Bytes16 loopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr Bytes16 aws_metadata = {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
  constexpr Bytes16 google_metadata = {0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
  if (address == aws_metadata || address == google_metadata) return AddressKind::kNever;
  if (address == loopback || (address[0] & 0xfeU) == 0xfcU) return AddressKind::kPrivate;
  // IANA allocates global unicast addresses only from 2000::/3. ::, fe80::/10 and ff00::/8 are outside of it.
  if ((address[0] & 0xe0U) != 0x20U) return AddressKind::kNever;
  constexpr std::array<std::uint8_t, 2> six_to_four = {0x20, 0x02};
  constexpr std::array<std::uint8_t, 4> documentation = {0x20, 0x01, 0x0d, 0xb8};
  constexpr std::array<std::uint8_t, 2> documentation2 = {0x3f, 0xff};
  // 2001::/23 holds Teredo, benchmarking and other protocol assignments.
  const bool protocols = address[0] == 0x20 && address[1] == 0x01 && (address[2] & 0xfeU) == 0;
  const bool special = protocols || has_prefix(address, six_to_four) || has_prefix(address, documentation) ||
                       has_prefix(address, documentation2);
  return special ? AddressKind::kNever : AddressKind::kPublic;
}

}  // namespace

AddressKind address_kind(std::string_view address) {
  const std::string text(address);
  // inet_pton() reads up to the first NUL; what lies behind it would go unread.
  if (text.find('\0') != std::string::npos) return AddressKind::kNever;
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return kind4(ntohl(four.s_addr));
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1) return AddressKind::kNever;
  Bytes16 bytes{};
  std::memcpy(bytes.data(), &six, bytes.size());
  return kind6(bytes);
}

Result<std::vector<std::string>> resolve_checked(const Lookup& lookup, const std::string& host, bool allow_private,
                                                 std::chrono::milliseconds timeout, std::stop_token stop) {
  auto addresses = lookup(host, timeout, std::move(stop));
  if (!addresses) return addresses;
  if (addresses->empty()) return fail(ErrorKind::kUnavailable, "resolve {}: it has no address", host);
  for (const std::string& address : *addresses) {
    const auto kind = address_kind(address);
    if (kind == AddressKind::kNever)
      return fail(ErrorKind::kDenied,
                  "{} has the address {}, where no git server can be (link-local, metadata, reserved)", host, address);
    if (kind == AddressKind::kPrivate && !allow_private)
      return fail(ErrorKind::kDenied,
                  "{} has the address {}, which is not a public one; the operator does not connect to private or "
                  "loopback addresses unless it is started so",
                  host, address);
  }
  return addresses;
}

}  // namespace modelrun::source
